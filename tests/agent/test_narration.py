"""An operator reads each change once, with the next step."""

from __future__ import annotations

import logging

import pytest

from llmlb.agent.narration import Narration
from llmlb.errors import RouterUnreachable


def test_each_state_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    narration = Narration()
    with caplog.at_level(logging.INFO):
        for state in ("pending", "pending", "online", "online", "offline", "online"):
            narration.standing(node_id="n", state=state, draining=False)
    assert [record.message.split(":")[0].split(";")[0] for record in caplog.records] == [
        "waiting for approval",
        "online",
        "known to the router",
        "online",
    ]


def test_a_state_of_a_newer_router_is_told_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        Narration().standing(node_id="n", state="retired", draining=False)
    assert caplog.records[0].__dict__["state"] == "retired"


def test_draining_is_told_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    narration = Narration()
    with caplog.at_level(logging.INFO):
        for draining in (False, True, True, False):
            narration.standing(node_id="n", state="online", draining=draining)
    assert [record.message for record in caplog.records][1:] == [
        "draining: the router sends nothing new",
        "no longer draining",
    ]


def test_trouble_is_told_once_per_reason_and_its_end_once(caplog: pytest.LogCaptureFixture) -> None:
    narration = Narration()
    with caplog.at_level(logging.INFO):
        for cause in ("refused", "refused", "timed out"):
            narration.trouble(RouterUnreachable(cause), advice="llmlb nodes get NODE", node_id="n")
        narration.accepted(node_id="n")
        narration.accepted(node_id="n")
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "INFO"]
    assert caplog.records[0].__dict__["advice"] == "llmlb nodes get n"
