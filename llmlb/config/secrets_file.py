"""Files that only their owner may read: generated secrets, tokens, credentials.

A file is created 0600 in a 0700 directory and published in one step, so that no reader ever sees half of it, and two
processes that start together agree on one secret. What others could read is refused, with the command that mends it.
On Windows the modes mean nothing: there the user's profile directory protects the files.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from llmlb.errors import ConfigurationError

MAX_SECRET_FILE_BYTES = 65_536
"""More than any file of ours; a bound, because the path may point anywhere."""

_HAS_MODES = os.name != "nt"
_SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFELY
# O_NONBLOCK: a reader must not hang on a FIFO that somebody left in the file's place.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _SAFELY


def ensure_private_dir(directory: Path) -> None:
    """Creates `directory` with mode 0700, or refuses one that others may read.

    Raises ConfigurationError: not a directory, readable by others, or not creatable.
    """
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(directory, 0o700)
        found = os.stat(directory)
    except OSError as error:
        raise ConfigurationError(
            f"cannot create the directory {directory}: {_cause(error)}. Create it, or choose another one."
        ) from error
    if not stat.S_ISDIR(found.st_mode):
        raise ConfigurationError(f"{directory} is not a directory. Move it away, or choose another directory.")
    if _HAS_MODES and found.st_mode & 0o077:
        raise ConfigurationError(f"{_exposed(directory, found.st_mode, '700')}, or use a new directory below it.")


def create_secret_file(path: Path, text: str) -> bool:
    """Creates `path` 0600 with `text`, in one step; False when there is such a file already.

    The directory is made by `ensure_private_dir`.  Raises ConfigurationError when the file cannot be written.
    """
    ensure_private_dir(path.parent)
    try:
        with _draft(path, text) as draft:
            return _publish(draft, path, text)
    except OSError as error:
        raise _cannot_write(path, error) from error


def replace_secret_file(path: Path, text: str) -> None:
    """Writes `text` to `path` 0600; a reader sees the old text or the new, never a mixture.

    A symbolic link in its place is replaced, not followed.  Raises ConfigurationError when it cannot be written.
    """
    ensure_private_dir(path.parent)
    try:
        with _draft(path, text) as draft:
            os.replace(draft, path)
        _sync_dir(path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error


def read_secret_file(path: Path) -> str | None:
    """The text of a private file, or None when there is no such file.

    Raises ConfigurationError: a link, not a plain file, readable by others, another user's, too big, not UTF-8.
    """
    try:
        with open(path, "rb", opener=_open_to_read) as file:
            _refuse_unsafe(path, os.fstat(file.fileno()))
            content = file.read(MAX_SECRET_FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        if path.is_symlink():
            raise ConfigurationError(
                f"{path} is a symbolic link, which is refused for a file with secrets. Put the file itself there."
            ) from error
        raise ConfigurationError(f"cannot read {path}: {_cause(error)}. Mend its permissions.") from error
    if len(content) > MAX_SECRET_FILE_BYTES:
        raise ConfigurationError(f"{path} is larger than {MAX_SECRET_FILE_BYTES} bytes: not a file of llmlb's.")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not text. Move it away; llmlb writes a new one.") from error


def ensure_secret(path: Path, *, secret_bytes: int = 32) -> str:
    """The secret kept in `path`, generated when there is none; URL-safe text of `secret_bytes` random bytes.

    Raises ConfigurationError as `read_secret_file`, and when the file holds less than `secret_bytes` characters: a
    shortened secret must not pass for a good one.
    """
    found = read_secret_file(path)
    if found is None:
        import secrets  # imported late: readers of secrets must start fast

        create_secret_file(path, secrets.token_urlsafe(secret_bytes) + "\n")
        # Read back rather than remembered: another process may have been first.
        found = read_secret_file(path) or ""
    secret = found.strip()
    if len(secret.encode()) < secret_bytes:
        raise ConfigurationError(
            f"the secret in {path} is shorter than {secret_bytes} bytes. Remove the file; llmlb generates a new one."
        )
    return secret


def exposure(path: Path) -> str:
    """Who besides its owner may read `path`, with the command that mends it; "" when nobody, or on Windows."""
    mode = os.stat(path).st_mode
    return _exposed(path, mode, "600") if _HAS_MODES and mode & 0o077 else ""


def _open_to_read(path: str, _flags: int) -> int:
    return os.open(path, _READ)


def _refuse_unsafe(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ConfigurationError(f"{path} is not a plain file. Move it away; llmlb writes a new one.")
    if not _HAS_MODES:
        return
    if found.st_mode & 0o077:
        raise ConfigurationError(_exposed(path, found.st_mode, "600"))
    if os.geteuid() not in (0, found.st_uid):
        raise ConfigurationError(f"{path} belongs to another user. Run: chown {os.geteuid()} {path}")


def _exposed(path: Path, mode: int, wanted: str) -> str:
    from shlex import quote

    return f"others may read {path} (mode {stat.S_IMODE(mode):04o}). Run: chmod {wanted} {quote(str(path))}"


@contextlib.contextmanager
def _draft(path: Path, text: str) -> Iterator[Path]:
    """A finished private file beside `path`, gone afterwards unless it was renamed."""
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        _write_new(draft, text)
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _write_new(path: Path, text: str) -> None:
    with open(os.open(path, _NEW, 0o600), "wb") as file:
        if _HAS_MODES:
            os.fchmod(file.fileno(), 0o600)  # a umask of 0777 would take the owner's rights as well
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


def _publish(draft: Path, path: Path, text: str) -> bool:
    try:
        os.link(draft, path, follow_symlinks=False)
    except FileExistsError:
        return False
    except (OSError, NotImplementedError):
        # FAT and some network shares know no hard links: there the file appears before its text does.
        return _create_in_place(path, text)
    _sync_dir(path.parent)
    return True


def _create_in_place(path: Path, text: str) -> bool:
    try:
        _write_new(path, text)
    except FileExistsError:
        return False
    return True


def _sync_dir(directory: Path) -> None:
    """Makes a new name survive a power cut, where the platform can."""
    if not _HAS_MODES:
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot_write(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"cannot write {path}: {_cause(error)}. Mend it, or choose another directory.")


def _cause(error: OSError) -> str:
    return error.strerror or type(error).__name__
