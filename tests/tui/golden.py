"""Screens compared with files that a person has looked at; LLMLB_UPDATE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).with_name("golden")


def same_as_golden(name: str, text: str) -> bool:
    """Whether the text is, byte for byte, what ``golden/NAME`` holds."""
    path = FOLDER / name
    if os.environ.get("LLMLB_UPDATE_GOLDEN"):
        path.write_bytes(text.encode())
    return path.read_bytes() == text.encode()
