"""How a command ends: the exit codes, the errors a person meets, and the only writer of stderr."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from enum import IntEnum
from typing import TextIO

from llmlb_cli.text import clean


class ExitCode(IntEnum):
    """What the shell learns. A number never changes its meaning."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_LOGGED_IN = 4
    FORBIDDEN = 5
    NOT_FOUND = 6
    CONFLICT = 7
    WAIT_TIMEOUT = 8
    SOME_FAILED = 9
    CHECK_NOT_MET = 10
    DISHONEST_CLIENT = 11
    INTERRUPTED = 130
    TERMINATED = 143

    @property
    def word(self) -> str:
        """``not logged in``: how error blocks and JSON errors name it."""
        return self.name.lower().replace("_", " ")


MEANINGS = {
    ExitCode.OK: "done; also an empty list",
    ExitCode.FAILURE: "a failure that no other code names",
    ExitCode.USAGE: "the command line, a file or a setting cannot be used",
    ExitCode.UNREACHABLE: "the router did not answer, or TLS failed",
    ExitCode.NOT_LOGGED_IN: "no credential, or it has expired",
    ExitCode.FORBIDDEN: "the credential may not do this",
    ExitCode.NOT_FOUND: "there is no such node, key or user",
    ExitCode.CONFLICT: "it has changed meanwhile, or exists already",
    ExitCode.WAIT_TIMEOUT: "what was waited for did not happen in time",
    ExitCode.SOME_FAILED: "some of several failed",
    ExitCode.CHECK_NOT_MET: "a check was not met: status, nodes wait, a gate of loadtest",
    ExitCode.DISHONEST_CLIENT: "loadtest could not keep its own schedule",
    ExitCode.INTERRUPTED: "Ctrl-C",
    ExitCode.TERMINATED: "SIGTERM",
}

SUMMARY = (
    "Exit codes: 0 ok, 1 failure, 2 usage, 3 router unreachable, 4 not logged in, 5 forbidden, 6 not found, "
    "7 conflict, 8 timeout of a wait, 9 some of several failed, 10 check not met, 11 loadtest too slow itself, "
    "130 Ctrl-C, 143 SIGTERM."
)
"""For the help pages; the whole table is in docs/cli.md."""


class Failure(Exception):
    """A command cannot do what was asked. All texts are for the person who typed it.

    message: the cause, one line.  hint: the next step.  context: which router, and why that one.
    code: the machine's word for it in JSON errors; the exit code's word where empty.
    """

    def __init__(
        self,
        message: str,
        *,
        exit_code: ExitCode = ExitCode.FAILURE,
        hint: str = "",
        context: str = "",
        code: str = "",
        request_id: str = "",
        details: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
        self.hint = hint
        self.context = context
        self.code = code or exit_code.word.replace(" ", "_")
        self.request_id = request_id
        self.details = tuple(details)


def usage(message: str, *, hint: str = "") -> Failure:
    """The failure for a command line that cannot be used."""
    return Failure(message, exit_code=ExitCode.USAGE, hint=hint)


def note(text: str) -> None:
    """Write one line of narration to stderr, cleaned. A stderr that is gone is no reason to fail."""
    _write(clean(text) + "\n")


def prompt(text: str) -> None:
    """Write a question to stderr; the answer is typed behind it."""
    _write(clean(text) + " ")


def redraw(text: str) -> None:
    """Write over the terminal line that was redrawn last; an empty text takes it away."""
    _write(f"\r\x1b[2K{clean(text)}")


def interrupted() -> ExitCode:
    """Tell that Ctrl-C ended the command, on a line of its own: the terminal shows ``^C`` behind a question."""
    if is_heard():
        _write("\n")
    note("interrupted")
    return ExitCode.INTERRUPTED


def is_heard() -> bool:
    """Whether somebody can read a question and answer it."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def is_seen() -> bool:
    """Whether stderr is a terminal, so that what is written there may change in place."""
    stream: TextIO | None = sys.stderr
    return stream is not None and stream.isatty()


def report(failure: Failure, *, as_json: bool) -> ExitCode:
    """Show a failure on stderr, as one block or as one JSON object, and return its exit code."""
    for line in [_json_line(failure)] if as_json else _block(failure):
        note(line)
    return failure.exit_code


def _block(failure: Failure) -> list[str]:
    first, *rest = failure.message.splitlines() or [""]
    lines = [f"error: {first}", *(f"  {line}" for line in (*rest, *failure.details))]
    named = (
        ("context", failure.context),
        ("hint", failure.hint),
        ("request", failure.request_id),
        ("code", f"{int(failure.exit_code)} {failure.exit_code.word}"),
    )
    return lines + [f"  {name + ':':9}{text}" for name, text in named if text]


def _json_line(failure: Failure) -> str:
    import json

    message = "\n".join((failure.message, *failure.details))
    error = {
        "code": failure.code,
        "message": message,
        "hint": failure.hint or None,
        "request_id": failure.request_id or None,
        "exit_code": int(failure.exit_code),
    }
    return json.dumps({"error": error}, ensure_ascii=False)


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether errors are to be JSON; read from the words themselves, for a line that cannot be parsed as well."""
    chosen = os.environ.get("LLMLB_OUTPUT", "")
    words = list(arguments)
    for index, word in enumerate(words):
        if word == "--":
            break
        if word in ("-o", "--output"):
            chosen = "".join(words[index + 1 : index + 2])
        elif word.startswith("--output="):
            chosen = word.removeprefix("--output=")
        elif word.startswith("-o") and len(word) > 2:
            chosen = word[2:].removeprefix("=")
    return chosen in ("json", "jsonl")


def _write(text: str) -> None:
    stream: TextIO | None = sys.stderr
    if stream is None:  # closed by whoever started us
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    with contextlib.suppress(OSError, ValueError):
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
