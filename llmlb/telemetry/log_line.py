"""One line of the log, safe to show, as text for people or JSON for collectors."""

from __future__ import annotations

import json
import logging
import math
import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from llmlb.telemetry.redaction import HIDDEN, is_secret_field, printable, redacted

MAX_VALUE_CHARS = 2_000
"""A value from outside may be of any length; a line that nobody can read helps nobody."""
MAX_TRACEBACK_CHARS = 20_000

FieldValue = str | int | float | bool | None

_OWN_ATTRIBUTES = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}
_JSON_NAMES = frozenset({"at", "level", "logger", "message", "traceback"})
_NEEDS_QUOTES = re.compile('[ "=]').search
_COLOURS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}


@dataclass(frozen=True, slots=True)
class LogLine:
    """What was logged: without secrets, without characters that a terminal obeys.

    fields: the data beside the message.  trace: a traceback, "" if there is none; the only text with line breaks.
    """

    at_unix_s: float
    level: str
    logger: str
    message: str
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    trace: str = ""

    def text(self, *, coloured: bool) -> str:
        """For people: instant, level, logger and message in columns, then ``name=value``."""
        level = f"{self.level:<8}"
        if coloured:
            level = f"\x1b[{_COLOURS.get(self.level, '0')}m{level}\x1b[0m"
        values = "".join([f" {name}={quoted(value)}" for name, value in self.fields.items()])
        line = f"{instant(self.at_unix_s)} {level} {self.logger:<24} {self.message}{values}"
        return line if not self.trace else line + "\n" + "\n".join(f"    {part}" for part in self.trace.split("\n"))

    def json(self) -> str:
        """For collectors: one object. A field named like one of ours gets a trailing underscore."""
        entry: dict[str, FieldValue] = {
            "at": instant(self.at_unix_s),
            "level": self.level.lower(),
            "logger": self.logger,
            "message": self.message,
        }
        if _JSON_NAMES.isdisjoint(self.fields):
            entry.update(self.fields)
        else:
            entry.update({f"{name}_" if name in _JSON_NAMES else name: value for name, value in self.fields.items()})
        if self.trace:
            entry["traceback"] = self.trace
        return json.dumps(entry)


def line_of(record: logging.LogRecord) -> LogLine:
    """A record of the standard library as a line. A message that does not fit its arguments is shown without them."""
    fields = {name: field_value(name, value) for name, value in record.__dict__.items() if name not in _OWN_ATTRIBUTES}
    return LogLine(
        at_unix_s=record.created,
        level=record.levelname,
        logger=record.name,
        message=safe(_message(record)),
        fields=fields,
        trace=_trace(record),
    )


def field_value(name: str, value: object) -> FieldValue:
    """A field's value, safe to show: numbers stay numbers, everything else becomes text."""
    if is_secret_field(name) and not isinstance(value, (bool, int, float)):
        return HIDDEN
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        # JSON has no NaN and no infinity.
        return value if math.isfinite(value) else str(value)
    return safe(str(value))


def safe(text: str, limit: int = MAX_VALUE_CHARS) -> str:
    """Text of bounded length on one line, without secrets and terminal tricks."""
    cut = text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"
    return printable(redacted(cut))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        # A wrong format string somewhere must not cost the line, let alone the request it is about.
        return f"{record.msg} (its arguments do not fit)"


def _trace(record: logging.LogRecord) -> str:
    parts: list[str] = []
    if record.exc_info and record.exc_info[1] is not None:
        parts = "".join(traceback.format_exception(record.exc_info[1])).rstrip().split("\n")
    elif record.stack_info:
        parts = record.stack_info.split("\n")
    return "\n".join(safe(part) for part in parts)[:MAX_TRACEBACK_CHARS]


def quoted(value: FieldValue) -> str:
    """A value as it stands behind ``name=``: in quotes where a reader could not tell its end."""
    if isinstance(value, float):
        return f"{value:.15g}"
    if not isinstance(value, str):
        return str(value)
    if value and not _NEEDS_QUOTES(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def instant(at_unix_s: float) -> str:
    """RFC 3339 with milliseconds, UTC."""
    second = int(at_unix_s)
    return f"{_second(second)}.{int((at_unix_s - second) * 1000):03d}Z"


@lru_cache(maxsize=8)
def _second(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")
