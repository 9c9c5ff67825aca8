from __future__ import annotations

import pytest
from loadtest.examples import record

from llmlb.loadtest.pairing import pairing
from llmlb.loadtest.record import Label, Record
from llmlb.loadtest.taxonomy import Ending


def half(pair: int, arm: int, ttft_s: float, *, node: str = "", ending: Ending = Ending.OK) -> Record:
    return record(ttft_s=ttft_s, node=node, ending=ending, label=Label(pair * 2 + arm, arm=arm, pair=pair))


def test_the_difference_is_taken_within_each_pair() -> None:
    # The prompts differ by far more than the two sides do.
    records = [half(i, arm, 0.1 * (i + 1) + (0.003 if arm == 0 else 0)) for i in range(40) for arm in (0, 1)]
    found = pairing(records, pins={}, seed=1)
    assert found.pairs == 40
    assert found.of("ttft_service").percentile(50) == pytest.approx(0.003)
    assert found.differences[0].interval == pytest.approx((0.003, 0.003))


def test_pairs_with_a_failure_or_on_another_node_are_left_out_and_counted() -> None:
    records = [
        half(0, 0, 0.1, node="n1"), half(0, 1, 0.1),
        half(1, 0, 0.1, node="n2"), half(1, 1, 0.1),
        half(2, 0, 0.1, node="n1", ending=Ending.STALL), half(2, 1, 0.1),
        half(3, 0, 0.1, node="n1"),
    ]  # fmt: skip
    found = pairing(records, pins={1: "n1"}, seed=1)
    assert (found.pairs, found.misrouted, found.dropped) == (1, 1, 1)


def test_too_few_pairs_have_no_interval() -> None:
    found = pairing([half(0, 0, 0.1), half(0, 1, 0.1)], pins={}, seed=1)
    assert found.differences[0].interval is None
