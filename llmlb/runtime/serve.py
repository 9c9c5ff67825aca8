"""``llmlb serve``: from options to exit status."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import ssl
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from llmlb.config.loading import Loaded, load_settings
from llmlb.config.paths import data_dir as usual_data_dir
from llmlb.config.secrets_file import ensure_private_dir
from llmlb.config.settings import Settings
from llmlb.errors import ConfigurationError
from llmlb.runtime.listening import BACKLOG, bind
from llmlb.runtime.router import Router
from llmlb.runtime.welcome import welcome
from llmlb.store import Store
from llmlb.store.rows import Retention
from llmlb.telemetry.logs import Logs, configure_logging

GRACE_S = 2
"""What is left after the drain are idle connections; they are told to close and get this long."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """The flags of ``llmlb serve``; None: not given. check: look at the configuration and the store, then end."""

    host: str | None = None
    port: int | None = None
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
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_serve(loaded, store, directory, logs))


def _flags(options: ServeOptions) -> dict[str, object]:
    given = {
        "server.host": options.host,
        "server.port": options.port,
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
        event_days=store.event_days,
        audit_days=store.audit_days,
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


async def _serve(loaded: Loaded, store: Store, directory: Path, logs: Logs) -> int:
    settings = loaded.settings
    listener = await bind(settings.server.host, settings.server.port)
    try:
        port = listener.getsockname()[1]
        router = Router(loaded, store, directory, logs, port=port)
        await router.restore()
    except BaseException:
        listener.close()
        raise
    server = _Server(_uvicorn_config(router, settings))
    router.connections = server.server_state.connections
    router.start()
    stopping = Stopping(router, server, settings.timeouts.drain_s)
    with stopping.signals():
        sys.stdout.write(welcome(loaded, router.credentials, len(router.fleet), port=port))
        sys.stdout.flush()
        # Everything made so far lives as long as the process: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        gc.enable()
        await server.serve(sockets=[listener])
    await router.stop()
    return 0


def _uvicorn_config(router: Router, settings: Settings) -> uvicorn.Config:
    server = settings.server
    return uvicorn.Config(
        router.app,
        http=router.protocol_class(),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        backlog=BACKLOG,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=max(1, round(server.keep_alive_s)),
        timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=server.tls_cert or None,
        ssl_keyfile=server.tls_key or None,
    )


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handlers: it would close the listeners before anything has drained."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Stopping:
    """SIGTERM or Ctrl-C: drain, then stop. A second one does not wait."""

    def __init__(self, router: Router, server: uvicorn.Server, drain_s: float) -> None:
        self._router = router
        self._server = server
        self._drain_s = drain_s
        self._drain: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        kinds = (signal.SIGTERM, signal.SIGINT)
        before = {kind: signal.getsignal(kind) for kind in kinds}
        for kind in kinds:
            try:
                loop.add_signal_handler(kind, self.begin)
            except NotImplementedError:
                signal.signal(kind, lambda *_: loop.call_soon_threadsafe(self.begin))
        try:
            yield
        finally:
            for kind in kinds:
                with contextlib.suppress(NotImplementedError):
                    loop.remove_signal_handler(kind)
                signal.signal(kind, before[kind])

    def begin(self) -> None:
        if self._drain is None:
            _log.info("draining", extra={"running": len(self._router.plane.exchanges), "limit_s": self._drain_s})
            self._drain = asyncio.get_running_loop().create_task(self._drain_and_exit())
        else:
            _log.warning("stopping at once")
            self._drain.cancel()
            self._router.cut_off()
            self._server.should_exit = True
            self._server.force_exit = True

    async def _drain_and_exit(self) -> None:
        await self._router.drain(self._drain_s)
        self._server.should_exit = True
