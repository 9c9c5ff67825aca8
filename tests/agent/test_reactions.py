"""The table of reactions, row by row, and the advice that goes with each."""

from __future__ import annotations

import pytest

from llmlb.agent.reactions import (
    Reaction,
    after_heartbeat,
    after_registration,
    heartbeat_advice,
    registration_advice,
)
from llmlb.errors import RouterRefused, RouterUnreachable


def refused(status: int, code: str = "some_code") -> RouterRefused:
    return RouterRefused("no", status=status, code=code)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "node_not_found", Reaction.REGISTER_AGAIN),
        (403, "node_rejected", Reaction.WAIT_LONG),
        (403, "wrong_node", Reaction.BACK_OFF),
        (401, "invalid_token", Reaction.BACK_OFF),
        (409, "duplicate_instance", Reaction.NEXT_BEAT),
        (422, "invalid_field", Reaction.NEXT_BEAT),
        (429, "too_many_heartbeats", Reaction.BEAT_SOON),
        (500, "internal", Reaction.BACK_OFF),
        (503, "draining", Reaction.BACK_OFF),
        (302, "redirect", Reaction.BACK_OFF),
    ],
)
def test_after_a_heartbeat(status: int, code: str, expected: Reaction) -> None:
    assert after_heartbeat(refused(status, code)) is expected


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (409, "node_exists", Reaction.OTHER_ID),
        (403, "node_rejected", Reaction.WAIT_LONG),
        (401, "join_token_required", Reaction.BACK_OFF),
        (404, "not_found", Reaction.BACK_OFF),
        (422, "url_refused", Reaction.BACK_OFF),
        (429, "too_many", Reaction.BACK_OFF),
        (500, "internal", Reaction.BACK_OFF),
    ],
)
def test_after_a_registration(status: int, code: str, expected: Reaction) -> None:
    assert after_registration(refused(status, code)) is expected


def test_a_router_that_is_away_is_waited_for() -> None:
    away = RouterUnreachable()
    assert after_heartbeat(away) is after_registration(away) is Reaction.BACK_OFF
    assert "--router-url" in heartbeat_advice(away)


@pytest.mark.parametrize(
    ("status", "word"),
    [(401, "XLLM_TOKEN"), (403, "XLLM_TOKEN"), (409, "--node-id"), (422, "field"), (500, "trouble of its own")],
)
def test_a_heartbeats_advice_names_the_next_step(status: int, word: str) -> None:
    assert word in heartbeat_advice(refused(status))


@pytest.mark.parametrize(
    ("status", "word"),
    [(401, "LLMLB_JOIN_TOKEN"), (404, "--router-url"), (409, "llmlb nodes delete"), (422, "--advertise-url")],
)
def test_a_registrations_advice_names_the_next_step(status: int, word: str) -> None:
    assert word in registration_advice(refused(status))


def test_a_rejection_says_how_it_is_lifted() -> None:
    assert "llmlb nodes approve" in heartbeat_advice(refused(403, "node_rejected"))
