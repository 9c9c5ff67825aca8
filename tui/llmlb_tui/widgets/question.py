"""What a prompt asks. Apart from the prompt, whose input line the first picture does without."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from llmlb_tui.model.advice import Advice


class Question(NamedTuple):
    """What is asked. sign: before the line.  changed: looks at the text while it is typed.

    entered: takes the text and answers whether the prompt may close.  cancelled: the operator pressed Esc.
    complete: from the text to the whole line it could become, "" for nothing.
    """

    sign: str
    text: str
    changed: Callable[[str], Advice]
    entered: Callable[[str], bool]
    cancelled: Callable[[], None]
    complete: Callable[[str], str] | None = None
