"""Writing the reference; that the written files are current is checked by the house's tests."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from llmlb.config import reference
from llmlb.errors import ConfigurationError


def test_every_line_of_the_example_file_fits_a_terminal() -> None:
    assert max(len(line) for line in reference.example_file().splitlines()) <= 120


def test_example_file_is_toml() -> None:
    assert tomllib.loads(reference.example_file())["server"]["port"] == 8080


def test_rewriting_outside_a_checkout_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "__file__", str(tmp_path / "llmlb" / "config" / "reference.py"))
    with pytest.raises(ConfigurationError, match="is not a checkout"):
        reference.main()


def test_rewriting_writes_both_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(reference, "__file__", str(tmp_path / "llmlb" / "config" / "reference.py"))
    reference.main()
    assert (tmp_path / "config.example.toml").read_text(encoding="utf-8") == reference.example_file()
    assert (tmp_path / "docs" / "configuration.md").read_text(encoding="utf-8") == reference.documentation()
