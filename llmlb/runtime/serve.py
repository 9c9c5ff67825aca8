"""``llmlb serve``: from options to exit status."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from llmlb.config.loading import Loaded, load_settings
from llmlb.config.paths import data_dir as usual_data_dir
from llmlb.config.secrets_file import ensure_private_dir
from llmlb.config.settings import Settings
from llmlb.errors import ConfigurationError
from llmlb.runtime.imports import lean_imports
from llmlb.store import Store
from llmlb.store.rows import Retention
from llmlb.telemetry.logs import Logs, configure_logging

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """The flags of ``llmlb serve``; None: not given. check: look at the configuration and the store, then end."""

    host: str | None = None
    port: int | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    config_file: Path | None = None
    data_dir: Path | None = None
    dev: bool = False
    workers: int | None = None
    log_level: str | None = None
    log_format: str | None = None
    check: bool = False


def run(options: ServeOptions) -> int:
    """Serve until told to stop. Returns the exit status; raises ConfigurationError or StoreError before it serves."""
    directory = options.data_dir or usual_data_dir()
    loaded = load_settings(
        data_dir=directory,
        environ=os.environ,
        working_dir=Path.cwd(),
        flags=_flags(options),
        config_file=options.config_file,
        dev=options.dev,
    )
    settings = loaded.settings
    logs = configure_logging(settings.log.level, settings.log.format, access=settings.log.access)
    try:
        return _run(loaded, directory, logs, check=options.check)
    finally:
        logs.close()


def _run(loaded: Loaded, directory: Path, logs: Logs, *, check: bool) -> int:
    settings = loaded.settings
    for warning in loaded.warnings:
        _log.warning("configuration", extra={"warning": warning})
    ensure_private_dir(directory)
    _check_tls(settings)
    with _open_store(settings, directory) as store:
        if check:
            sys.stdout.write("The configuration and the store are usable.\n")
            return 0
        # Only now: what cannot be served is said without waiting for the large libraries.
        with lean_imports():
            from llmlb.runtime.running import serve

        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(serve(loaded, store, directory, logs))


def _flags(options: ServeOptions) -> dict[str, object]:
    given = {
        "server.host": options.host,
        "server.port": options.port,
        "server.tls_cert": options.tls_cert,
        "server.tls_key": options.tls_key,
        "server.workers": options.workers,
        "log.level": options.log_level,
        "log.format": options.log_format,
    }
    return {key: value for key, value in given.items() if value is not None}


def _open_store(settings: Settings, directory: Path) -> Store:
    store = settings.store
    retention = Retention(
        request_days=store.request_days,
        request_rows=store.request_rows,
        body_days=settings.records.body_days,
        body_bytes=settings.records.total_bytes,
        event_days=store.event_days,
        event_rows=store.event_rows,
        audit_days=store.audit_days,
        audit_rows=store.audit_rows,
        backups=store.backups,
    )
    return Store.open(directory, url=store.url, retention=retention)


def _check_tls(settings: Settings) -> None:
    """Say now, by key, what would otherwise be an error in the middle of the start."""
    server = settings.server
    if not server.tls_cert:
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(server.tls_cert, server.tls_key or None)
    except OSError as error:
        raise ConfigurationError(
            f"server.tls_cert, server.tls_key: cannot be used: {error.strerror or error}. "
            "Give a certificate chain and its key as PEM files."
        ) from None


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop
