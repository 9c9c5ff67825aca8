"""Whole screens as text, cell by cell."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from tui.driving import Console, drive, make_desk
from tui.fake_router import FakeRouter
from tui.golden import same_as_golden
from tui.screens.test_lists import request

from llmlb_tui.render.glyphs import ASCII
from llmlb_tui.screens.fleet import FleetScreen


def troubled(nodes: int = 60) -> FakeRouter:
    """A fleet with every kind of trouble."""
    router = FakeRouter(nodes, seed=7)
    router.nodes["gpu-0003"].update(state="offline", uptime_seconds=0.0, last_seen="2026-11-18T11:05:08Z")
    router.nodes["gpu-0004"].update(state="pending", uptime_seconds=180.0, total_requests=0, avg_response_time_ms=None)
    router.nodes["gpu-0005"].update(draining=True)
    router.nodes["gpu-0006"].update(excluded_by=["gpu"], gpu_usage=97.0)
    router.nodes["gpu-0007"].update(late=True, last_seen="2026-11-18T11:05:50Z")
    router.nodes["gpu-0008"].update(metrics_available=False, gpu_usage=0.0, vram_usage=0.0, temperature=None)
    router.nodes["gpu-0009"].update(name="rack 3, left", note="fan alarm on Monday", tags=["pool=chat", "tier=gold"])
    router.alert("a1", subject="gpu-0003", node_id="gpu-0003")
    router.alert("a2", severity="warning", rule="queue", subject="llama-3.3-70b", node_id="", cause="14 requests wait")
    attempt = {
        "node_id": "gpu-0000",
        "reason": "least_active",
        "cause": "connection refused",
        "status": 0,
        "seconds": 0.01,
    }
    router.requests = [
        request(1),
        request(2, status=502, outcome="failed", error="node lost", ttft_ms=None, completion_tokens=None),
        request(3, attempts=[attempt], reason="retry", estimated=True),
        request(4, status=429, outcome="refused", node_id="", error="queue full", ttft_ms=None, total_ms=3.0),
    ]
    router.keys["k1"] = {"id": "k1", "name": "billing-bot", "scopes": ["api"], "created_at": "2026-11-18T11:06:40Z",
                         "expires_at": None, "models": ["qwen3-32b"], "requests_per_minute": 600}  # fmt: skip
    return router


async def happen(console: Console) -> None:
    """What the events tell."""
    router = console.router
    router.change("gpu-0005", "draining", "drained", "user:bob")
    router.change("gpu-0004", "registered", "from 10.4.7.41")
    router.change("gpu-0003", "offline", "no heartbeat for 60 s")
    router.change_settings(gpu_threshold=80.0)
    await console.until(lambda: console.app.desk.state.events.newest == 4)
    histories = console.app.desk.state.histories
    screen = console.app.screen
    assert isinstance(screen, FleetScreen)
    shown = console.app.desk.selection.ids[: screen.rows.shown_range[1]]
    await console.until(lambda: all(histories[node_id].is_complete for node_id in shown), rounds=400)
    console.clock.advance(1.0)
    router.now_unix_s += 1.0
    router.summarise()
    await console.settle(6)


Script = Callable[[Console], Awaitable[None]]


def pressing(*keys: str) -> Script:
    async def script(console: Console) -> None:
        await console.press(*keys)
        await console.settle(4)

    return script


async def lose(console: Console) -> None:
    console.router.go_away()
    connection = console.app.desk.connection
    await console.until(lambda: connection.failed_at_s is not None)
    # It would be tried again by a clock that no test holds.
    await console.app.stop_following()
    console.clock.advance(14)
    connection.failed(console.clock.now_s, "connection refused", retry_in_s=4.0)
    connection.attempt = 3
    await console.settle()


SCREENS: dict[str, tuple[Script, tuple[int, int]]] = {
    "fleet-80x24": (pressing("j"), (80, 24)),
    "fleet-120x36": (pressing("j"), (120, 36)),
    "fleet-200x50": (pressing("j"), (200, 50)),
    "fleet-60x15": (pressing("j"), (60, 15)),
    "fleet-marked": (pressing("space", "space", "j", "j", "space"), (80, 24)),
    "fleet-filtered": (pressing("slash", *"pool=chat gpu>", "4", "0", "enter"), (120, 36)),
    "fleet-bad-filter": (pressing("slash", *"pool gpu>x"), (120, 36)),
    "fleet-unreachable": (lose, (120, 36)),
    "approve": (pressing("2", "j", "j", "j", "a"), (120, 36)),
    "drain": (pressing("slash", *"gpu-0009", "enter", "d"), (120, 36)),
    "delete": (pressing("slash", *"gpu-0009", "enter", "D"), (120, 36)),
    "thresholds": (pressing("T", "7", "0"), (120, 36)),
    "sort": (pressing("s"), (80, 24)),
    "node": (pressing("slash", *"gpu-0009", "enter", "enter"), (120, 50)),
    "events": (pressing("E"), (120, 36)),
    "alerts": (pressing("A"), (120, 36)),
    "requests": (pressing("R"), (120, 36)),
    "keys": (pressing("K"), (120, 36)),
    "loadtest": (pressing("L"), (80, 24)),
    "help": (pressing("question_mark"), (120, 60)),
    "palette": (pressing("ctrl+p"), (80, 24)),
}


def text_of(script: Script, size: tuple[int, int], *, is_ascii: bool = False) -> str:
    seen: list[str] = []

    async def whole(console: Console) -> None:
        await happen(console)
        await script(console)
        seen.append(console.text() + "\n")

    desk = make_desk(glyphs=ASCII) if is_ascii else make_desk()
    drive(whole, router=troubled(), desk=desk, size=size)
    return seen[0]


@pytest.mark.parametrize("name", list(SCREENS))
def test_screen_is_drawn_as_it_was_looked_at(name: str) -> None:
    script, size = SCREENS[name]
    assert same_as_golden(f"{name}.txt", text_of(script, size))


@pytest.mark.parametrize("name", ["fleet-80x24", "fleet-120x36"])
def test_ascii_screen_is_drawn_as_it_was_looked_at(name: str) -> None:
    script, size = SCREENS[name]
    assert same_as_golden(f"{name}-ascii.txt", text_of(script, size, is_ascii=True))
