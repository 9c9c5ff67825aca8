"""Passwords from a person or a pipe."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from llmlb_cli.exits import ExitCode, Failure
from llmlb_cli.options import Options
from llmlb_cli.passphrase import password


def test_the_first_line_of_a_pipe_is_the_password(piped: Callable[[str], None]) -> None:
    piped("correct horse \r\nbattery\n")
    assert password("?", Options(), from_stdin=True) == "correct horse "


@pytest.mark.parametrize("text", ["", "\n", f"{'x' * 1025}\n"])
def test_an_empty_or_endless_password_is_refused(text: str, piped: Callable[[str], None]) -> None:
    piped(text)
    with pytest.raises(Failure) as caught:
        password("?", Options(), from_stdin=True)
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_new_password_is_typed_twice_the_same(typed: Callable[..., None]) -> None:
    typed("secret-1", "secret-1")
    assert password("?", Options(), from_stdin=False, repeat=True) == "secret-1"
    typed("secret-1", "secret-2")
    with pytest.raises(Failure, match="differ"):
        password("?", Options(), from_stdin=False, repeat=True)


def test_where_nobody_can_be_asked_the_pipe_is_named() -> None:
    with pytest.raises(Failure) as caught:
        password("?", Options(), from_stdin=False)
    assert "--password-stdin" in caught.value.hint
