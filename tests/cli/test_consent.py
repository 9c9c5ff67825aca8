"""Asking before harm is done."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from llmlb_cli.consent import ask_context, ask_typed, ask_yes
from llmlb_cli.exits import ExitCode, Failure
from llmlb_cli.options import Options

Typed = Callable[..., None]


@pytest.mark.parametrize("word", ["y", "Y", "yes", " YES "])
def test_a_yes_goes_on(word: str, typed: Typed) -> None:
    typed(word)
    ask_yes("Drain?", Options())


@pytest.mark.parametrize("word", ["", "n", "no", "yess", "1"])
def test_everything_else_means_no_and_changes_nothing(word: str, typed: Typed) -> None:
    typed(word)
    with pytest.raises(Failure, match="nothing was changed") as caught:
        ask_yes("Drain?", Options())
    assert caught.value.exit_code is ExitCode.FAILURE


def test_the_end_of_the_input_means_no(typed: Typed) -> None:
    typed()
    with pytest.raises(Failure, match="cancelled"):
        ask_yes("Drain?", Options())


def test_the_impact_is_told_before_the_question(typed: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    typed("y")
    ask_yes("Drain?", Options(), impact=["8 requests will finish"])
    assert capsys.readouterr() == ("", "8 requests will finish\nDrain? [y/N] ")


def test_where_nobody_can_be_asked_the_flag_is_named() -> None:
    with pytest.raises(Failure) as caught:
        ask_yes("Drain?", Options())
    assert caught.value.exit_code is ExitCode.USAGE
    assert "--yes" in caught.value.hint


def test_no_input_asks_nobody_even_at_a_terminal(typed: Typed) -> None:
    typed("y")
    with pytest.raises(Failure) as caught:
        ask_yes("Drain?", Options(no_input=True))
    assert caught.value.exit_code is ExitCode.USAGE


def test_yes_is_not_enough_for_what_must_be_typed(typed: Typed) -> None:
    typed("node-1")
    with pytest.raises(Failure) as caught:
        ask_typed("node-1", Options(yes=True), what="the id")
    assert caught.value.exit_code is ExitCode.USAGE
    assert "--confirm=node-1" in caught.value.hint


def test_the_typed_word_must_be_the_very_one(typed: Typed) -> None:
    typed("node-1")
    ask_typed("node-1", Options(), what="the id")
    typed("node-2")
    with pytest.raises(Failure, match="cancelled"):
        ask_typed("node-1", Options(), what="the id")


def test_a_wrong_confirmation_is_refused_and_a_right_one_is_enough() -> None:
    ask_typed("3", Options(confirm="3"), what="the number")
    with pytest.raises(Failure, match='must be the number: "3"'):
        ask_typed("3", Options(confirm="4"), what="the number")


def test_a_context_that_wants_its_name_gets_it_typed_or_as_an_option(typed: Typed) -> None:
    ask_context("prod", Options(context="prod"))
    with pytest.raises(Failure, match="asks for its name"):
        ask_context("prod", Options())
    typed("prod")
    ask_context("prod", Options())
    typed("prd")
    with pytest.raises(Failure, match="cancelled"):
        ask_context("prod", Options(context="prod"))
