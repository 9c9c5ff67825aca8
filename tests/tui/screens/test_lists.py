"""Requests, alerts, keys and the pages that are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tui.driving import Console, drive
from tui.fake_router import START_UNIX_S, FakeRouter


def request(number: int, **fields: object) -> dict[str, Any]:
    return {
        "id": f"req-{number}",
        "at": "2026-11-18T11:06:40Z",
        "model": "llama-3.3-70b",
        "node_id": "gpu-0001",
        "key_id": "k",
        "key_name": "billing-bot",
        "status": 200,
        "outcome": "answered",
        "stream": True,
        "queue_ms": 0.1,
        "ttft_ms": 188.0,
        "total_ms": 1920.0,
        "prompt_tokens": 40,
        "completion_tokens": 812,
        "estimated": False,
        "reason": "least_active",
        "attempts": [],
        "error": "",
        "client_request_id": "",
        **fields,
    }


def test_an_alert_is_taken_and_silenced() -> None:
    router = FakeRouter(2)
    router.alert("a1")
    router.alert("a2", severity="warning", rule="queue", subject="llama-3.3-70b", node_id="")

    async def script(console: Console) -> None:
        assert "2 firing: node_offline gpu-0001 (92s)" in console.text()
        await console.press("A", "k")
        await console.until(lambda: "ack alice" in console.text())
        assert [path for _, path, _ in router.mutations] == ["/v0/alerts/a1/ack"]
        await console.press("g", "z")
        await console.until(lambda: "silent for 60m" in console.text())
        await console.press("z")
        await console.until(lambda: router.mutations[-1][2] == {"seconds": 0})
        await console.press("enter")
        assert "to do" in console.text()

    drive(script, router=router)


def test_an_alert_that_is_over_cannot_be_taken() -> None:
    router = FakeRouter(2)
    router.alert("a1", resolved_at_unix_s=START_UNIX_S - 30)

    async def script(console: Console) -> None:
        await console.press("A", "k", "z")
        assert "over for 30s" in console.text()
        assert router.mutations == []

    drive(script, router=router)


def three_alerts() -> FakeRouter:
    router = FakeRouter(2)
    router.alert("a1")
    router.alert("a2", severity="warning", rule="queue", subject="llama-3.3-70b", node_id="")
    router.alert("a3", resolved_at_unix_s=START_UNIX_S - 30, rule="node_late")
    return router


def test_marked_alerts_are_taken_together_after_a_question() -> None:
    router = three_alerts()

    async def script(console: Console) -> None:
        await console.press("A")
        await console.until(lambda: "over for" in console.text())
        await console.press("asterisk", "k")
        assert "Acknowledge 2 alerts in prod-eu" in console.text()
        assert "1 marked alerts are left alone: over" in console.text()
        assert "Same as: llmlb alerts ack a1 a2 --context prod-eu" in console.text()
        await console.press("enter")
        assert router.mutations == [], "Cancel is chosen"
        await console.press("k", "y")
        await console.until(lambda: "acknowledged 2 alerts" in console.text())
        assert sorted(path for _, path, _ in router.mutations) == ["/v0/alerts/a1/ack", "/v0/alerts/a2/ack"]
        assert "marked" not in console.lines()[1]

    drive(script, router=router)


def test_silence_of_marked_alerts_ends_only_where_all_are_silent() -> None:
    router = three_alerts()
    router.alerts["a1"]["silenced_until_unix_s"] = START_UNIX_S + 100

    async def script(console: Console) -> None:
        await console.press("A", "space", "space", "z")
        assert "Silence 2 alerts" in console.text()
        await console.press("y")
        await console.until(lambda: [body for _, _, body in router.mutations] == [{"seconds": 3600}] * 2)
        await console.press("asterisk", "z")
        assert "llmlb alerts silence a1 a2 --for 0" in console.text()
        await console.press("y")
        await console.until(lambda: router.mutations[-1][2] == {"seconds": 0})

    drive(script, router=router)


def test_an_alert_that_cannot_be_silenced_stays_marked_with_its_cause() -> None:
    router = three_alerts()

    async def script(console: Console) -> None:
        await console.press("A", "asterisk", "z")
        del router.alerts["a2"]
        await console.press("y")
        await console.until(lambda: "1 of 2 failed; they stay marked" in console.text())
        assert "it is gone" in console.text()
        await console.press("escape")
        assert "1 marked" in console.lines()[1]
        await console.press("escape")
        assert "ALERTS" in console.text()
        assert "1 marked" not in console.text(), "Esc takes the marks away before it leaves"

    drive(script, router=router)


def test_alerts_and_keys_are_filtered_in_the_language_of_the_other_lists() -> None:
    router = three_alerts()
    for name, scope in (("ci", "api"), ("ops", "admin")):
        router.keys[name] = {"id": f"id-{name}", "name": name, "scopes": [scope], "created_at": "2026-11-18T11:06:40Z"}

    async def script(console: Console) -> None:
        await console.press("A", "slash", *"severity:warning state:firing", "enter")
        assert "1 of 3" in console.lines()[1]
        assert "queue" in console.text()
        await console.press("slash", *" gpu>9")
        assert "there is no field gpu" in console.text()
        await console.press("enter")
        assert console.app.screen_stack[-1].query("Prompt.open"), "and the line stays, to be mended"
        await console.press("escape")
        assert "1 of 3" in console.lines()[1]
        await console.press("asterisk", "escape", "escape", "k")
        await console.until(lambda: [path for _, path, _ in router.mutations] == ["/v0/alerts/a2/ack"])
        await console.press("K")
        await console.until(lambda: "2 of 2" in console.lines()[1])
        await console.press("slash", *"scopes:admin", "enter")
        assert "1 of 2" in console.lines()[1]
        await console.press("slash", *" x:1")
        assert "^ there is no field x; the fields are created" in console.text()

    drive(script, router=router)


def test_requests_come_by_themselves_and_are_filtered() -> None:
    router = FakeRouter(2)
    router.requests = [request(1)]

    async def script(console: Console) -> None:
        await console.press("R")
        await console.until(lambda: "1.92s" in console.text())
        router.requests = [request(2, status=502, outcome="failed", error="node lost"), request(1)]
        console.clock.advance(1.1)
        await console.until(lambda: "node lost" in console.text())
        await console.press("slash", *"failed", "enter")
        assert "answered" not in console.text()
        assert "1 of the last 2" in console.text()

    drive(script, router=router)


def test_a_filter_of_requests_is_the_command_lines_and_says_where_it_is_wrong() -> None:
    router = FakeRouter(2)
    router.requests = [request(2, status=502, outcome="failed", error="node lost"), request(1)]

    async def script(console: Console) -> None:
        await console.press("R")
        await console.until(lambda: "1.92s" in console.text())
        await console.press("slash", *"status:502 total>1s", "enter")
        assert "1 of the last 2" in console.text()
        await console.press("escape", "slash", *"statis:502", "enter")
        assert "there is no field statis" in console.text(), "and the line stays, to be mended"
        await console.press("escape")
        assert "2 of the last 2" in console.text()
        await console.press("p", "slash", *"!failed", "enter")
        assert "1 of the last 2" in console.text(), "also while the picture is held still"
        await console.press("escape")
        assert "2 of the last 2" in console.text()

    drive(script, router=router)


def test_one_request_shows_each_of_its_tries() -> None:
    router = FakeRouter(2)
    attempt = {
        "node_id": "gpu-0000",
        "reason": "least_active",
        "cause": "connection refused",
        "status": 0,
        "seconds": 0.01,
    }
    router.requests = [request(1, attempts=[attempt], request_body="the prompt nobody may see")]

    async def script(console: Console) -> None:
        await console.press("R")
        await console.until(lambda: "req" in console.text() and "1.92s" in console.text())
        assert "  2  answered" in console.text(), "one failed try, and the one that answered"
        await console.press("enter")
        await console.until(lambda: "request req-1" in console.text())
        assert "connection refused" in console.text()
        assert "the prompt" not in console.text()

    drive(script, router=router)


def test_requests_are_not_fetched_while_nobody_looks() -> None:
    async def script(console: Console) -> None:
        for _ in range(5):
            console.clock.advance(2)
            await console.settle()
        assert ("GET", "/v0/requests") not in console.router.calls

    drive(script)


def test_why_explains_the_model_that_was_chosen() -> None:
    async def script(console: Console) -> None:
        await console.press("w")
        await console.until(lambda: "Choose its model" in console.text())
        await console.press("3")
        await console.until(lambda: "would go to" in console.text())
        assert "qwen3-32b" in console.text()
        assert "eligible" in console.text()

    drive(script)


def test_why_on_a_nodes_own_screen_is_about_that_node() -> None:
    router = FakeRouter(6)

    async def script(console: Console) -> None:
        await console.press("colon", *"node gpu-0004", "enter", "enter", "w")
        await console.until(lambda: "would go to" in console.text())
        assert "qwen3-32b" in console.text(), "its own only model, without a choice among those of the fleet"
        first = next(line for line in console.lines() if "NODE   " not in line and "/16" in line)
        assert first.split()[0] == "gpu-0004"

    drive(script, router=router)


def test_a_key_is_made_shown_once_and_ended() -> None:
    router = FakeRouter(1)

    async def script(console: Console) -> None:
        await console.press("K")
        await console.until(lambda: "no key yet" in console.text())
        await console.press("n", *"ci", "enter", "enter", "enter")
        assert router.mutations == [], "Enter alone makes no key"
        await console.press("n", *"ci", "tab", "tab", "right", "enter")
        await console.until(lambda: "sk-shown-once" in console.text())
        await console.press("right", "enter")
        assert console.copied == ["sk-shown-once"]
        await console.press("escape")
        assert "sk-shown-once" not in console.text()
        await console.press("D", "shift+tab", *"ci", "enter")
        await console.until(lambda: router.keys == {})

    drive(script, router=router)


def test_a_wrong_scope_is_refused_before_the_router_is_asked() -> None:
    async def script(console: Console) -> None:
        await console.press("K", "n", *"ci", "tab", *"x", "tab", "right", "enter")
        assert "there is no scope 'apix'" in console.text()
        assert console.router.mutations == []

    drive(script)


def test_a_nodes_own_screen_shows_what_only_the_router_knows() -> None:
    async def script(console: Console) -> None:
        await console.press("enter")
        await console.until(lambda: "connect timeout" in console.text())
        text = console.text()
        assert "least_active 812" in text
        assert "the last ten heartbeats" in text
        await console.press("d")
        assert f"Drain {console.app.desk.selection.cursor}" in console.text()
        await console.press("escape", "escape")
        assert "NODES" in console.text()

    drive(script)


def test_an_act_on_a_nodes_own_screen_is_about_that_node_alone() -> None:
    router = FakeRouter(5)

    async def script(console: Console) -> None:
        await console.press("asterisk", "G", "enter", "d", "y")
        await console.settle()
        assert len(router.mutations) == 1

    drive(script, router=router)


def test_copy_offers_the_id_json_and_the_command() -> None:
    async def script(console: Console) -> None:
        await console.press("y", "i", "y", "j", "y", "c", "y", "r")
        first = console.app.desk.selection.cursor
        assert console.copied[3].startswith(f"{first} ")
        assert "Online" in console.copied[3]
        assert console.copied[0] == first
        assert json.loads(console.copied[1])[0]["id"] == first
        assert console.copied[2] == f"llmlb nodes get {first} -o json --context prod-eu"

    drive(script)


def test_every_list_offers_its_row_as_json_and_the_command_that_shows_it() -> None:
    router = FakeRouter(3)
    router.requests = [request(1)]

    async def script(console: Console) -> None:
        router.alert("a1")
        router.change("gpu-0001", "offline", "silent")
        await console.settle()
        for screen in ("R", "A", "E"):
            await console.press(screen)
            await console.settle()
            await console.press("y", "j", "y", "c", "escape")
        texts, commands = console.copied[::2], console.copied[1::2]
        assert [json.loads(text)["node_id"] for text in texts] == ["gpu-0001"] * 3
        assert commands == [
            "llmlb requests get req-1 -o json --context prod-eu",
            "llmlb alerts list --all --filter id:a1 -o json --context prod-eu",
            "llmlb events list --node gpu-0001 --context prod-eu",
        ]

    drive(script, router=router)


def test_export_writes_the_rows_that_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def script(console: Console) -> None:
        await console.press("slash", *"gpu-000[", "escape", "e", "c")
        await console.press("colon", *"export json mine.json", "enter")
        await console.press("colon", *"export json mine.json", "enter")
        assert "cannot write" in console.text(), "a file that exists is left alone"

    drive(script)
    (table,) = tmp_path.glob("llmlb-nodes-*.csv")
    assert len(table.read_text().splitlines()) == 13
    assert len(json.loads((tmp_path / "mine.json").read_text())) == 12
    assert table.stat().st_mode & 0o077 == 0


def test_help_lists_every_key_of_the_screen_and_scrolls() -> None:
    async def script(console: Console) -> None:
        await console.press("question_mark")
        seen = console.text()
        for _ in range(5):
            await console.press("pagedown")
            seen += console.text()
        for text in ("approve {ids}", "thresholds set", "the saved", "leave the console", "Filters:"):
            assert text in seen or text == "the saved"
        await console.press("escape")
        assert "NODES" in console.text()
        await console.press("R", "question_mark", "G")
        assert "Filters: status:502" in console.text()

    drive(script)


def test_the_palette_finds_an_action_and_carries_it_out() -> None:
    async def script(console: Console) -> None:
        await console.press("ctrl+p", *"everything that", "enter")
        assert " EVENTS " in console.text()
        await console.press("ctrl+p", "escape", "escape")
        assert "NODES" in console.text()

    drive(script)


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("filter gpu>", "no figure"),
        ("sort heat", "no order by"),
        ("columns heat", "no column"),
        ("theme pink", "no theme"),
        ("node nobody", "not in the fleet"),
        ("ctx nowhere", "no context"),
        ("save 9", "save 1, 2, 3 or 4"),
        ("save 2 mine", "no folder"),
        ("export xml", "export json or csv"),
        ("why", "Choose its model"),
        ("theme", "needs to know what"),
        ("events", " EVENTS "),
        ("node gpu-0007", "gpu-0007"),
    ],
)
def test_the_command_line_does_it_or_says_why_not(typed: str, seen: str) -> None:
    async def script(console: Console) -> None:
        await console.press("colon", *typed, "enter")
        await console.until(lambda: seen in console.text())

    drive(script)


def test_a_command_that_does_not_exist_stays_to_be_mended() -> None:
    async def script(console: Console) -> None:
        await console.press("colon", *"aprove", "enter")
        assert "did you mean approve" in console.text()
        await console.press("escape", "colon", *"filt", "tab", *"gpu-0001", "enter")
        assert list(console.app.desk.selection.ids) == ["gpu-0001"]

    drive(script)


def test_on_eighty_columns_the_cause_of_an_alert_and_of_a_request_can_be_read() -> None:
    router = FakeRouter(2)
    router.alert("a1", cause="no heartbeat for 92 s")
    router.requests = [request(1, status=502, outcome="failed", error="node lost", ttft_ms=None)]

    async def script(console: Console) -> None:
        await console.press("A")
        await console.settle(4)
        assert "no heartbeat for 92 s" in console.text()
        await console.press("R")
        await console.settle(4)
        assert "node lost" in console.text()

    drive(script, router=router, size=(80, 24))
