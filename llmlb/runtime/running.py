"""One run of the router: bind, take over what the store holds, serve, drain, stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn

from llmlb.config.loading import Loaded
from llmlb.config.settings import Settings
from llmlb.runtime.listening import BACKLOG, bind
from llmlb.runtime.router import Router
from llmlb.runtime.stopping import Stopping
from llmlb.runtime.welcome import welcome
from llmlb.store import Store
from llmlb.telemetry.logs import Logs

GRACE_S = 2
"""What is left after the drain are idle connections; they are told to close and get this long."""


async def serve(loaded: Loaded, store: Store, directory: Path, logs: Logs) -> int:
    """Serve until a signal ends it; the exit status. directory: the data directory."""
    settings = loaded.settings
    listener = await bind(settings.server.host, settings.server.port)
    try:
        port = listener.getsockname()[1]
        router = Router(loaded, store, directory, logs, port=port)
        await router.restore()
    except BaseException:
        listener.close()
        raise
    server = _Server(_uvicorn_config(router, settings), handshake_s=settings.timeouts.head_s)
    router.connections = server.server_state.connections
    router.start()
    stopping = Stopping(router, server, settings.timeouts.drain_s)
    with stopping.signals():
        sys.stdout.write(welcome(loaded, router.credentials, len(router.fleet), port=port))
        sys.stdout.flush()
        # Everything made so far lives as long as the process: the collector need not look at it, now or ever.
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
    """uvicorn's server without its signal handlers: it would close the listeners before anything has drained.

    handshake_s: how long a TLS client may take until its handshake is done. uvicorn cannot be told, and asyncio's
    default is a minute, which is long for a connection that has said nothing.
    """

    def __init__(self, config: uvicorn.Config, *, handshake_s: float) -> None:
        super().__init__(config)
        self._handshake_s = handshake_s

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self.config.ssl is None:
            await super().startup(sockets)
            return
        await super().startup([])
        loop = asyncio.get_running_loop()
        for listener in sockets or ():
            server = await loop.create_server(
                self._connected,
                sock=listener,
                ssl=self.config.ssl,
                backlog=BACKLOG,
                ssl_handshake_timeout=self._handshake_s,
            )
            self.servers.append(server)

    def _connected(self) -> asyncio.Protocol:
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
