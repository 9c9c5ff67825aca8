"""The listening socket, which a fault may shut and open again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)

_BACKLOG = 4096


class Door:
    """Listens on one address. port: 0 until it was first opened lets the system choose; afterwards it stays."""

    def __init__(self, host: str, port: int, make_protocol: Callable[[], asyncio.Protocol]) -> None:
        self.host = host
        self.port = port
        self._make_protocol = make_protocol
        self._server: asyncio.Server | None = None
        self._opening: asyncio.Task[None] | None = None
        self._is_wanted_open = False

    async def open(self) -> None:
        """Listens. Raises OSError when the port is taken."""
        self._is_wanted_open = True
        if self._server is None:
            await self._listen()

    def open_soon(self) -> None:
        """Listens again from the next turns of the loop on; a port that was taken meanwhile is logged."""
        self._is_wanted_open = True
        if self._server is None and self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._listen())
            self._opening.add_done_callback(self._opened)

    def shut(self) -> None:
        """Refuses connections from now on; open ones live on."""
        self._is_wanted_open = False
        if self._server is not None:
            self._server.close()
            self._server = None

    async def shut_and_settle(self) -> None:
        """Shuts, and waits for an opening that was under way."""
        self.shut()
        if self._opening is not None:
            await asyncio.wait([self._opening])

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._make_protocol, self.host, self.port, backlog=_BACKLOG, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]
        if not self._is_wanted_open:
            self.shut()

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening = None
        error = None if task.cancelled() else task.exception()
        if error is not None:
            logger.error("cannot listen again", extra={"port": self.port, "reason": str(error)})
