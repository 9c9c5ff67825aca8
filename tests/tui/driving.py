"""Drives the console without a terminal: a clock that stands still, a fake router, and the screen as text."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot
from tui.fake_router import START_UNIX_S, FakeRouter

from llmlb_tui.app import ConsoleApp
from llmlb_tui.desk import Desk, Identity
from llmlb_tui.model.fleet import FleetState
from llmlb_tui.render.glyphs import UNICODE, Glyphs
from llmlb_tui.themes import PALETTES

FIRST_S = 1000.0


@dataclass
class Clock:
    """Time that moves only when a test says so."""

    now_s: float = FIRST_S

    def monotonic_s(self) -> float:
        return self.now_s

    def unix_s(self) -> float:
        return START_UNIX_S + self.now_s - FIRST_S

    def advance(self, seconds: float) -> None:
        self.now_s += seconds


NAMED = {
    "space": " ",
    "slash": "/",
    "colon": ":",
    "question_mark": "?",
    "asterisk": "*",
    "backslash": "\\",
    "plus": "+",
    "minus": "-",
    "greater_than_sign": ">",
}
"""What keys that are written as words type."""


@dataclass
class Console:
    """One console under test."""

    app: ConsoleApp
    router: FakeRouter
    clock: Clock
    pilot: Pilot[Any]
    copied: list[str] = field(default_factory=list)

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other, let each do its work, and draw the end."""
        await self.send(*keys)
        await self.settle()

    async def send(self, *keys: str) -> None:
        """Press keys without looking at the screen."""
        driver = self.app._driver
        assert driver is not None
        for key in keys:
            driver.send_message(self._key(key))
            await self.spin()

    async def burst(self, *keys: str) -> None:
        """Press keys all at once, as a paste or a program does, and draw the end."""
        driver = self.app._driver
        assert driver is not None
        for key in keys:
            driver.send_message(self._key(key))
        await self.settle(4)

    def _key(self, key: str) -> events.Key:
        name = key if len(key) > 1 or key.isalnum() else _character_to_key(key)
        event = events.Key(name, NAMED.get(name, key if len(key) == 1 else None))
        event.set_sender(self.app)
        return event

    async def spin(self, rounds: int = 40) -> None:
        """Let the event loop go round; nothing of the console waits for the clock."""
        for _ in range(rounds):
            await asyncio.sleep(0)

    async def settle(self, rounds: int = 2) -> None:
        """Let everything that is under way happen, and draw it."""
        for _ in range(rounds):
            await self.spin()
            await self._draw()
        self.app.tick()
        await self.spin()
        await self._draw()

    async def _draw(self) -> None:
        """Lay out and paint now what Textual's own timer would, sixty times a second by a clock that tests have not."""
        for screen in self.app.screen_stack:
            screen._on_timer_update()
        await self.spin()

    async def until(self, true: Callable[[], bool], rounds: int = 200) -> None:
        """Let things happen until something holds; it must hold soon."""
        for _ in range(rounds):
            if true():
                await self.settle()
                return
            await self.settle(1)
        raise AssertionError(f"it never came to that; the screen:\n{self.text()}")

    def lines(self) -> list[str]:
        """The screen as text. The compositor is private to Textual; this is the one place that knows it."""
        compositor = self.app.screen._compositor
        return ["".join(segment.text for segment in strip) for strip in compositor.render_strips()]

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines())


def make_desk(*, glyphs: Glyphs = UNICODE, readonly: bool = False, context: str = "prod-eu") -> Desk:
    state = FleetState(now_s=FIRST_S, now_unix_s=START_UNIX_S)
    identity = Identity("http://router.test:8080", context=context)
    return Desk(identity, state=state, glyphs=glyphs, is_readonly=readonly)


def drive(
    script: Callable[[Console], Awaitable[None]],
    *,
    router: FakeRouter | None = None,
    desk: Desk | None = None,
    size: tuple[int, int] = (120, 36),
    theme: str = "dark",
    is_live: bool = True,
) -> None:
    """Run a script against a console that follows a fake router. is_live: wait for the first snapshot."""
    asyncio.run(_drive(script, router or FakeRouter(), desk or make_desk(), size, theme, is_live))


async def _drive(
    script: Callable[[Console], Awaitable[None]],
    router: FakeRouter,
    desk: Desk,
    size: tuple[int, int],
    theme: str,
    is_live: bool,
) -> None:
    clock = Clock()
    app = make_app(ConsoleApp, router, desk, clock, theme=theme)
    async with app.run_test(size=size) as pilot:
        await run_script(script, Console(app, router, clock, pilot), is_live=is_live)


def make_app(
    kind: type[ConsoleApp], router: FakeRouter, desk: Desk, clock: Clock, *, theme: str = "dark"
) -> ConsoleApp:
    """An application that follows a fake router and draws when it is told to."""
    return kind(
        desk,
        palette=PALETTES[theme],
        make_client=router.client,
        fps=0.01,  # a test ticks by itself
        now_s=clock.monotonic_s,
        now_unix_s=clock.unix_s,
    )


async def run_script(script: Callable[[Console], Awaitable[None]], console: Console, *, is_live: bool = True) -> None:
    """Run a script against an application that has begun."""
    app = console.app
    app.copy_to_clipboard = console.copied.append  # type: ignore[method-assign,assignment]  # a terminal's, not ours
    await console.settle()
    if is_live:
        await console.until(lambda: app.desk.state.has_snapshot)
    await script(console)
