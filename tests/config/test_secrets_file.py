"""Files that nobody else may read: their modes, the refusals, and what a race or a crash leaves behind."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from llmlb.config import secrets_file
from llmlb.config.secrets_file import (
    MAX_SECRET_FILE_BYTES,
    create_secret_file,
    ensure_private_dir,
    ensure_secret,
    exposure,
    read_secret_file,
    replace_secret_file,
)
from llmlb.errors import ConfigurationError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="modes mean nothing there")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is not there yet, in a directory that is not there yet."""
    return tmp_path / "data" / "secret"


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_file_is_0600_in_a_0700_directory_under_any_umask(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        assert create_secret_file(path, "text")
    finally:
        os.umask(before)
    assert (_mode(path), _mode(path.parent)) == (0o600, 0o700)
    assert read_secret_file(path) == "text"


def test_owner_can_read_the_file_even_under_a_umask_that_takes_everything(path: Path) -> None:
    ensure_private_dir(path.parent)
    before = os.umask(0o777)
    try:
        create_secret_file(path, "text")
    finally:
        os.umask(before)
    assert _mode(path) == 0o600


def test_existing_file_is_not_overwritten_by_create(path: Path) -> None:
    assert create_secret_file(path, "first")
    assert not create_secret_file(path, "second")
    assert read_secret_file(path) == "first"


def test_replace_changes_the_text_and_keeps_the_mode(path: Path) -> None:
    replace_secret_file(path, "first")
    replace_secret_file(path, "second")
    assert (read_secret_file(path), _mode(path)) == ("second", 0o600)


def test_no_draft_is_left_behind(path: Path) -> None:
    create_secret_file(path, "first")
    create_secret_file(path, "second")
    replace_secret_file(path, "third")
    assert [each.name for each in path.parent.iterdir()] == ["secret"]


def test_failed_write_leaves_the_old_text_and_no_draft(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_secret_file(path, "old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError, match=r"cannot write .*: No space left on device\. "):
        replace_secret_file(path, "new")
    assert path.read_text() == "old"
    assert [each.name for each in path.parent.iterdir()] == ["secret"]


def test_absent_file_reads_as_none(path: Path) -> None:
    assert read_secret_file(path) is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o610])
def test_file_that_others_may_read_is_refused_with_the_command_that_mends_it(path: Path, mode: int) -> None:
    create_secret_file(path, "hunter2")
    path.chmod(mode)
    with pytest.raises(ConfigurationError) as refused:
        read_secret_file(path)
    assert refused.value.message == f"others may read {path} (mode {mode:04o}). Run: chmod 600 {path}"


def test_command_that_mends_it_is_quoted_for_the_shell(tmp_path: Path) -> None:
    path = tmp_path / "my data" / "a secret"
    create_secret_file(path, "x")
    path.chmod(0o644)
    assert exposure(path).endswith(f"chmod 600 '{path}'")


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701, 0o777])
def test_directory_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    directory = tmp_path / "data"
    directory.mkdir()
    directory.chmod(mode)
    with pytest.raises(ConfigurationError, match=f"chmod 700 {directory}, or use a new directory below it"):
        create_secret_file(directory / "secret", "x")
    assert [*directory.iterdir()] == []


def test_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    with pytest.raises(ConfigurationError, match="is not a directory"):
        ensure_private_dir(tmp_path / "data")
    with pytest.raises(ConfigurationError, match="cannot create the directory"):
        ensure_private_dir(tmp_path / "data" / "below")


def test_missing_parents_are_created(tmp_path: Path) -> None:
    ensure_private_dir(tmp_path / "a" / "b" / "c")
    assert _mode(tmp_path / "a" / "b" / "c") == 0o700


def test_link_in_the_place_of_the_file_is_refused_and_not_followed(path: Path, tmp_path: Path) -> None:
    create_secret_file(path, "x")
    path.unlink()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("theirs")
    elsewhere.chmod(0o600)
    path.symlink_to(elsewhere)
    with pytest.raises(ConfigurationError, match="is a symbolic link"):
        read_secret_file(path)
    assert not create_secret_file(path, "ours")
    replace_secret_file(path, "ours")
    assert (elsewhere.read_text(), read_secret_file(path)) == ("theirs", "ours")


def test_pipe_in_the_place_of_the_file_does_not_hang_the_reader(path: Path) -> None:
    ensure_private_dir(path.parent)
    os.mkfifo(path, 0o600)
    with pytest.raises(ConfigurationError, match="is not a plain file"):
        read_secret_file(path)


def test_directory_in_the_place_of_the_file_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="cannot read"):
        read_secret_file(path)


def test_file_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_secret_file(path, "x")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ConfigurationError, match=r"belongs to another user\. Run: chown"):
        read_secret_file(path)


@pytest.mark.parametrize(
    ("content", "words"), [(b"\xff", "is not text"), (b"x" * (MAX_SECRET_FILE_BYTES + 1), "larger")]
)
def test_content_that_is_no_secret_is_refused(path: Path, content: bytes, words: str) -> None:
    create_secret_file(path, "x")
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=words):
        read_secret_file(path)


def test_generated_secret_is_random_long_enough_and_kept(path: Path, tmp_path: Path) -> None:
    secret = ensure_secret(path)
    assert len(secret.encode()) >= 32
    assert ensure_secret(path) == secret
    assert ensure_secret(tmp_path / "other" / "secret") != secret


@pytest.mark.parametrize("content", ["", "short\n", "x" * 31])
def test_shortened_secret_is_refused(path: Path, content: str) -> None:
    create_secret_file(path, content)
    with pytest.raises(ConfigurationError, match=r"shorter than 32 bytes\. Remove the file"):
        ensure_secret(path)


def test_starters_at_the_same_moment_agree_on_one_secret(path: Path) -> None:
    ensure_private_dir(path.parent)
    gate = threading.Barrier(8)
    found: list[str] = []

    def start() -> None:
        gate.wait()
        found.append(ensure_secret(path))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert [each.name for each in path.parent.iterdir()] == ["secret"]


def test_file_system_without_hard_links_still_gets_its_secret(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_arguments: object, **_options: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", unsupported)
    assert create_secret_file(path, "first")
    assert not create_secret_file(path, "second")
    assert (read_secret_file(path), _mode(path)) == ("first", 0o600)
    assert [each.name for each in path.parent.iterdir()] == ["secret"]


def test_modes_are_not_looked_at_where_they_mean_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets_file, "_HAS_MODES", False)
    path.parent.mkdir(mode=0o755)
    create_secret_file(path, "x")
    path.chmod(0o666)
    assert (read_secret_file(path), exposure(path)) == ("x", "")
