"""The only I/O of the live data: one task that follows the router's feed for ever.

The feed is asked for; where a router has none, the list is polled. When the router goes away it is tried again with
growing pauses, at random within them so that a hundred consoles do not come back at once, and never given up.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Protocol

from llmlb.errors import LlmlbError, RouterRefused, RouterUnreachable

if TYPE_CHECKING:
    from llmlb.client.control import ControlClient

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 4.0
SILENCE_S = 20.0
"""The router says something at least every 15 s."""
WITHOUT_FEED = frozenset({404, 405, 406, 501})

_log = logging.getLogger(__name__)


class Sink(Protocol):
    """Who is told. Called from the event loop, must not wait."""

    def take_event(self, kind: str, data: object, id: str) -> None:
        """Something of the feed arrived."""

    def take_nodes(self, nodes: object) -> None:
        """The list was fetched, because there is no feed."""

    def take_caller(self, user: str, role: str) -> None:
        """Who the credential stands for."""

    def take_loss(self, cause: str, retry_in_s: float) -> None:
        """The router is away; it is tried again after a pause."""

    def take_refusal(self, cause: str, *, expired: bool) -> None:
        """The router wants another credential; nothing is tried until ``wake``."""


class Source:
    """Follows one router. ``run`` it as a task; ``wake`` ends a pause; cancel the task to stop.

    last_id: of the event that is known already; without it the feed begins with a snapshot.
    """

    def __init__(
        self,
        client: ControlClient,
        sink: Sink,
        *,
        poll_interval_s: float = 1.0,
        last_id: str | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.client = client
        self._sink = sink
        self._poll_interval_s = poll_interval_s
        self._rng = rng or random.Random()
        self._woken = asyncio.Event()
        self._last_id = last_id
        self._attempt = 0
        self._is_introduced = False

    def wake(self) -> None:
        """Try again at once: the operator asked, or there is a new credential."""
        self._attempt = 0
        self._is_introduced = False
        self._woken.set()

    def forget_place(self) -> None:
        """Begin with a snapshot next time."""
        self._last_id = None

    async def run(self) -> None:
        """Follow the router until cancelled."""
        while True:
            try:
                await self._introduce()
                await self._follow()
                # The router ended the feed: it restarts, or the session is over; asking again tells which.
                await self._pause("the router closed the feed")
            except RouterUnreachable as error:
                await self._pause(error.message)
            except RouterRefused as error:
                await self._refused(error)
            except LlmlbError as error:
                await self._pause(error.message)
            except Exception as error:  # noqa: BLE001  # the one catch-all of this loop
                # The console stays open whatever a router sends; the next snapshot starts afresh.
                _log.exception("following the router failed")
                self._last_id = None
                await self._pause(f"the console could not understand the router ({type(error).__name__})")

    async def _introduce(self) -> None:
        if self._is_introduced:
            return
        caller = await self.client.me()
        self._is_introduced = True
        self._sink.take_caller(str(caller.get("username", "")), str(caller.get("role", "")))

    async def _follow(self) -> None:
        self._woken.clear()
        async for event in self.client.events(self._last_id, idle_timeout_s=SILENCE_S):
            self._attempt = 0
            self._last_id = event.id or self._last_id
            self._sink.take_event(event.type, event.data, event.id)

    async def _refused(self, error: RouterRefused) -> None:
        if error.status in (401, 403):
            self._is_introduced = False
            self._woken.clear()
            self._sink.take_refusal(error.message, expired=error.status == 401)
            await self._woken.wait()
        elif error.status in WITHOUT_FEED:
            await self._poll()
        else:
            await self._pause(error.message)

    async def _poll(self) -> None:
        """Fetch the list again and again, until that fails too."""
        while True:
            nodes = await self.client.nodes()
            settings = await self.client.settings()
            self._attempt = 0
            self._sink.take_event("settings", {"settings": settings}, "")
            self._sink.take_nodes(nodes)
            await self._wait(self._poll_interval_s)

    async def _pause(self, cause: str) -> None:
        longest_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**self._attempt)
        self._attempt = min(self._attempt + 1, 10)
        pause_s = self._rng.uniform(0.1, longest_s)
        self._sink.take_loss(cause, pause_s)
        await self._wait(pause_s)

    async def _wait(self, seconds: float) -> None:
        self._woken.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass
