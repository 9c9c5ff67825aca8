"""A home directory of its own for each test, a fake router, and the command line as a function."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli.command_line import Ran, Run
from cli.fake_router import TOKEN, FakeRouter
from hypothesis import settings

from llmlb_cli.main import main

# What is tested is never how fast the machine is that runs the tests.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files and variables of the person who runs the tests play no part."""
    for name in ("DATA", "CONFIG", "STATE"):
        monkeypatch.setenv(f"LLMLB_{name}_DIR", str(tmp_path / name.lower()))
    for name in ("URL", "TOKEN", "CONTEXT", "OUTPUT", "TIMEOUT", "CA_FILE", "NO_INPUT", "DATABASE_URL"):
        monkeypatch.delenv(f"LLMLB_{name}", raising=False)
    for name in ("NO_COLOR", "CLICOLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRouter]:
    """A fake router that commands find, with a credential it accepts."""
    with FakeRouter() as fake:
        monkeypatch.setenv("LLMLB_URL", fake.url)
        monkeypatch.setenv("LLMLB_TOKEN", TOKEN)
        yield fake


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs one command line in this process."""

    def one(*words: str) -> Ran:
        capsys.readouterr()
        code = main(words)
        out, err = capsys.readouterr()
        return Ran(int(code), out, err)

    return one


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a person at the terminal, who types these lines and then leaves."""

    def person(*lines: str) -> None:
        monkeypatch.setattr("llmlb_cli.consent.is_heard", lambda: True)
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        passwords = iter(lines)
        monkeypatch.setattr("getpass.getpass", lambda question: next(passwords))

    return person


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts text on stdin."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))
