"""llmlb events list and tail"""

from __future__ import annotations

import json

import pytest
from cli.command_line import Run
from cli.fake_router import Answer, Asked, FakeRouter

from llmlb_cli import tailing
from llmlb_cli.commands import events as command

LIST, FEED = "/v0/events/recent", "/v0/events"


def _listed(number: int, **fields: object) -> dict[str, object]:
    usual: dict[str, object] = {"id": number, "at": "2026-01-31T12:00:00Z", "type": "node", "kind": "online"}
    return {**usual, "node_id": "gpu-1", "rule": "", "subject": "", "cause": "heartbeat", "actor": "", **fields}


def _fed(number: int, data: object, kind: str = "node") -> bytes:
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode()


def _change(number: int, node_id: str = "gpu-1") -> bytes:
    change = {"kind": "offline", "node_id": node_id, "cause": "silent\x1b[2J", "actor": "", "at_unix_s": 60.5}
    return _fed(number, {"change": change, "node_id": node_id})


SNAPSHOT = _fed(20, {"nodes": []}, "snapshot")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tailing, "FIRST_PAUSE_S", 0.0)


def test_events_are_listed_with_who_did_them(router: FakeRouter, run: Run) -> None:
    router.answers["GET", LIST] = Answer(200, {"events": [_listed(2, kind="draining", actor="user:kim")]})
    assert run("events", "list", "--node", "gpu-1", "--since", "1970-01-01T00:01:00Z").out == (
        "AT                   EVENT     ABOUT  BY        CAUSE\n"
        "2026-01-31 12:00:00  draining  gpu-1  user:kim  heartbeat\n"
    )
    assert router.asked[0].query == {"limit": "100", "node": "gpu-1", "since": "60.0"}


def test_all_events_are_listed_page_by_page(router: FakeRouter, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "PAGE", 3)

    def answer(asked: Asked) -> Answer:
        before = int(asked.query.get("before", "8"))
        rows = [_listed(number) for number in range(before - 1, 0, -1)]
        return Answer(200, {"events": rows[: int(asked.query["limit"])]})

    router.answers["GET", LIST] = answer
    listed = json.loads(run("events", "list", "--limit", "0", "-o", "json").out)["items"]
    assert [event["id"] for event in listed] == [7, 6, 5, 4, 3, 2, 1]
    assert run("events", "list", "--limit", "4", "-o", "name").out.split() == ["7", "6", "5", "4"]


def test_a_tail_begins_with_the_last_events_and_leaves_moving_figures_out(router: FakeRouter, run: Run) -> None:
    router.answers["GET", LIST] = Answer(200, {"events": [_listed(25), _listed(19), _listed(18)]})
    moved = _fed(21, {"node_id": "gpu-1", "node": {}})
    router.answers["GET", FEED] = Answer(200, SNAPSHOT + moved + _change(25) + _change(26, "gpu-2"))
    ran = run("events", "tail", "--limit", "4", "-o", "jsonl")
    assert [json.loads(line)["id"] for line in ran.out.splitlines()] == [18, 19, 25, 26]
    assert json.loads(ran.out.splitlines()[2]) == {
        "id": 25,
        "at": "1970-01-01T00:01:00Z",
        "type": "node",
        "kind": "offline",
        "node_id": "gpu-1",
        "rule": "",
        "subject": "",
        "cause": "silent[2J",
        "actor": "",
    }
    assert router.told("GET", LIST)[0].query["limit"] == "10"


def test_a_tail_of_one_node_shows_no_other(router: FakeRouter, run: Run) -> None:
    router.answers["GET", FEED] = Answer(200, SNAPSHOT + _change(21) + _change(22, "gpu-2"))
    ran = run("events", "tail", "--last", "0", "--node", "gpu-2", "--limit", "1")
    assert ran.out.splitlines()[1].split() == ["00:01:00", "offline", "gpu-2", "silent[2J"]
    assert router.told("GET", LIST) == []


def test_an_alert_names_its_rule_and_the_model_it_is_about(router: FakeRouter, run: Run) -> None:
    change = {"kind": "fired", "node_id": "", "cause": "nobody", "actor": "", "at_unix_s": 60.0}
    told = {"change": change, "alert": {"rule": "model_down", "subject": "qwen\x1b[2J"}}
    router.answers["GET", FEED] = Answer(200, SNAPSHOT + _fed(21, told, "alert"))
    ran = run("events", "tail", "--last", "0", "--limit", "1", "--no-headers")
    assert ran.out == "00:01:00  model_down fired      qwen[2J         nobody\n"


def test_what_happened_while_the_router_was_away_is_made_up_for(router: FakeRouter, run: Run) -> None:
    def feed(asked: Asked) -> Answer:
        if len(router.told("GET", FEED)) == 1:
            return Answer(200, SNAPSHOT + _change(21))
        return Answer(200, _fed(40, {"nodes": []}, "snapshot") + _change(41))

    router.answers["GET", FEED] = feed
    router.answers["GET", LIST] = Answer(200, {"events": [_listed(39), _listed(38), _listed(21), _listed(5)]})
    ran = run("events", "tail", "--last", "0", "--limit", "4", "-q", "-o", "name")
    assert ran.out.split() == ["21", "38", "39", "41"]
