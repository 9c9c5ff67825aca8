"""Reading the router's own machine: configuration, data directory, port, processes. Nothing is changed."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from llmlb.clock import unix_s
from llmlb.config.loading import load_settings
from llmlb.config.settings import Settings
from llmlb.doctor.world import DataDirectory, Machine
from llmlb.errors import ConfigurationError, StoreError
from llmlb.store.places import Places, places_of

CONNECT_TIMEOUT_S = 1.0
FIRST_PASSWORD_FILE = "initial_admin_password"
PRIVATE_FILES = ("jwt_secret", "operator_token", FIRST_PASSWORD_FILE, "llmlb.db", "runtime.db")


def read_machine(
    directory: Path,
    *,
    environ: Mapping[str, str],
    working_dir: Path,
    config_file: Path | None = None,
    dev: bool = False,
) -> Machine:
    """This machine, as a router that is started here would find it."""
    settings, problems, warnings = _configuration(
        directory, environ=environ, working_dir=working_dir, config_file=config_file, dev=dev
    )
    try:
        places = places_of(directory, settings.store.url if settings is not None else "")
    except (ConfigurationError, StoreError):
        places = places_of(directory)
    pid = running_router(places)
    return Machine(
        data=read_data_directory(directory, places),
        settings=settings,
        problems=problems,
        warnings=warnings,
        running_pid=pid,
        port_is_taken=settings is not None and somebody_listens(settings.server.host, settings.server.port),
        file_limit=None if pid is None else _file_limit(pid),
        certificate_left_s=_certificate_left_s(settings),
        ollama=_ollama_variables(),
    )


def read_data_directory(directory: Path, places: Places) -> DataDirectory:
    """The directory as it lies there; one that does not exist yet is in order."""
    if not directory.is_dir():
        return DataDirectory(path=str(directory), exists=False, newest_backup_age_s=None)
    status = directory.stat()
    is_mine = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
    disk = os.statvfs(directory)
    now = unix_s()
    files = [path for path in (*directory.iterdir(), places.main, places.runtime) if path.is_file()]
    newest = max((path.stat().st_mtime for path in files), default=now)
    made = [path.stat().st_mtime for path in places.backups.glob("*.db")]
    private = (*(directory / name for name in PRIVATE_FILES), places.main, places.runtime)
    return DataDirectory(
        path=str(directory),
        mode=status.st_mode & 0o777,
        is_mine=is_mine,
        is_writable=os.access(directory, os.W_OK),
        free_bytes=disk.f_bavail * disk.f_frsize,
        total_bytes=disk.f_blocks * disk.f_frsize,
        open_files=tuple(dict.fromkeys(path.name for path in private if _others_can_read(path))),
        has_first_password=(directory / FIRST_PASSWORD_FILE).is_file(),
        newest_backup_age_s=max(0.0, now - max(made)) if made else None,
        newest_file_ahead_s=max(0.0, newest - now),
        store_problem=_store_problem(places) if is_mine else "",
    )


def running_router(places: Places) -> int | None:
    """The process that holds the data directory's lock, None where no router runs. The lock is not taken."""
    try:
        import fcntl
    except ImportError:  # Windows knows no such lock
        return None
    try:
        with places.lock.open("rb") as file:
            try:
                # A shared lock does not keep a router from starting for longer than this moment.
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                text = file.read(32).decode("ascii", "replace").strip()
                return int(text) if text.isdecimal() else 0
    except OSError:
        return None
    return None


def somebody_listens(host: str, port: int) -> bool:
    """Whether a connection to where the router would listen is accepted."""
    if not port:
        return False
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    try:
        with socket.create_connection((target, port), timeout=CONNECT_TIMEOUT_S):
            return True
    except OSError:
        return False


def _configuration(
    directory: Path,
    *,
    environ: Mapping[str, str],
    working_dir: Path,
    config_file: Path | None,
    dev: bool,
) -> tuple[Settings | None, tuple[str, ...], tuple[str, ...]]:
    """The settings with what was changed live, or why they cannot be used; and their warnings."""
    try:
        loaded = load_settings(
            data_dir=directory, environ=environ, working_dir=working_dir, config_file=config_file, dev=dev
        )
    except ConfigurationError as error:
        return None, tuple(error.message.splitlines()), ()
    return loaded.settings, (), loaded.warnings


def _others_can_read(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & 0o077)
    except OSError:
        return False


def _store_problem(places: Places) -> str:
    """What SQLite finds wrong with the main file; its own words."""
    if not places.main.is_file():
        return ""
    if not places.main.stat().st_size:
        return f"{places.main} is empty" if any(places.backups.glob("*.db")) else ""
    from llmlb.store.database import Database

    try:
        with closing(Database(places.main, synchronous="FULL")) as database:
            problems = [str(row[0]) for row in database.pragma("quick_check(1)") if row[0] != "ok"]
    except StoreError as error:
        return error.message.partition(". ")[0]
    return f"{places.main} is damaged ({problems[0].splitlines()[0]})" if problems else ""


def _file_limit(pid: int) -> int | None:
    import psutil

    try:
        soft, _ = psutil.Process(pid).rlimit(psutil.RLIMIT_NOFILE)
    except (psutil.Error, AttributeError, ValueError, OSError):
        return None
    return int(soft) if soft > 0 else None


def _certificate_left_s(settings: Settings | None) -> float | None:
    """How long the router's certificate is still good, None without one or where it cannot be read."""
    if settings is None or not settings.server.tls_cert:
        return None
    import ssl

    try:
        # The standard library reads a certificate file only here; it is what ssl's own tests use.
        fields = ssl._ssl._test_decode_cert(settings.server.tls_cert)  # type: ignore[attr-defined]
        return ssl.cert_time_to_seconds(fields["notAfter"]) - unix_s()
    except (OSError, ValueError, KeyError, AttributeError):
        return None


def _ollama_variables() -> Mapping[str, str] | None:
    """The environment of the Ollama server on this machine, None where there is none or it may not be read."""
    import psutil

    for process in psutil.process_iter(["name", "cmdline"]):
        words = process.info.get("cmdline") or []
        if (process.info.get("name") or "").startswith("ollama") and "serve" in words:
            try:
                return {name: text for name, text in process.environ().items() if name.startswith("OLLAMA_")}
            except (psutil.Error, OSError):  # another user's
                continue
    return None
