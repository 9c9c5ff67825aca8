"""What stands under a line while it is typed."""

from __future__ import annotations

from typing import NamedTuple


class Advice(NamedTuple):
    """position: where a caret points, None for no caret."""

    text: str = ""
    position: int | None = None
    is_trouble: bool = False
