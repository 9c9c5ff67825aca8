"""The simulated engine as a server: in this process for tests, or as a program of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from llmlb.sim.connection import Connection
from llmlb.sim.door import Door
from llmlb.sim.faults import Fault, FaultKind, parse_fault
from llmlb.sim.journal import RequestRecord
from llmlb.sim.settings import SimSettings
from llmlb.sim.site import Site

EXIT_BY_FAULT = 70
"""Exit code of a process that the ``exit`` fault ended."""

_SWEEP_S = 0.5


class SimServer:
    """A simulated engine on the running loop; an async context manager.

    After kill or close, start serves again on the same port: a node that died and came back, with cold caches and
    an empty request log.  on_exit: what the ``exit`` fault does, by default ``kill``, so that an engine inside a
    test only plays dead.
    """

    def __init__(self, settings: SimSettings | None = None, *, on_exit: Callable[[], None] | None = None) -> None:
        self.settings = settings or SimSettings()
        self._on_exit = on_exit or self.kill
        self._connections: set[Connection] = set()
        self._door = Door(self.settings.host, self.settings.port, self._connection)
        self._site: Site | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._refusals: list[asyncio.TimerHandle] = []

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def url(self) -> str:
        """Base address; valid once started, and kept over restarts."""
        host = f"[{self._door.host}]" if ":" in self._door.host else self._door.host
        return f"http://{host}:{self._door.port}"

    @property
    def port(self) -> int:
        return self._door.port

    @property
    def requests(self) -> list[RequestRecord]:
        """The inference requests since the start, oldest first."""
        return self._started_site().journal.records

    @property
    def open_sockets(self) -> int:
        return len(self._connections)

    @property
    def running(self) -> int:
        """Requests that hold a slot."""
        return self._started_site().engine.running

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot."""
        return self._started_site().engine.waiting

    async def start(self) -> str:
        """Listens, and returns the address. Raises OSError when the port is taken."""
        if self._sweeper is not None:
            raise RuntimeError("the simulated engine runs already")
        self._site = Site(self.settings, peers=self._connections, set_faults=self.set_faults, die=self._on_exit)
        await self._door.open()
        self._sweep()
        self.set_faults(self.settings.faults)
        return self.url

    def set_faults(self, faults: Iterable[Fault | str]) -> None:
        """Puts these faults in force instead of the present ones; an empty list lifts all of them.

        Raises ConfigurationError when one is written wrongly; then the present ones stay.
        """
        plan = [parse_fault(fault) if isinstance(fault, str) else fault for fault in faults]
        self._started_site().arm(plan)
        self._cancel_refusals()
        self._door.open_soon()
        loop = asyncio.get_running_loop()
        for fault in plan:
            if fault.kind is FaultKind.REFUSE:
                self._refusals.append(loop.call_later(fault.after_s, self._refuse))
                if fault.duration_s:
                    end_s = fault.after_s + fault.duration_s
                    self._refusals.append(loop.call_later(end_s, self._door.open_soon))

    def kill(self) -> None:
        """Plays dead, like SIGKILL: refuses connections and resets the open ones."""
        self._door.shut()
        self._cancel_refusals()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for connection in list(self._connections):
            connection.reset()
        self._started_site().engine.close()

    async def close(self) -> None:
        """Like kill, and waits until every connection is gone. Safe to call twice."""
        if self._site is None:
            return
        await self._door.shut_and_settle()
        self.kill()
        if self._connections:
            await asyncio.wait([connection.closed for connection in self._connections])

    def _started_site(self) -> Site:
        if self._site is None:
            raise RuntimeError("the simulated engine has not been started")
        return self._site

    def _connection(self) -> Connection:
        site = self._started_site()
        return Connection(site.answer, self._connections, records_heads=self.settings.log_heads)

    def _refuse(self) -> None:
        self._door.shut()
        for connection in list(self._connections):
            if connection.is_idle:
                connection.hang_up()

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        oldest_s = loop.time() - self.settings.keep_alive_s
        for connection in list(self._connections):
            if connection.is_idle and connection.quiet_since_s < oldest_s:
                connection.hang_up()
        self._sweeper = loop.call_later(_SWEEP_S, self._sweep)

    def _cancel_refusals(self) -> None:
        for timer in self._refusals:
            timer.cancel()
        self._refusals.clear()


async def serve(settings: SimSettings, *, stop: asyncio.Event, ready: Callable[[str], None]) -> None:
    """Serves until stop is set. ready: called with the address once it answers.

    The ``exit`` fault ends the process on the spot. Raises OSError when the port is taken.
    """
    async with SimServer(settings, on_exit=_die) as server:
        ready(server.url)
        await stop.wait()


def _die() -> None:
    os._exit(EXIT_BY_FAULT)
