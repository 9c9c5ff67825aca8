"""llmlb status"""

from __future__ import annotations

import json

import pytest
from cli.command_line import Run
from cli.fake_router import Answer, Asked, FakeRouter, refusal

from llmlb_cli.commands.status import troubles_of

WELL = {
    "version": "0.1.0",
    "status": "ready",
    "uptime_seconds": 3720.5,
    "server_time": "2026-01-31T12:00:00Z",
    "mode": "metrics",
    "dev": False,
    "nodes": {"total": 6, "pending": 1, "online": 4, "offline": 1, "draining": 1, "late": 0},
    "in_flight": 12,
    "queued": 3,
    "queue": {"m": 3},
    "rates": {"requests_per_second": 4.25, "tokens_per_second": 1234.5, "error_percent": 0.0, "p95_ms": None},
    "alerts_firing": 0,
    "mass_silence": False,
}


def _alert(severity: str, **fields: object) -> dict[str, object]:
    return {"severity": severity, "rule": "", "node_id": "", "hint": "", "is_firing": True, **fields}


def test_a_healthy_router_is_one_screen_and_0(router: FakeRouter, run: Run) -> None:
    router.answers["GET", "/v0/status"] = Answer(200, WELL)
    ran = run("status")
    assert ran == (
        0,
        f"router   {router.url}  llmlb 0.1.0  up 1h02m\n"
        "state    ready, mode metrics\n"
        "nodes    6: 4 online, 1 pending, 1 offline (1 draining)\n"
        "load     12 in flight, 3 queued, 4.25 requests/s, 1230 tokens/s, 0% errors\n"
        "alerts   0 firing\n"
        "next     llmlb nodes approve --all-pending\n",
        "",
    )


def test_a_critical_alert_is_shown_and_10(router: FakeRouter, run: Run) -> None:
    router.answers["GET", "/v0/status"] = Answer(200, {**WELL, "alerts_firing": 2})
    alerts = [
        _alert("critical", subject="node-1", cause="it is offline", hint="look at its agent"),
        _alert("warning", subject="", rule="queue_growing", cause=""),
        _alert("critical", subject="node-3", cause="long ago", is_firing=False),
    ]
    router.answers["GET", "/v0/alerts"] = Answer(200, {"alerts": alerts})
    ran = run("status")
    assert ran.code == 10
    assert "  critical: node-1: it is offline\n    look at its agent\n  warning: queue_growing\n" in ran.out
    assert "trouble" not in ran.out
    item = json.loads(run("status", "-o", "json").out)["item"]
    assert (item["healthy"], item["troubles"], len(item["alerts"])) == (False, ["node-1: it is offline"], 2)


@pytest.mark.parametrize(
    ("change", "is_well"),
    [
        ({}, True),
        ({"status": "draining"}, False),
        ({"mass_silence": True}, False),
        ({"nodes": {"online": 0, "offline": 2}}, False),
        ({"nodes": {"online": 0, "offline": 0, "pending": 3}}, True),
        ({"nodes": None, "rates": []}, True),
    ],
)
def test_what_counts_as_trouble(change: dict[str, object], is_well: bool) -> None:
    assert (troubles_of({**WELL, **change}, []) == []) is is_well


def test_an_answer_with_holes_is_still_a_screen(router: FakeRouter, run: Run) -> None:
    router.answers["GET", "/v0/status"] = Answer(200, {})
    ran = run("status")
    assert ran.code == 10
    assert "the router is in an unknown state" in ran.out


def test_waiting_ends_when_the_router_becomes_ready(router: FakeRouter, run: Run) -> None:
    def second_time(asked: Asked) -> Answer:
        times = len(router.told("GET", "/health/ready"))
        return Answer(200, {}) if times > 1 else refusal(503, "starting", "The router is starting.")

    router.answers["GET", "/health/ready"] = second_time
    assert run("status", "--wait-ready", "--wait-timeout", "20") == (0, f"{router.url} is ready\n", "")
    assert "authorization" not in router.asked[0].headers


def test_a_wait_that_was_too_short_tells_what_was_missing(router: FakeRouter, run: Run) -> None:
    router.answers["GET", "/health/ready"] = refusal(503, "starting", "The router is starting.")
    ran = run("status", "--wait-ready", "--wait-timeout", "0")
    assert ran.code == 8
    assert "The router is starting." in ran.err
