"""Text that a server chose, made harmless for a terminal and a report."""

from __future__ import annotations

from llmlb.wire.text import clean_text


def plain(text: str, *, limit: int = 200) -> str:
    """The text on one line without control and bidi characters, at most ``limit`` characters long."""
    line = clean_text(" ".join(text[: limit * 4].split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"
