from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from llmlb.telemetry import log_writer
from llmlb.telemetry.log_writer import LogWriter


class Stalled(io.StringIO):
    """A stream that takes nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.go = threading.Event()

    def write(self, text: str) -> int:
        self.entered.set()
        self.go.wait(10)
        return super().write(text)


@pytest.fixture
def stalled() -> Iterator[Stalled]:
    stream = Stalled()
    yield stream
    stream.go.set()


def test_closing_writes_what_waits_in_order() -> None:
    stream = io.StringIO()
    writer = LogWriter(stream)
    for number in range(100):
        writer.write(f"{number}\n")
    writer.close()
    assert stream.getvalue() == "".join(f"{number}\n" for number in range(100))


def test_a_stalled_stream_holds_up_nobody_and_what_was_dropped_is_said(
    stalled: Stalled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writer, "WAITING_CHARS", 20)
    with closing(LogWriter(stalled)) as writer:
        writer.write("first\n")
        assert stalled.entered.wait(10)
        for number in range(10):
            writer.write(f"line {number}\n")
        stalled.go.set()
    assert stalled.getvalue() == "first\nline 0\nline 1\n... 8 log lines dropped: the stream did not take them\n"


def test_closing_does_not_wait_for_a_stream_that_takes_nothing(
    stalled: Stalled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writer, "CLOSE_S", 0.01)
    writer = LogWriter(stalled)
    writer.write("x\n")
    assert stalled.entered.wait(10)
    writer.close()
    assert stalled.getvalue() == ""


def test_a_stream_that_was_closed_ends_the_log_and_nothing_else() -> None:
    stream = io.StringIO()
    stream.close()
    writer = LogWriter(stream)
    writer.write("x\n")
    writer.write("y\n")
    writer.close()
    writer.close()
