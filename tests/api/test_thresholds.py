"""The live settings over HTTP."""

from __future__ import annotations

from pathlib import Path

from api.rig import Rig, error_of, play

PATH = "/v0/settings/load-balancer"


def test_put_merges_what_it_is_given(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        answer = await rig.ask("PUT", PATH, {"gpu_threshold": 55}, token=rig.admin)
        whole = {"mode": "metrics", "gpu_threshold": 55, "vram_threshold": 90, "active_request_threshold": 10}
        assert (answer.status_code, answer.json()) == (200, whole)
        assert rig.services.fleet.thresholds.gpu_percent == 55
        assert (await rig.ask("GET", PATH, token=rig.viewer)).json() == whole

    play(tmp_path, scenario)


def test_dry_run_says_whom_it_would_exclude_and_changes_nothing(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online()
        before = (await rig.ask("GET", PATH, token=rig.admin)).json()
        answer = await rig.ask("PUT", f"{PATH}?dry_run=true", {"gpu_threshold": 5}, token=rig.admin)
        assert answer.json()["newly_excluded"] == ["node-1"]
        assert (await rig.ask("GET", PATH, token=rig.admin)).json() == before

    play(tmp_path, scenario)


def test_bad_settings_are_refused_and_change_nothing(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        before = rig.services.load_balancer
        for body in ({"gpu_threshold": 101}, {"mode": "no_such"}, {"active_request_threshold": -1}):
            answer = await rig.ask("PUT", PATH, body, token=rig.admin)
            assert answer.status_code == 422, answer.text
            error_of(answer)
        assert rig.services.load_balancer == before

    play(tmp_path, scenario)
