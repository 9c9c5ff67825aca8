"""llmlb alerts list, ack and silence"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from cli.command_line import Run
from cli.fake_router import Answer, FakeRouter

PATH = "/v0/alerts"
Pipe = Callable[[str], None]


def _alert(alert_id: str, rule: str, subject: str, **fields: object) -> dict[str, object]:
    usual: dict[str, object] = {
        "id": alert_id,
        "rule": rule,
        "severity": "critical",
        "subject": subject,
        "node_id": subject,
        "cause": "no heartbeat\x1b[2J",
        "hint": "Check the agent.",
        "is_firing": True,
        "fired_at_unix_s": 60.0,
        "resolved_at_unix_s": None,
        "acknowledged_by": "",
        "acknowledged_at_unix_s": None,
        "silenced_by": "",
        "silenced_until_unix_s": None,
    }
    return {**usual, **fields}


@pytest.fixture
def alerts(router: FakeRouter) -> FakeRouter:
    rows = [
        _alert("a1", "node_offline", "gpu-1"),
        _alert("a2", "node_late", "gpu-2", severity="warning", acknowledged_by="kim"),
        _alert("a3", "node_late", "gpu-3", severity="warning", is_firing=False, resolved_at_unix_s=120.0),
        _alert("a4", "temperature", "gpu-2", severity="warning", silenced_until_unix_s=9e9),
    ]
    router.answers["GET", PATH] = Answer(200, {"alerts": rows})
    for row in rows:
        for verb in ("ack", "silence"):
            router.answers["POST", f"{PATH}/{row['id']}/{verb}"] = Answer(200, row)
    return router


def test_a_silence_that_has_ended_is_none_and_states_can_be_filtered(alerts: FakeRouter, run: Run) -> None:
    rows = [_alert("b1", "queue", "m", silenced_until_unix_s=120.0), _alert("b2", "queue", "n", acknowledged_by="kim")]
    alerts.answers["GET", PATH] = Answer(200, {"alerts": rows})
    assert "firing" in run("alerts", "list", "--filter", "id:b1").out
    assert run("alerts", "list", "--filter", "state:acked since>1h", "-o", "name").out == "b2\n"
    wrong = run("alerts", "list", "--filter", "state:acked x:1")
    assert (wrong.code, "            ^" in wrong.err) == (2, True)


def test_what_fires_is_listed_with_what_to_do(alerts: FakeRouter, run: Run) -> None:
    ran = run("alerts", "list")
    assert ran.out == (
        "ID  SEVERITY  RULE          ABOUT  STATE         CAUSE\n"
        "a1  critical  node_offline  gpu-1  firing        no heartbeat[2J\n"
        "a2  warning   node_late     gpu-2  acked by kim  no heartbeat[2J\n"
        "a4  warning   temperature   gpu-2  silenced      no heartbeat[2J\n"
    )
    assert "node_offline: Check the agent." in ran.err
    assert run("alerts", "list", "--severity", "critical", "-o", "name").out == "a1\n"
    assert run("alerts", "list", "--severity", "bad").code == 2


def test_json_tells_instants_as_all_other_lists_do(alerts: FakeRouter, run: Run) -> None:
    items = json.loads(run("alerts", "list", "--all", "-o", "json").out)["items"]
    assert [item["id"] for item in items] == ["a1", "a2", "a3", "a4"]
    assert (items[2]["fired_at"], items[2]["resolved_at"]) == ("1970-01-01T00:01:00Z", "1970-01-01T00:02:00Z")
    assert not any("unix" in name for name in items[0])


def test_an_alert_is_named_by_id_or_by_what_it_alone_is_about(alerts: FakeRouter, run: Run) -> None:
    for name, alert_id in (("a1", "a1"), ("gpu-1", "a1"), ("node_late", "a2"), ("a3", "a3")):
        assert run("alerts", "ack", name).code == 0
        assert alerts.asked[-1].path == f"{PATH}/{alert_id}/ack"
    ran = run("alerts", "ack", "gpu-2")
    assert (ran.code, "a2 (node_late gpu-2), a4 (temperature gpu-2)" in ran.err) == (2, True)
    ran = run("alerts", "ack", "gpu-11")
    assert (ran.code, "did you mean gpu-1" in ran.err) == (6, True)


def test_a_silence_lasts_as_long_as_was_said(alerts: FakeRouter, run: Run) -> None:
    ran = run("alerts", "silence", "a1", "--for", "8h")
    assert ran.out == "silenced node_offline gpu-1 for 8h00m  next: llmlb alerts list\n"
    assert alerts.asked[-1].body == {"seconds": 28_800}
    assert "may speak again" in run("alerts", "silence", "a1", "--for", "0").out
    assert json.loads(run("alerts", "silence", "a1", "-o", "json").out)["item"]["id"] == "a1"
    assert alerts.asked[-1].body == {"seconds": 3600}
    alerts.asked.clear()
    assert run("alerts", "silence", "a1", "--for", "31d").code == 2
    assert run("alerts", "silence", "a1", "--for", "soon").code == 2
    assert alerts.asked == []


def test_several_alerts_are_acted_on_after_one_question(alerts: FakeRouter, run: Run, piped: Pipe) -> None:
    assert run("alerts", "ack", "a1", "a4").code == 2, "nobody can be asked here"
    ran = run("alerts", "ack", "gpu-1", "a4", "gpu-9", "--yes", "-o", "json")
    assert [(item["id"], item["error"]) for item in json.loads(ran.out)["items"]] == [
        ("gpu-1", None),
        ("a4", None),
        ("gpu-9", "not_found"),
    ]
    assert (ran.code, [asked.path for asked in alerts.asked if asked.method == "POST"]) == (
        9,
        [f"{PATH}/a1/ack", f"{PATH}/a4/ack"],
    )
    piped("a1\na2\n")
    assert run("alerts", "silence", "-f", "-", "--for", "8h", "--yes").out == (
        "ID  OUTCOME   DETAIL\na1  silenced  node_offline gpu-1\na2  silenced  node_late gpu-2\n"
    )


def test_a_filter_finds_the_alerts_that_the_verb_means_something_for(alerts: FakeRouter, run: Run) -> None:
    assert run("alerts", "ack", "--filter", "gpu", "--yes", "-o", "name").out == "a1\na4\n"
    assert run("alerts", "silence", "--filter", "rule:node_late", "--dry-run", "-o", "name").out == "a2\n"
    assert run("alerts", "ack", "--filter", "rule:queue", "--yes").err == "no alert matches, nothing to do\n"
