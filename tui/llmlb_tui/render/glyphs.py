"""Every sign that is not a letter, in two alphabets: Unicode, and plain ASCII for terminals without it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from llmlb_tui.model.nodes import Mood


class Glyphs(NamedTuple):
    """moods: the sign before a state.  levels: eight heights of a bar.  braille: pairs of points in one cell."""

    moods: dict[Mood, str]
    levels: str
    full: str
    half: str
    empty: str
    absent: str
    rule: str
    column: str
    ellipsis: str
    degree: str
    up: str
    down: str
    cursor: str
    marked: str
    cursor_marked: str
    dot: str
    live: str
    slow: str
    stale: str
    lost: str
    paused: str
    good: str
    arrow: str
    is_ascii: bool

    def spark(self, points: Sequence[float | None], cells: int, *, top: float = 100.0) -> str:
        """The last points as heights of a fixed scale from 0 to ``top``, one per cell; a gap is a blank."""
        shown = points[-cells:]
        levels, amount = self.levels, len(self.levels)

        def sign(point: float | None) -> str:
            if point is None:
                return " "
            if 0 <= point < top:
                return levels[int(point / top * amount)]
            return levels[-1] if 0 < top <= point else levels[0]

        return " " * (cells - len(shown)) + "".join(map(sign, shown))

    def packed(self, points: Sequence[float | None], cells: int, *, top: float = 100.0) -> str:
        """As ``spark`` with two points in a cell; ASCII has no such signs and shows every second point."""
        if self.is_ascii:
            return self.spark(list(points)[::-1][::2][::-1], cells, top=top)
        shown = list(points)[-2 * cells :]
        padded: list[float | None] = [*[None] * (2 * cells - len(shown)), *shown]
        pairs = zip(padded[::2], padded[1::2], strict=True)
        return "".join(chr(0x2800 + _dots(left, top, _LEFT) + _dots(right, top, _RIGHT)) for left, right in pairs)

    def bar(self, value: float | None, cells: int, *, top: float = 100.0) -> str:
        """A bar of half cells; a line where nothing is known."""
        if value is None:
            return self.absent * cells
        halves = round(min(1.0, max(0.0, value / top)) * cells * 2)
        text = self.full * (halves // 2) + (self.half if halves % 2 else "")
        return text + self.empty * (cells - len(text))


_LEFT = (0x40, 0x44, 0x46, 0x47)
_RIGHT = (0x80, 0xA0, 0xB0, 0xB8)
"""Dots of a braille cell's left and right column, from one to four, from the bottom up."""


def _dots(point: float | None, top: float, column: tuple[int, ...]) -> int:
    if point is None:
        return 0
    share = 0.0 if top <= 0 else min(1.0, max(0.0, point / top))
    return column[min(3, int(share * 4))]


UNICODE = Glyphs(
    moods={Mood.ONLINE: "●", Mood.PENDING: "◌", Mood.OFFLINE: "✕", Mood.DRAIN: "◆"},
    levels="▁▂▃▄▅▆▇█",
    full="█",
    half="▌",
    empty="·",
    absent="─",
    rule="─",
    column="│",
    ellipsis="…",
    degree="°C",
    up="▲",
    down="▼",
    cursor=">",
    marked="*",
    cursor_marked="»",
    dot="·",
    live="●",
    slow="◐",
    stale="~",
    lost="✕",
    paused="‖",
    good="✓",
    arrow="→",
    is_ascii=False,
)

ASCII = Glyphs(
    moods={Mood.ONLINE: "+", Mood.PENDING: "?", Mood.OFFLINE: "x", Mood.DRAIN: "d"},
    levels="_.-=+*%#",
    full="#",
    half="=",
    empty=".",
    absent="-",
    rule="-",
    column="|",
    ellipsis="~",
    degree="C",
    up="^",
    down="v",
    cursor=">",
    marked="*",
    cursor_marked="&",
    dot="|",
    live="+",
    slow="o",
    stale="~",
    lost="x",
    paused="=",
    good="+",
    arrow="->",
    is_ascii=True,
)
