from __future__ import annotations

from pathlib import Path

from api.rig import Rig, error_of, play, route_table

from llmlb.api.data_plane import DATA_PLANE_PATHS
from llmlb.api.routes import ROUTERS


def test_every_router_of_the_table_is_in_the_application(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        served = set(map(id, rig.app.routes))
        assert all(id(route) in served for router in ROUTERS for route in router.routes)

    play(tmp_path, scenario)


def test_without_a_data_plane_its_paths_do_not_exist(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        assert not DATA_PLANE_PATHS & {route.template for route in route_table(rig.app)}
        answer = await rig.ask("POST", "/v1/chat/completions", {})
        assert (answer.status_code, error_of(answer)["code"]) == (404, "unknown_path")

    play(tmp_path, scenario, data_plane=None)


def test_trailing_slash_is_another_path_and_never_a_redirect(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for path in ("/v0/nodes/", "/health/live/", "//v0/nodes"):
            assert (await rig.ask("GET", path, token=rig.admin)).status_code == 404, path

    play(tmp_path, scenario)


def test_root_names_the_console(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        answer = await rig.ask("GET", "/")
        assert answer.headers["content-type"].startswith("text/plain")
        assert "llmlb top" in answer.text
        assert "docs/" in answer.text

    play(tmp_path, scenario)
