"""What every test of the console needs."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exports go to the working folder: not into the repository."""
    monkeypatch.chdir(tmp_path)
