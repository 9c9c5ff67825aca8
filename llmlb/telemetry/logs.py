"""The log of a process: set up once, for the standard library's loggers and for uvicorn's.

Text for people or JSON for collectors, written by a thread, the last 1,000 lines kept for the console; access lines are
not, for they would push out everything else within seconds, and the console has the request records.
"""

from __future__ import annotations

import logging
import os
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TextIO

from llmlb.core.record import ExchangeRecord
from llmlb.telemetry.access_log import AccessLog, access_line, access_text
from llmlb.telemetry.log_line import LogLine, line_of
from llmlb.telemetry.log_writer import LogWriter

KEPT_LINES = 1_000
_TALKATIVE = ("httpx", "httpcore", "asyncio", "multipart", "alembic", "sqlalchemy")
"""Libraries that report each of their own steps at INFO."""


class LogHandler(logging.Handler):
    """Makes each record a safe line, keeps it and hands it to the writer."""

    def __init__(self, writer: LogWriter, *, as_json: bool, coloured: bool) -> None:
        super().__init__()
        self.kept: deque[LogLine] = deque(maxlen=KEPT_LINES)
        self._writer = writer
        self._as_json = as_json
        self._coloured = coloured

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = line_of(record)
            self.kept.append(line)
            self._writer.write(f"{self.written(line)}\n")
        except Exception:  # noqa: BLE001 -- whatever a logged object does, the request it is about must go on
            self.handleError(record)

    @property
    def is_plain(self) -> bool:
        """Text without colours."""
        return not (self._as_json or self._coloured)

    def written(self, line: LogLine) -> str:
        """The line as this log writes it, without a line break."""
        return line.json() if self._as_json else line.text(coloured=self._coloured)


class Logs:
    """The log that ``configure_logging`` set up. ``close`` it at the end, or the last lines may be lost."""

    def __init__(self, handler: LogHandler, writer: LogWriter, *, access: bool) -> None:
        self._handler = handler
        self._writer = writer
        render = access_text if handler.is_plain else lambda record: handler.written(access_line(record))
        self._access = AccessLog(writer.write, render) if access else None

    def recent(self, limit: int = KEPT_LINES, *, level: str = "") -> list[LogLine]:
        """The last lines, newest first; with ``level``, such as WARNING, only those at least as important."""
        least = logging.getLevelNamesMapping().get(level.upper(), logging.NOTSET)
        names = logging.getLevelNamesMapping()
        found = [line for line in reversed(self._handler.kept) if names.get(line.level, 0) >= least]
        return found[:limit]

    def access(self, records: Sequence[ExchangeRecord]) -> None:
        """One line for each finished exchange, with the next ``flush``; nothing where access lines are off."""
        if self._access is not None:
            self._access.take(records)

    def flush(self) -> None:
        """Hand over collected access lines. Call it a few times a second."""
        if self._access is not None:
            self._access.flush()

    def close(self) -> None:
        """Write what is left and take the handler out again."""
        self.flush()
        logging.getLogger().removeHandler(self._handler)
        self._handler.close()
        self._writer.close()


def configure_logging(
    level: str = "info",
    format: str = "text",
    *,
    stream: TextIO | None = None,
    access: bool = True,
    environ: Mapping[str, str] = os.environ,
) -> Logs:
    """Send every logger of this process to ``stream``, standard error by default.

    level: debug, info, warning or error.  format: text or json; text has colour on a terminal unless NO_COLOR is set
    or TERM is dumb.  access: whether exchanges get lines.  uvicorn must be given ``log_config=None``,
    or it undoes this.
    """
    out = sys.stderr if stream is None else stream
    coloured = out.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    writer = LogWriter(out)
    handler = LogHandler(writer, as_json=format == "json", coloured=coloured)
    root = logging.getLogger()
    for earlier in [present for present in root.handlers if isinstance(present, LogHandler)]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # Our own access lines say more.
    logging.getLogger("uvicorn.access").setLevel(logging.CRITICAL)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    return Logs(handler, writer, access=access)
