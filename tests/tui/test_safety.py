"""What must never happen: a change that nobody wanted, a terminal that is attacked, a console that ends."""

from __future__ import annotations

import re

import pytest
from tui.driving import Console, drive, make_desk
from tui.fake_router import FakeRouter

from llmlb_tui.dialogs.dialog import Dialog
from llmlb_tui.model.actions import Place, actions_of
from llmlb_tui.render.glyphs import ASCII
from llmlb_tui.screens.screen import ConsoleScreen
from llmlb_tui.themes import PALETTES
from llmlb_tui.widgets.prompt import Prompt

OPENERS = {
    Place.FLEET: (),
    Place.NODE: ("enter",),
    Place.EVENTS: ("E",),
    Place.EVENT: ("E", "enter"),
    Place.REQUESTS: ("R",),
    Place.ALERTS: ("A",),
    Place.KEYS: ("K",),
    Place.LOADTEST: ("L",),
    Place.HELP: ("question_mark",),
}


def with_past() -> FakeRouter:
    """Trouble, and an event of before the console was opened."""
    router = troubled()
    router.past = [
        {"id": 1, "at": "2026-11-18T11:00:00Z", "type": "node", "kind": "offline", "node_id": "gpu-0003", "rule": "",
         "subject": "", "cause": "silent", "actor": ""},
    ]  # fmt: skip
    return router


async def press_everything(console: Console, place: Place) -> None:
    """Every key of a screen, and y and Enter at whatever that opens."""
    for action in actions_of(place):
        if action.id in ("quit", "context"):
            continue
        await console.send(*OPENERS[place], action.keys[0], "y", "enter")
        await console.spin(200)
        for _ in range(3):
            if isinstance(console.app.screen, Dialog) or console.app.screen.query_one(Prompt).is_open:
                await console.send("escape")
        while len(console.app.screen_stack) > 2:
            console.app.pop_screen()
        await console.spin()


def troubled() -> FakeRouter:
    router = FakeRouter(4)
    router.nodes["gpu-0001"].update(state="pending")
    router.nodes["gpu-0002"].update(draining=True)
    router.alert("a1")
    router.keys["k1"] = {"id": "k1", "name": "ci", "scopes": ["api"], "created_at": "2026-11-18T11:06:40Z"}
    return router


@pytest.mark.parametrize("place", list(Place))
def test_readonly_lets_no_change_leave_whatever_is_pressed(place: Place) -> None:
    router = with_past()

    async def script(console: Console) -> None:
        await console.until(lambda: console.app.desk.state.events.has_past)
        await press_everything(console, place)
        assert router.mutations == []

    drive(script, router=router, desk=make_desk(readonly=True))


@pytest.mark.parametrize("place", list(Place))
def test_a_viewers_console_lets_no_change_leave_whatever_is_pressed(place: Place) -> None:
    router = with_past()
    router.role = "viewer"

    async def script(console: Console) -> None:
        await console.until(lambda: console.app.desk.identity.role == "viewer")
        assert "read-only" in console.lines()[0]
        await press_everything(console, place)
        assert router.mutations == []

    drive(script, router=router)


def test_keys_that_cannot_be_used_are_not_in_the_footer_but_in_the_help() -> None:
    async def script(console: Console) -> None:
        assert "approve" not in console.lines()[-1]
        await console.press("question_mark")
        assert "this console is read-only" in console.text()

    drive(script, desk=make_desk(readonly=True))


def test_a_router_that_is_away_ends_nothing_and_disables_what_would_change_something() -> None:
    router = FakeRouter(3)

    async def script(console: Console) -> None:
        router.go_away()
        await console.until(lambda: "UNREACHABLE" in console.lines()[0])
        console.clock.advance(14)
        await console.settle()
        assert "UNREACHABLE 14s" in console.lines()[0]
        assert "Data below is 14s old; actions are disabled" in console.text()
        await console.press("j", "d")
        assert "the router is unreachable" in console.lines()[-1]
        assert router.mutations == []
        router.come_back()
        await console.press("r")
        await console.until(lambda: "LIVE" in console.lines()[0])
        assert "reconnected after 14 s" in console.text()

    drive(script, router=router)


def test_the_console_opens_at_once_without_a_router() -> None:
    router = FakeRouter(3)
    router.is_away = True

    async def script(console: Console) -> None:
        await console.until(lambda: "UNREACHABLE" in console.lines()[0])
        assert "waiting for http://router.test:8080" in console.text()
        router.come_back()
        await console.press("r")
        await console.until(lambda: "gpu-0001" in console.text())

    drive(script, router=router, is_live=False)


