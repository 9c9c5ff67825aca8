"""Waiting until nodes are as they should be."""

from __future__ import annotations

import pytest
from cli.command_line import Run
from cli.fake_router import Answer, Asked, FakeRouter, node

PATH = "/v0/nodes/node-1"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sleeps."""
    monkeypatch.setattr("llmlb_cli.node_waiting.POLL_S", 0.0)


def _becoming(router: FakeRouter, *views: dict[str, object] | None) -> None:
    """What the router says of the node, look by look; the last for ever, None: it is gone."""
    left = list(views)

    def look(asked: Asked) -> Answer:
        view = left.pop(0) if len(left) > 1 else left[0]
        return (
            Answer(404, {"error": {"message": "gone", "code": "node_not_found"}}) if view is None else Answer(200, view)
        )

    router.answers["GET", PATH] = look


def test_a_drain_tells_its_reason_and_returns_when_nothing_runs_there(router: FakeRouter, run: Run) -> None:
    router.add(node("node-1"))
    _becoming(router, node("node-1", active_requests=2), node("node-1", active_requests=0))
    ran = run("nodes", "drain", "node-1", "--yes", "--wait", "--reason", "new fan")
    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "empty: node-1  next: llmlb nodes get node-1"
    assert ran.err == "waiting for node-1 (Online, 2 active)\n"
    (asked,) = router.told("POST", f"{PATH}/drain")
    assert asked.query == {"reason": "new fan"}


def test_a_wait_that_is_over_ends_with_eight_and_says_what_is_left(router: FakeRouter, run: Run) -> None:
    router.add(node("node-1"), node("node-2", active_requests=0))
    ran = run("nodes", "drain", "node-1", "node-2", "--yes", "--wait", "--wait-timeout", "0")
    assert (ran.code, "not empty within 0s: node-1 (Online,Drain, 2 active)" in ran.err) == (8, True)
    assert run("nodes", "wait", "node-1", "--for", "offline", "--wait-timeout", "0").code == 8


def test_a_node_that_goes_away_is_no_success(router: FakeRouter, run: Run) -> None:
    router.add(node("node-1"))
    _becoming(router, node("node-1", state="pending"), None)
    assert run("nodes", "wait", "node-1").code == 10
    assert run("nodes", "wait", "node-11", "--for", "empty").code == 6


def test_a_router_that_starts_again_is_waited_for(router: FakeRouter, run: Run) -> None:
    router.add(node("node-1"))
    looks = iter((Answer(200, node("node-1", state="offline")), Answer(502, b"<html>"), Answer(200, node("node-1"))))
    router.answers["GET", PATH] = lambda asked: next(looks)
    assert run("nodes", "wait", "node-1").out == "online: node-1  next: llmlb nodes get node-1\n"


def test_what_cannot_be_waited_for_is_refused_before_anything_is_done(router: FakeRouter, run: Run) -> None:
    router.add(node("node-1"))
    assert run("nodes", "wait", "node-1", "--for", "emty").code == 2
    assert run("nodes", "drain", "node-1", "--yes", "--wait", "--wait-timeout", "soon").code == 2
    assert run("nodes", "drain", "node-1", "--yes", "--reason", "x" * 201).code == 2
    assert router.asked == []
