"""A line of the screen: pieces of text, each with the role it plays. Colours are chosen later, by the theme."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from llmlb_tui.model.text import ascii_only, cut, fitted, width


class Role(StrEnum):
    """What a text means. Load is a hue, trouble is a glyph and a colour: a busy GPU is no warning."""

    TEXT = "text"
    DIM = "dim"
    STRONG = "strong"
    TITLE = "title"
    HEADER = "header"
    KEY = "key"
    GOOD = "good"
    WAITING = "waiting"
    WARNING = "warning"
    TROUBLE = "trouble"
    PAUSED = "paused"
    MARK = "mark"
    LOAD_LOW = "load-low"
    LOAD_MIDDLE = "load-middle"
    LOAD_HIGH = "load-high"
    LOAD_FULL = "load-full"
    CURSOR = "cursor"
    STALE = "stale"
    DANGER_TITLE = "danger-title"
    TITLE_RED = "title-red"
    TITLE_YELLOW = "title-yellow"
    TITLE_GREEN = "title-green"
    TITLE_BLUE = "title-blue"
    TITLE_MAGENTA = "title-magenta"
    TITLE_CYAN = "title-cyan"


class Span(NamedTuple):
    text: str
    role: Role = Role.TEXT


class Line(NamedTuple):
    """base: drawn under every piece and to the end of the line: the cursor, or data that is out of date."""

    spans: tuple[Span, ...]
    base: Role = Role.TEXT

    @property
    def text(self) -> str:
        return "".join([span.text for span in self.spans])

    @property
    def cells(self) -> int:
        return width(self.text)


EMPTY = Line(())


def line(*pieces: Span | str, base: Role = Role.TEXT) -> Line:
    """A line of pieces; a plain text has the role TEXT."""
    return Line(tuple(Span(piece) if isinstance(piece, str) else piece for piece in pieces), base)


def dim(text: str) -> Span:
    return Span(text, Role.DIM)


def strong(text: str) -> Span:
    return Span(text, Role.STRONG)


def key(text: str) -> Span:
    return Span(text, Role.KEY)


def clipped(given: Line, cells: int) -> Line:
    """The line in exactly ``cells`` cells."""
    missing = cells - given.cells
    if missing == 0:
        return given
    if missing > 0:
        return Line((*given.spans, Span(" " * missing)), given.base)
    spans: list[Span] = []
    left = cells
    for span in given.spans:
        if left <= 0:
            break
        taken = Span(cut(span.text, left), span.role)
        spans.append(taken)
        left -= width(taken.text)
    if left > 0:
        spans.append(Span(" " * left))
    return Line(tuple(spans), given.base)


def plain(given: Line) -> Line:
    """The line in ASCII alone, just as wide."""
    return Line(tuple(Span(ascii_only(span.text), span.role) for span in given.spans), given.base)


def both_ends(left: Line, right: Line, cells: int) -> Line:
    """Two lines in one: the second at the right end. Where both do not fit, the first is cut."""
    room = cells - right.cells - 1
    if room < 1:
        return clipped(right, cells)
    return Line((*clipped(left, room).spans, Span(" "), *right.spans), left.base)


def wrapped(text: str, cells: int, *, limit: int = 50) -> list[str]:
    """A text in lines of at most ``cells``, broken at blanks where there are any; at most ``limit`` lines."""
    lines: list[str] = []
    present = ""
    for word in text.split():
        while width(word) > cells:
            head = fitted(word, cells, ellipsis="").rstrip()
            if present:
                lines.append(present)
                present = ""
            lines.append(head)
            word = word[len(head) :] if head else ""
        if present and width(present) + 1 + width(word) > cells:
            lines.append(present)
            present = word
        else:
            present = f"{present} {word}".strip()
    return [*lines, present][:limit] if present else lines[:limit]
