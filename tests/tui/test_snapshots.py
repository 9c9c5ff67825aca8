"""Screens as pictures, colours and all, compared with ones that a person has looked at.

``pytest tests/tui/test_snapshots.py --snapshot-update`` draws them anew. Colours need a terminal that has them, so
what the environment says about colours is left out; fonts come from wherever a picture is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot
from tui.dialogs.test_session import expire
from tui.driving import Clock, Console, make_app, make_desk, run_script
from tui.fake_router import FakeRouter
from tui.test_goldens import SCREENS, Script, happen, lose, pressing, troubled
from tui.test_safety import HOSTILE

from llmlb_tui.app import ConsoleApp

Compare = Callable[..., bool]

_FONTS = re.compile(r"\s*@font-face \{[^}]*\}|<!--.*?-->", re.DOTALL)


class PicturedApp(ConsoleApp):
    """Whose pictures name no place that fonts would be fetched from."""

    def export_screenshot(self, **options: Any) -> str:
        return _FONTS.sub("", super().export_screenshot(**options))


def hostile() -> FakeRouter:
    router = FakeRouter(14, seed=3)
    for node, text in zip(router.nodes.values(), HOSTILE, strict=False):
        node.update(name=text, note=text, tags=[text], loaded_models=[text], machine_name=text)
    return router


NARROW, USUAL, WIDE = (80, 24), (120, 36), (200, 50)
_DOWN = pressing("j")
PICTURES: dict[str, tuple[Script, tuple[int, int], str]] = {
    "fleet-80x24": (_DOWN, NARROW, "dark"),
    "fleet-120x36": (_DOWN, USUAL, "dark"),
    "fleet-200x50": (_DOWN, WIDE, "dark"),
    **{f"fleet-{theme}": (_DOWN, NARROW, theme)
       for theme in ("light", "high-contrast", "deuteranopia", "tritanopia", "ansi", "mono")},
    "fleet-unreachable": (lose, NARROW, "dark"),
    "session-expired": (expire, NARROW, "dark"),
    "approve": (*SCREENS["approve"], "dark"),
    "delete": (SCREENS["delete"][0], NARROW, "high-contrast"),
    "thresholds": (*SCREENS["thresholds"], "dark"),
    "requests": (SCREENS["requests"][0], NARROW, "dark"),
    "palette": (SCREENS["palette"][0], NARROW, "light"),
    "node": (SCREENS["node"][0], USUAL, "dark"),
}  # fmt: skip


@pytest.fixture
def colourful(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TEXTUAL_THEME", "TEXTUAL_COLOR_SYSTEM"):
        monkeypatch.delenv(name, raising=False)


def picture_of(
    compare: Compare, script: Script, size: tuple[int, int], theme: str, router: FakeRouter, *, after: bool = True
) -> bool:
    clock = Clock()
    app = make_app(PicturedApp, router, make_desk(), clock, theme=theme)

    async def whole(console: Console) -> None:
        if after:
            await happen(console)
        await script(console)

    async def run(pilot: Pilot[Any]) -> None:
        await run_script(whole, Console(app, router, clock, pilot))

    return compare(app, terminal_size=size, run_before=run)


@pytest.mark.usefixtures("colourful")
@pytest.mark.parametrize("name", list(PICTURES))
def test_picture_is_the_one_that_was_looked_at(name: str, snap_compare: Compare) -> None:
    script, size, theme = PICTURES[name]
    assert picture_of(snap_compare, script, size, theme, troubled())


@pytest.mark.usefixtures("colourful")
def test_hostile_words_stay_in_their_columns(snap_compare: Compare) -> None:
    script = pressing("colon", *"columns id,state,gpu,name,tags,model", "enter")
    assert picture_of(snap_compare, script, USUAL, "dark", hostile(), after=False)
