from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from api.rig import Rig, error_of, play
from prometheus_client.parser import text_string_to_metric_families

from llmlb.config.settings import MetricsSettings, Settings


def test_this_machine_reads_the_metrics_without_a_credential_and_nobody_else_does(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online()
        page = await rig.ask("GET", "/metrics", address="127.0.0.1")
        assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
        names = {family.name for family in text_string_to_metric_families(page.text)}
        assert {"llmlb_node_gpu_usage", "llm_router_node_state"} <= names
        refused = await rig.ask("GET", "/metrics")
        assert (refused.status_code, error_of(refused)["code"]) == (401, "missing_api_key")
        proxied = await rig.ask("GET", "/metrics", address="127.0.0.1", headers={"x-forwarded-for": "127.0.0.1"})
        assert proxied.status_code == 401

    play(tmp_path, scenario)


def test_key_needs_the_scope(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert (await rig.ask("GET", "/metrics", token=await rig.key("metrics"))).status_code == 200
        refused = await rig.ask("GET", "/metrics", token=await rig.key("api"))
        assert (refused.status_code, error_of(refused)["code"]) == (403, "insufficient_scope")

    play(tmp_path, scenario)


def test_public_metrics_are_for_everybody(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert (await rig.ask("GET", "/metrics")).status_code == 200

    play(tmp_path, scenario, settings=replace(Settings(), metrics=MetricsSettings(public=True)))
