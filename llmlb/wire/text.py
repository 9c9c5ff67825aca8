"""Text from strangers: what may stay in it, and what a node may be called."""

from __future__ import annotations

import re
from collections.abc import Iterable

_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL and C1 controls: they move cursors and write clipboards
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional marks: they reorder what a person reads
    "\u2028\u2029\ufeff"  # separators and the byte order mark: they break lines
    "\ud800-\udfff"  # lone surrogates: they cannot be encoded
    "]"
)

NODE_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
"""What a node may be called: safe in a path, a metric label and a terminal."""

_NODE_ID = re.compile(NODE_ID_PATTERN.removesuffix("$") + r"\Z")


def clean_text(text: str) -> str:
    """The text without characters that act instead of being read, and without blanks around it."""
    if _UNSAFE.search(text) is not None:
        text = _UNSAFE.sub("", text)
    return text.strip()


def clean_names(names: Iterable[str]) -> tuple[str, ...]:
    """Cleaned names in their order; those that are empty or repeated are left out."""
    cleaned = dict.fromkeys(clean_text(name) for name in names)
    cleaned.pop("", None)
    return tuple(cleaned)


def is_node_id(text: str) -> bool:
    """Whether a node may be called so."""
    return _NODE_ID.match(text) is not None
