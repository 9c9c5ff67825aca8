"""docs/console.md says what the console's own tables say, and shows pictures that are there."""

from __future__ import annotations

import re

from llmlb_tui.model.actions import ACTIONS
from llmlb_tui.model.commands import COMMANDS
from llmlb_tui.model.filters import FIELDS, parse_filter
from llmlb_tui.reference import FILE, reference
from llmlb_tui.render.columns import COLUMNS

PAGE = FILE.read_text(encoding="utf-8")


def test_the_tables_are_written_from_the_console() -> None:
    assert reference(PAGE) == PAGE, "run: python -m llmlb_tui.reference"


def test_every_key_command_field_and_column_is_named() -> None:
    for action in ACTIONS:
        assert action.about in PAGE, action.id
    for name in (*FIELDS, *COLUMNS):
        assert f"`{name}`" in PAGE, name
    assert all(f"`:{name} " in PAGE for name in COMMANDS)


def test_every_filter_that_is_shown_can_be_read() -> None:
    (examples,) = re.findall(r"```filter\n(.*?)```", PAGE, re.DOTALL)
    for example in examples.splitlines():
        parse_filter(example.partition("  #")[0])


def test_every_picture_is_there_and_fetches_nothing() -> None:
    pictures = re.findall(r"\]\((pictures/[^)]+)\)", PAGE)
    assert len(pictures) == len(set(pictures)) >= 5
    for picture in pictures:
        text = (FILE.parent / picture).read_text(encoding="utf-8")
        assert "@font-face" not in text
        assert "<script" not in text
        assert re.findall(r"(?:href|src)=|url\((?!#)", text) == []
