"""Logging of the commands that keep running beside an engine. The router sets up its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from llmlb_cli.exits import usage
from llmlb_cli.suggestions import did_you_mean

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")


@contextlib.contextmanager
def logging_to_stderr(level: str, form: str) -> Iterator[None]:
    """Log from this level up, as text or as one JSON object a line; the last lines are written at the end.

    Raises Failure for a level or a format that does not exist.
    """
    _refuse_unknown("--log-level", level, LEVELS)
    _refuse_unknown("--log-format", form, FORMATS)
    from llmlb.telemetry.logs import configure_logging

    logs = configure_logging(level, form)
    try:
        yield
    finally:
        logs.close()


def _refuse_unknown(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        hint = did_you_mean(value, known) or f"give one of {', '.join(known)}"
        raise usage(f'{option} is "{value}", which is unknown', hint=hint)
