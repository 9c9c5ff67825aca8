"""Where files live."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest

from llmlb.config import paths

_ALL = [
    (paths.data_dir, "LLMLB_DATA_DIR"),
    (paths.config_dir, "LLMLB_CONFIG_DIR"),
    (paths.state_dir, "LLMLB_STATE_DIR"),
]


@pytest.mark.parametrize(("directory", "variable"), _ALL)
def test_variable_moves_the_directory(directory: Callable[..., Path], variable: str, tmp_path: Path) -> None:
    assert directory({variable: str(tmp_path)}) == tmp_path


@pytest.mark.parametrize(("directory", "variable"), _ALL)
def test_variable_is_read_from_the_process_environment(
    directory: Callable[..., Path], variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(tmp_path))
    assert directory() == tmp_path


@pytest.mark.parametrize(("directory", "variable"), _ALL)
def test_relative_or_home_path_becomes_absolute(
    directory: Callable[..., Path], variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert directory({variable: "here/../there"}) == tmp_path / "there"
    assert directory({variable: "~/x"}) == tmp_path / "home" / "x"


@pytest.mark.parametrize(("directory", "variable"), _ALL)
def test_without_variable_the_platform_decides(directory: Callable[..., Path], variable: str) -> None:
    found = directory({variable: ""})
    assert found.is_absolute()
    assert "llmlb" in found.parts


def test_no_two_kinds_share_a_directory() -> None:
    assert len({directory({}) for directory, _ in _ALL}) == 3


@pytest.mark.parametrize("home", ["/home/kim", "/", "relative", ""])
@pytest.mark.parametrize("base", ["/data", "/data/", "relative", "~/x", " ", ""])
def test_the_platform_is_asked_or_known_with_the_same_answer(
    home: str, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", home)
    for name in ("DATA", "CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", base)
    assert paths.data_dir({}) == Path(platformdirs.user_data_dir("llmlb", appauthor=False))
    assert paths.config_dir({}) == Path(platformdirs.user_config_dir("llmlb", appauthor=False))
    assert paths.state_dir({}) == Path(platformdirs.user_state_dir("llmlb", appauthor=False))
