"""The list of past events, over a restart of the router."""

from __future__ import annotations

from pathlib import Path

from api.rig import Rig, play

from llmlb.store.rows import EventRow

LIST = "/v0/events/recent"


async def _events(rig: Rig, query: str = "") -> list[dict[str, object]]:
    answer = await rig.ask("GET", f"{LIST}{query}", token=rig.viewer)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.json()["events"]
    return found


def test_what_happened_is_listed_newest_first_and_by_node(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online()
        await rig.ask("POST", "/v0/nodes/node-1/drain", token=rig.admin)
        await rig.ask("PUT", "/v0/settings/load-balancer", {"gpu_threshold": 5}, token=rig.admin)
        found = await _events(rig)
        assert [(event["type"], event["kind"], event["node_id"]) for event in found[:2]] == [
            ("settings", "settings", ""),
            ("node", "draining", "node-1"),
        ]
        assert found[1]["actor"] == "user:admin"
        assert [event["kind"] for event in await _events(rig, "?node=node-1&limit=1")] == ["draining"]
        assert await _events(rig, "?node=node-2") == []

    play(tmp_path, scenario)


def test_events_of_an_earlier_run_follow_once_and_in_order(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        at = rig.clock.now_unix_s
        rig.services.feed.last_id = int(at * 1_000_000)  # as a router starts
        rows = [
            EventRow(at=at - 300, kind="offline", node_id="node-1", cause="silent"),
            EventRow(
                at=at - 200, kind="fired", node_id="node-1", detail_json='{"rule": "node_offline", "subject": "x"}'
            ),
            EventRow(at=at - 100, kind="mass_silence_began"),
            # This run's own events are in the store as well, and must not be told twice.
            EventRow(at=at + 50, kind="draining", node_id="node-1"),
        ]
        rig.services.store.enqueue_events(rows)
        await rig.services.store.flush()
        await rig.online()
        mine = len(rig.services.feed.events())
        found = await _events(rig)
        assert [(event["type"], event["kind"]) for event in found[mine:]] == [
            ("fleet", "mass_silence_began"),
            ("alert", "fired"),
            ("node", "offline"),
        ]
        assert (found[mine + 1]["rule"], found[mine + 1]["subject"]) == ("node_offline", "x")
        ids = [int(str(event["id"])) for event in found]
        assert ids == sorted(ids, reverse=True)
        paged = await _events(rig, f"?limit=1&before={ids[-2]}")
        assert [event["id"] for event in paged] == ids[-1:]
        assert [event["kind"] for event in await _events(rig, f"?since={at - 150}")][mine:] == ["mass_silence_began"]

    play(tmp_path, scenario)


def test_recent_events_survive_a_store_that_is_stuck(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online()
        rig.services.store.close()
        assert await _events(rig)

    play(tmp_path, scenario)
