"""A recording that was opened to be played: read only, looked through once, its lines decoded when they are played."""

from __future__ import annotations

import os
import stat
from array import array
from bisect import bisect_left, bisect_right
from io import BufferedReader
from pathlib import Path

from msgspec.json import decode

from llmlb.errors import ConfigurationError
from llmlb_tui.model.reading import instant
from llmlb_tui.model.text import clean
from llmlb_tui.recording import (
    ENTRY,
    FORMAT,
    MAX_LINE_BYTES,
    MAX_RECORDED_BYTES,
    VERSION,
    AnyEntry,
    End,
    Header,
    Loss,
    Note,
    Polled,
    Refusal,
    Told,
)

MAX_PLAYED_BYTES = 2 * MAX_RECORDED_BYTES
MAX_LINES = 4_000_000
"""What is remembered of each line is twenty bytes; no recording of ours has a tenth of them."""
MAX_RECORDED_S = 366 * 86_400.0
_HAPPENED = b'"change":{'


class Recording:
    """An open file. Lines are counted from 0 here, and from 1, the header's, where people read of them.

    at_s: when each line came, in seconds since the recording began, never falling.  stops: the lines that tell of
    something that happened.  is_whole: it ended in order; where not, whoever wrote it was cut off.
    began_unix_s: 0 where the header does not tell.
    """

    def __init__(self, path: Path, file: BufferedReader) -> None:
        self.path = path
        self.at_s: array[float] = array("d")
        self.stops: array[int] = array("L")
        self.is_whole = False
        self.began_unix_s = 0.0
        self.first = 0
        """How many lines bring the first picture."""
        self._file = file
        self._offsets: array[int] = array("Q")
        try:
            self._look_through()
        except BaseException:
            file.close()
            raise

    def __len__(self) -> int:
        return len(self.at_s)

    @property
    def end_s(self) -> float:
        """When the last line came."""
        return self.at_s[-1]

    def place(self, line: int) -> int:
        """How many bytes stand before a line."""
        return self._offsets[line]

    def upto(self, at_s: float) -> int:
        """How many lines had come by then."""
        return bisect_right(self.at_s, at_s)

    def entry(self, line: int) -> AnyEntry:
        """A line, decoded. Raises ConfigurationError where the file is not any more what it was."""
        try:
            self._file.seek(self._offsets[line])
            return ENTRY.decode(self._file.readline(MAX_LINE_BYTES))
        except (OSError, ValueError, RecursionError) as error:
            raise _unreadable(self.path, line + 2, error) from error

    def stop_after(self, done: int) -> int | None:
        """How many lines there are up to the next happening. done: lines that were played."""
        at = bisect_left(self.stops, done)
        return self.stops[at] + 1 if at < len(self.stops) else None

    def stop_before(self, done: int) -> int | None:
        """How many lines there are up to the happening before the last line that was played."""
        at = bisect_left(self.stops, done - 1)
        return self.stops[at - 1] + 1 if at > 0 else None

    def close(self) -> None:
        self._file.close()

    # Opening

    def _look_through(self) -> None:
        self._read_header(self._file.readline(MAX_LINE_BYTES + 1))
        offset, number = self._file.tell(), 1
        while text := self._file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(text) > MAX_LINE_BYTES:
                raise ConfigurationError(f"{self.path}, line {number}: it is longer than {MAX_LINE_BYTES >> 20} MiB")
            if not text.endswith(b"\n"):
                break  # whoever wrote it was cut off in the middle of a line
            if number > MAX_LINES:
                raise ConfigurationError(f"{self.path}: it has more than {MAX_LINES:,} lines")
            self._take(text, offset, number)
            offset += len(text)
        if not self.at_s:
            raise ConfigurationError(f"{self.path}: nothing was recorded before it ended")
        self.first = self.first or 1

    def _read_header(self, text: bytes) -> None:
        try:
            header = decode(text, type=Header)
        except (ValueError, RecursionError):
            header = None
        if header is None or header.format != FORMAT:
            raise ConfigurationError(f"{self.path}, line 1: this is no recording of llmlb top --record")
        if header.version != VERSION:
            raise ConfigurationError(
                f"{self.path}, line 1: its format is version {header.version}, this llmlb reads version {VERSION}"
            )
        self.began_unix_s = instant(header.at) or 0.0

    def _take(self, text: bytes, offset: int, number: int) -> None:
        try:
            entry = ENTRY.decode(text)
        except (ValueError, RecursionError) as error:
            raise _unreadable(self.path, number, error) from error
        before_s = self.at_s[-1] if self.at_s else 0.0
        if not before_s <= entry.at_s <= MAX_RECORDED_S:
            raise ConfigurationError(f"{self.path}, line {number}: its time {entry.at_s:g} s cannot be")
        line = len(self.at_s)
        self.at_s.append(entry.at_s)
        self._offsets.append(offset)
        if not self.first and _is_picture(entry):
            self.first = line + 1
        if isinstance(entry, Loss | Refusal | Note) or (isinstance(entry, Told) and _HAPPENED in text):
            self.stops.append(line)
        self.is_whole = isinstance(entry, End) and not entry.reason


def open_recording(path: Path) -> Recording:
    """Open a file to play it. Raises ConfigurationError that names the file, and the line that is at fault."""
    try:
        # A pipe would be waited for; what is no file is refused below.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError) as error:
        raise _unopened(path, error) from error
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        raise ConfigurationError(f"cannot play {path}: it is no file")
    if about.st_size > MAX_PLAYED_BYTES:
        os.close(descriptor)
        raise ConfigurationError(f"cannot play {path}: it is larger than {MAX_PLAYED_BYTES >> 20} MiB")
    try:
        return Recording(path, os.fdopen(descriptor, "rb"))
    except OSError as error:
        raise _unopened(path, error) from error


def _is_picture(entry: AnyEntry) -> bool:
    """Whether the console has nodes to show after it."""
    return isinstance(entry, Polled) or (isinstance(entry, Told) and entry.kind == "snapshot")


def _unopened(path: Path, error: Exception) -> ConfigurationError:
    return ConfigurationError(f"cannot play {path}: {getattr(error, 'strerror', None) or error}")


def _unreadable(path: Path, number: int, error: Exception) -> ConfigurationError:
    cause = "it is nested too deep" if isinstance(error, RecursionError) else getattr(error, "strerror", None)
    return ConfigurationError(f"{path}, line {number}: it cannot be read: {cause or clean(str(error), 200)}")
