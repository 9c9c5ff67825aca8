"""Passwords from a person or a pipe, never from the command line and never echoed."""

from __future__ import annotations

import sys

from llmlb_cli.consent import may_ask
from llmlb_cli.exits import Failure, note, usage
from llmlb_cli.options import Options

MAX_PASSWORD_CHARACTERS = 1024


def password(question: str, options: Options, *, from_stdin: bool, repeat: bool = False) -> str:
    """The password: the first line of stdin, or typed without echo, twice where a mistake would lock somebody out.

    Raises Failure where nobody can be asked, for an empty password, and when the two differ.
    """
    if from_stdin:
        return _checked(sys.stdin.readline(MAX_PASSWORD_CHARACTERS + 2).rstrip("\r\n"))
    if not may_ask(options):
        raise usage("nobody can be asked for the password here", hint="pipe it in: --password-stdin < FILE")
    first = _checked(_typed(f"{question}: "))
    if repeat and _typed("Again: ") != first:
        raise usage("the two passwords differ", hint="nothing was changed; try again")
    return first


def _typed(question: str) -> str:
    import getpass

    try:
        return getpass.getpass(question)
    except EOFError as error:
        note("")
        raise Failure("no password was typed, nothing was changed", code="cancelled") from error


def _checked(text: str) -> str:
    if not text:
        raise usage("the password is empty", hint="type it, or pipe it in with --password-stdin")
    if len(text) > MAX_PASSWORD_CHARACTERS:
        raise usage(f"the password is longer than {MAX_PASSWORD_CHARACTERS} characters", hint="choose a shorter one")
    return text
