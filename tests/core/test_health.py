"""The life of a node: a total table with one road out of Pending."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from llmlb.core.health import TRANSITIONS, NodeState, Signal, after

APPROVALS = {Signal.APPROVED_FRESH, Signal.APPROVED_SILENT}


def test_every_state_answers_every_signal() -> None:
    assert set(TRANSITIONS) == set(product(NodeState, Signal))


@given(st.lists(st.sampled_from(sorted(set(Signal) - APPROVALS))))
def test_no_road_leads_out_of_pending_without_approval(signals: list[Signal]) -> None:
    state = NodeState.PENDING
    for signal in signals:
        state = after(state, signal)
    assert state is NodeState.PENDING


@given(st.lists(st.sampled_from(sorted(Signal))))
def test_a_heartbeat_brings_an_approved_node_online_at_once(signals: list[Signal]) -> None:
    state = NodeState.PENDING
    for signal in signals:
        state = after(state, signal)
    expected = NodeState.PENDING if state is NodeState.PENDING else NodeState.ONLINE
    assert after(state, Signal.HEARTBEAT) is expected
