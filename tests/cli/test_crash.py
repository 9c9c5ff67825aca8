"""What nobody foresaw."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.command_line import Run
from cli.fake_router import FakeRouter

from llmlb_cli import crash

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJraW0ifQ.c2lnbmF0dXJl"


def _break(monkeypatch: pytest.MonkeyPatch, message: str) -> None:
    def broken(*_: object, **__: object) -> object:
        raise ZeroDivisionError(message)

    monkeypatch.setattr("llmlb.client.simple.call", broken)


def test_a_defect_shows_a_message_and_keeps_the_traceback_in_a_private_file(
    router: FakeRouter, run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break(monkeypatch, "by nought")
    ran = run("nodes", "list")
    (log,) = (home / "state").iterdir()
    assert ran.code == 1
    assert "Traceback" not in ran.err
    assert "ZeroDivisionError: by nought" in ran.err
    assert str(log) in ran.err
    assert "Traceback" in log.read_text(encoding="utf-8")
    assert log.stat().st_mode & 0o777 == 0o600


def test_credentials_stay_out_of_the_message_and_of_the_file(
    router: FakeRouter, run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break(monkeypatch, f"sk-0123456789abcdef nt_0123456789abcdef {JWT}")
    ran = run("nodes", "list")
    (log,) = (home / "state").iterdir()
    for text in (ran.err, log.read_text(encoding="utf-8")):
        assert "0123456789abcdef" not in text
        assert JWT not in text


def test_the_file_does_not_grow_for_ever(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crash, "MAX_LOG_BYTES", 2000)
    for _ in range(50):
        crash.failure_of_crash(ValueError("again"))
    (log,) = (home / "state").iterdir()
    assert log.stat().st_size < 3000


def test_a_directory_that_cannot_be_written_is_no_second_crash(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "state").write_text("in the way", encoding="utf-8")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(home / "state" / "deeper"))
    failure = crash.failure_of_crash(ValueError("x"))
    assert "could not be written" in failure.hint


def test_a_link_in_the_way_is_not_followed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = home / "victim"
    victim.write_text("precious", encoding="utf-8")
    crash.failure_of_crash(ValueError("first"))
    (log,) = (home / "state").iterdir()
    log.unlink()
    log.symlink_to(victim)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(home / "state" / "deeper"))
    crash.failure_of_crash(ValueError("second"))
    assert victim.read_text(encoding="utf-8") == "precious"
