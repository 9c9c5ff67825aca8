"""Alerts: listed, acknowledged, silenced, and told to every console."""

from __future__ import annotations

from pathlib import Path

import pytest
from api.rig import Rig, error_of, play

from llmlb.errors import StoreBusy


async def fire(rig: Rig) -> str:
    """An alert about the store, which needs no node. Returns its id."""
    for _ in range(2):
        rig.judge_alerts(store_error="disk full")
        rig.clock.pass_s(60)
    (alert,) = rig.services.alerts.firing
    return alert.id


def test_firing_alert_is_listed_with_its_cause_and_what_to_do(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        alert_id = await fire(rig)
        (alert,) = (await rig.ask("GET", "/v0/alerts", token=rig.viewer)).json()["alerts"]
        assert (alert["id"], alert["rule"], alert["is_firing"]) == (alert_id, "store_degraded", True)
        assert alert["cause"] == "disk full"
        assert alert["hint"]
        assert (await rig.ask("GET", "/v0/status", token=rig.viewer)).json()["alerts_firing"] == 1
        gauge = 'llmlb_alerts{rule="store_degraded",severity="warning",node_id=""} 1'
        assert gauge in (await rig.ask("GET", "/metrics", address="127.0.0.1")).text

    play(tmp_path, scenario)


def test_acknowledging_names_the_person_and_tells_the_consoles(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        alert_id = await fire(rig)
        answer = await rig.ask("POST", f"/v0/alerts/{alert_id}/ack", token=rig.admin)
        assert answer.json()["acknowledged_by"] == "user:admin"
        event = rig.services.feed.events()[0]
        assert (event.type.value, event.kind, event.actor) == ("alert", "acknowledged", "user:admin")
        assert event.detail == answer.json()
        assert (await rig.services.store.list_audit())[0].action == "alert.ack"

    play(tmp_path, scenario)


def test_silence_lasts_as_long_as_said_an_hour_without_a_word_and_ends_with_zero(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        path = f"/v0/alerts/{await fire(rig)}/silence"
        until = [
            (await rig.ask("POST", path, body, token=rig.admin)).json()["silenced_until_unix_s"]
            for body in ({"seconds": 60}, None, {"seconds": 0})
        ]
        assert until == [rig.clock.now_unix_s + 60, rig.clock.now_unix_s + 3600, None]

    play(tmp_path, scenario)


def test_alarm_can_be_silenced_while_the_store_is_what_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(rig: Rig) -> None:
        async def refuse(*_: object, **__: object) -> None:
            raise StoreBusy

        monkeypatch.setattr(rig.services.store, "append_audit", refuse)
        alert_id = await fire(rig)
        assert (await rig.ask("POST", f"/v0/alerts/{alert_id}/ack", token=rig.admin)).status_code == 200

    play(tmp_path, scenario)


def test_alert_that_does_not_fire_cannot_be_acknowledged(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for verb in ("ack", "silence"):
            answer = await rig.ask("POST", f"/v0/alerts/nothing/{verb}", token=rig.admin)
            assert (answer.status_code, error_of(answer)["code"]) == (404, "alert_not_found")

    play(tmp_path, scenario)