def test_data_that_grows_old_says_so() -> None:
    async def script(console: Console) -> None:
        console.clock.advance(4)
        await console.settle()
        assert "SLOW 4.0s" in console.lines()[0]
        console.clock.advance(8)
        await console.settle()
        assert "STALE 12s" in console.lines()[0]
        await console.press("d")
        assert "wait until it is live" in console.lines()[-1]

    drive(script)


HOSTILE = (
    "\x1b[5;5H",
    "\x1b]52;c;cGFzdGU=\x07",
    "\x9b31m",
    "[/red]x[bold",
    "a\u202eb",
    "漢字" * 30,
    "👩🏽‍🚀" * 10,
    "x" * 10_000,
    "a" + "\u0301" * 99,
    "\ud800",
)
ACTING = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
def test_no_text_of_a_node_reaches_the_terminal_as_a_command(size: tuple[int, int]) -> None:
    from rich.cells import cell_len

    router = FakeRouter(0)
    for number, text in enumerate(HOSTILE):
        router.add_node(f"{text}{number}", state="pending", machine_name=text, name=text, note=text, tags=[text],
                        loaded_models=[text], circuit=text, url=text, gpus=[{"model": text}])  # fmt: skip
    router.alert("a1", rule=HOSTILE[0], subject=HOSTILE[1], cause=HOSTILE[3], hint=HOSTILE[5])
    router.requests = [{"id": text, "model": text, "node_id": text, "error": text, "outcome": text} for text in HOSTILE]

    async def check(console: Console) -> None:
        for line in console.lines():
            assert ACTING.search(line) is None
            assert cell_len(line) == size[0]

    async def script(console: Console) -> None:
        for text in HOSTILE:
            router.change(text, HOSTILE[0], text, text)
        await console.settle()
        await check(console)
        for keys in (("a",), ("enter",), ("E",), ("A",), ("A", "enter"), ("R",), ("K",), ("slash", *"漢")):
            await console.press(*keys)
            await check(console)
            while len(console.app.screen_stack) > 2:
                console.app.pop_screen()
            await console.settle(2)

    drive(script, router=router, size=size)


@pytest.mark.parametrize("place", list(Place))
def test_ascii_alone_draws_every_screen(place: Place) -> None:
    router = with_past()
    router.nodes["gpu-0001"]["note"] = "漢字 – Notiz"
    router.nodes["gpu-0000"]["loaded_models"] = ["modèle"]

    async def script(console: Console) -> None:
        await console.press(*OPENERS[place])
        assert getattr(console.app.screen, "PLACE", None) is place
        assert console.text().isascii(), [line for line in console.lines() if not line.isascii()]
        if place is Place.FLEET:
            for keys in (("a",), ("T",), ("s",), ("ctrl+p",), ("colon",), ("slash", "g")):
                await console.press(*keys)
                assert console.text().isascii(), keys
                await console.press("escape")

    for size in ((80, 24), (200, 50)):
        drive(script, router=router, desk=make_desk(glyphs=ASCII), size=size)


@pytest.mark.parametrize("theme", list(PALETTES))
def test_every_theme_draws_every_kind_of_screen(theme: str) -> None:
    async def script(console: Console) -> None:
        await console.until(lambda: all(each.is_complete for each in console.app.desk.state.histories.values()))
        console.clock.advance(1.0)
        await console.settle()
        plain = console.text()
        for name in PALETTES:
            if PALETTES[name].is_ansi is PALETTES[theme].is_ansi:
                await console.press("colon", *f"theme {name}", "enter")
                console.app.desk.flash = None
                await console.settle()
                assert console.text() == plain, "a theme changes colours and nothing else"
        await console.press("T")
        assert isinstance(console.app.screen_stack[-2], ConsoleScreen)
        assert "PREVIEW" in console.text()

    drive(script, theme=theme)


def test_states_marks_and_cursor_can_be_told_apart_without_colour() -> None:
    router = troubled()

    async def script(console: Console) -> None:
        await console.press("space")
        rows = {line[5:13]: line[:30] for line in console.lines() if " gpu-000" in line[:15]}
        assert len({line[20:22] for line in rows.values()}) == 3, "three states, three signs"
        assert sum(line[1] == ">" for line in rows.values()) == 1
        assert sum(line[1] == "*" for line in rows.values()) == 1

    drive(script, router=router, theme="mono")
