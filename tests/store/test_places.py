"""Where the files lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmlb.errors import ConfigurationError, StoreError
from llmlb.store.places import make_private_directory, make_private_file, places_of


def test_the_files_lie_in_the_data_directory(tmp_path: Path) -> None:
    places = places_of(tmp_path)
    assert (places.main, places.runtime) == (tmp_path / "llmlb.db", tmp_path / "runtime.db")
    assert places.backups == tmp_path / "backups"


def test_a_url_moves_the_main_file_and_its_companion(tmp_path: Path) -> None:
    places = places_of(tmp_path, f"sqlite:///{tmp_path}/elsewhere/fleet.db")
    assert places.main == tmp_path / "elsewhere" / "fleet.db"
    assert places.runtime == tmp_path / "elsewhere" / "runtime.db"
    assert places.lock == tmp_path / "elsewhere" / "fleet.db.lock"


@pytest.mark.parametrize(
    "url",
    ["postgresql://db/llmlb", "postgres://db", "postgresql+psycopg://db", "mysql://db", "sqlite://", "sqlite:///",
     "sqlite:///:memory:", "sqlite:////a.db?mode=ro", "/var/lib/llmlb.db", "sqlite:////var/lib/runtime.db"],
)  # fmt: skip
def test_a_database_that_is_not_supported_is_refused_with_what_is(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"store\.url"):
        places_of(tmp_path, url)


def test_new_files_and_directories_are_their_owners_alone(tmp_path: Path) -> None:
    make_private_directory(tmp_path / "data")
    make_private_file(tmp_path / "data" / "file")
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "data" / "file").stat().st_mode & 0o777 == 0o600


def test_a_file_that_others_could_read_is_closed_to_them_and_keeps_its_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("kept")
    path.chmod(0o644)
    make_private_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == "kept"


def test_a_data_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreError, match=r"data.*cannot be made"):
        make_private_directory(tmp_path / "data")
    with pytest.raises(StoreError, match="cannot be made"):
        make_private_file(tmp_path / "absent" / "file")
