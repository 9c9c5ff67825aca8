"""Work that may take long."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from llmlb_cli import progress
from llmlb_cli.progress import Done, progress_line, watched


def _watch(work: Callable[[], int], *, quiet: bool = False) -> int:
    return watched(work, label="copying", done=lambda: Done(500, 2000), quiet=quiet)


def test_the_line_tells_how_far_it_is_where_that_is_known() -> None:
    assert progress_line("copying", Done(500_000_000, 2_000_000_000), 75.0) == (
        "copying  [######------------------]  25%  500 MB of 2 GB  1m15s"
    )
    assert progress_line("reading", Done(0, 0), 9.0) == "reading  9s"
    assert "100%" in progress_line("copying", Done(9, 3), 1.0)


def test_what_is_done_soon_needs_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    assert _watch(lambda: 7) == 7
    assert capsys.readouterr() == ("", "")


def test_what_the_work_raises_is_raised() -> None:
    def fail() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        _watch(fail)
    with pytest.raises(ValueError, match="no"):
        _watch(fail, quiet=True)


@pytest.mark.parametrize(("is_terminal", "quiet"), [(True, False), (False, False), (False, True)])
def test_long_work_is_told_in_the_way_that_stderr_can_show(
    is_terminal: bool, quiet: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = threading.Event()
    monkeypatch.setattr(progress, "QUIET_S", 0.001)
    monkeypatch.setattr(progress, "REDRAW_S", 0.001)
    monkeypatch.setattr(progress, "NOTE_EVERY_S", 0.001)
    monkeypatch.setattr("sys.stderr.isatty", lambda: is_terminal)

    def done() -> Done:
        told.set()
        return Done(1, 2)

    def work() -> int:
        assert quiet or told.wait(20)
        return 1

    assert watched(work, label="copying", done=done, quiet=quiet) == 1
    err = capsys.readouterr().err
    if quiet:
        assert err == ""
    else:
        assert "copying  [############------------]  50%" in err
        # A terminal's line is taken away at the end; elsewhere nothing moves the cursor.
        assert err.endswith("\r\x1b[2K") is is_terminal
        assert ("\x1b" in err) is is_terminal


def test_ctrl_c_leaves_other_work_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    finished = threading.Event()

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(progress, "_tell", interrupted)
    with pytest.raises(KeyboardInterrupt):
        watched(finished.wait, label="x", done=lambda: Done(0, 0), quiet=True)
    finished.set()


@pytest.mark.parametrize("signal", [KeyboardInterrupt, SystemExit(143)])
def test_what_must_not_be_done_by_half_is_finished_first(
    signal: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[bool] = []
    may_end = threading.Event()

    def interrupted(*_: object, **__: object) -> None:
        may_end.set()
        raise signal

    def swap() -> int:
        assert may_end.wait(20)
        ended.append(True)
        return 7

    monkeypatch.setattr(progress, "_tell", interrupted)

    def work() -> int:
        return watched(swap, label="restoring", done=lambda: Done(0, 0), quiet=True, is_atomic=True)

    if isinstance(signal, SystemExit):
        with pytest.raises(SystemExit):
            work()
    else:
        assert work() == 7
        assert "not left half done" in capsys.readouterr().err
    assert ended == [True]
