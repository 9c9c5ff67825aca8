"""The bell, and colours that change while the console is open."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from tui.driving import Console, drive, make_desk
from tui.fake_router import START_UNIX_S, FakeRouter

from llmlb_tui.attending import Attending
from llmlb_tui.desk import Desk
from llmlb_tui.preferences import Preferences
from llmlb_tui.themes import palette_named


def listen(console: Console) -> list[str]:
    """What the terminal is told, each notice behind its bell."""
    heard: list[str] = []
    console.app.bell = lambda: heard.append("bell")  # type: ignore[method-assign]  # a terminal's, not ours
    console.app.notify_terminal = heard.append  # type: ignore[method-assign,assignment]  # likewise
    return heard


def ringing_desk() -> Desk:
    desk = make_desk()
    desk.has_bell = True
    return desk


def test_only_a_critical_alert_that_is_new_rings_and_once() -> None:
    router = FakeRouter(3)
    router.alert("old")

    async def script(console: Console) -> None:
        heard = listen(console)
        await console.settle()
        assert heard == [], "what fired before the console was opened is no news"
        router.alert("w1", severity="warning")
        router.alert("c2", silenced_until_unix_s=START_UNIX_S + 600)
        await console.settle()
        assert heard == []
        router.alert("c1", subject="gpu-0002")
        await console.until(lambda: heard == ["bell", "llmlb prod-eu: node_offline gpu-0002"])
        router.alert("old", acknowledged_by="user:bob")
        await console.settle()
        assert len(heard) == 2
        router.alert("c1", subject="gpu-0002", fired_at_unix_s=START_UNIX_S + 5)
        await console.until(lambda: len(heard) == 4)

    drive(script, router=router, desk=ringing_desk())


def test_what_fired_while_the_router_was_away_rings_when_it_is_back() -> None:
    router = FakeRouter(3)

    async def script(console: Console) -> None:
        heard = listen(console)
        router.go_away()
        await console.until(lambda: console.app.desk.connection.failed_at_s is not None)
        for number in range(5):
            router.alert(f"c{number}", subject=f"gpu-{number}")
        router.come_back()
        await console.press("r")
        await console.until(lambda: bool(heard))
        assert heard[1].endswith("; node_offline gpu-2 and 2 more")

    drive(script, router=router, desk=ringing_desk())


def test_the_bell_is_off_until_it_is_wanted_and_remembered_then(tmp_path: Path) -> None:
    router = FakeRouter(3)

    async def script(console: Console) -> None:
        heard = listen(console)
        console.app.preferences = Preferences(tmp_path)
        router.alert("c1")
        await console.settle()
        assert heard == []
        await console.press("colon", *"bell maybe", "enter")
        assert "bell on or bell off" in console.text()
        await console.press("colon", *"bell on", "enter")
        assert "a new critical alert rings" in console.text()
        router.alert("c2")
        await console.until(lambda: heard[:1] == ["bell"])
        assert Preferences(tmp_path).bell("prod-eu")
        await console.press("colon", *"bell off", "enter")
        assert not Preferences(tmp_path).bell("prod-eu")

    drive(script, router=router)


def write_theme(path: Path, text: str, *, at_s: int) -> None:
    path.write_text(text)
    os.utime(path, (at_s, at_s))


def test_an_own_theme_is_followed_while_it_is_edited(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    write_theme(path, 'like = "dark"\nbackground = "#102030"\n', at_s=1)

    async def script(console: Console) -> None:
        app = console.app
        app.use_palette(palette_named("mine", tmp_path))
        await console.settle()
        assert app.screen.styles.background.hex == "#102030"
        write_theme(path, 'like = "dark"\nbackground = "#405060"\nheader = "bold #ff0000"\n', at_s=2)
        console.clock.advance(1.1)
        await console.settle()
        assert app.screen.styles.background.hex == "#405060"
        assert app.painter_now().palette.styles["header"] == "bold #ff0000"  # type: ignore[index]  # a StrEnum
        write_theme(path, 'header = "no colour at all"\n', at_s=3)
        console.clock.advance(1.1)
        await console.settle()
        assert "is no style" in console.lines()[-1], "and the colours stay"
        console.clock.advance(10.0)
        await console.settle()
        assert "is no style" not in console.lines()[-1], "it is said once"
        path.unlink()
        console.clock.advance(1.1)
        await console.settle()
        assert app.screen.styles.background.hex == "#405060"

    drive(script)


@pytest.mark.parametrize("name", ["light", "ansi", "mono"])
def test_a_theme_that_is_typed_is_seen_at_once(name: str) -> None:
    async def script(console: Console) -> None:
        await console.press("colon", *f"theme {name}", "enter")
        assert console.app.theme == f"llmlb-{name}"
        assert console.app.painter_now().palette.name == name

    drive(script)


def test_what_a_node_is_called_cannot_leave_the_notification() -> None:
    written: list[str] = []
    terminal = SimpleNamespace(is_headless=False, _driver=SimpleNamespace(write=written.append))
    Attending.notify_terminal(terminal, "queue \x1b]52;c;eA==\x07 model")  # type: ignore[arg-type]  # all it needs
    assert written == ["\x1b]9;queue ]52;c;eA== model\x07"]
