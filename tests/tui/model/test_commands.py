from __future__ import annotations

import pytest

from llmlb_tui.model.actions import BY_ID
from llmlb_tui.model.commands import COMMANDS, action_of, advise, complete, names, read_command


@pytest.mark.parametrize(
    ("typed", "name", "rest"),
    [
        ("filter gpu>80", "filter", "gpu>80"),
        ("fil gpu>80", "filter", "gpu>80"),
        ("approve", "approve", ""),
        ("undo-thresholds", "undo-thresholds", ""),
        ("  q", "quit", ""),
    ],
)
def test_a_command_may_be_shortened_to_what_is_unmistakable(typed: str, name: str, rest: str) -> None:
    assert read_command(typed) == (name, rest)


def test_an_unknown_command_offers_the_nearest() -> None:
    said = read_command("aprove")
    assert isinstance(said, str)
    assert "approve" in said
    assert isinstance(read_command("re"), str), "several begin so"
    assert isinstance(read_command(""), str)


def test_every_name_is_a_command_or_an_action() -> None:
    for name in names():
        assert name in COMMANDS or action_of(name) in BY_ID


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("fi", "filter "),
        ("app", "approve"),
        ("node gpu-0", "node gpu-0001"),
        ("sort attn,g", "sort attn,gpu"),
        ("filter sta", "filter state:"),
        ("node zzz", ""),
        ("", ""),
        ("approve x", ""),
    ],
)
def test_tab_completes_commands_and_their_words(typed: str, completed: str) -> None:
    assert complete(typed, ["gpu-0001", "gpu-0002"]) == completed


def test_advice_points_at_a_command_that_does_not_exist() -> None:
    assert advise("filter x").text.startswith("filter QUERY")
    assert advise("zzz").is_trouble
    assert advise("zzz ").position == 0
    assert advise("approve").text == BY_ID["approve"].about
    assert not advise("").is_trouble
