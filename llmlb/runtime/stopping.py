"""How a router ends: it drains, then it stops; whoever cannot wait asks twice."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator

import uvicorn

from llmlb.runtime.router import Router

_log = logging.getLogger(__name__)


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
