"""The only I/O of the live data: one task that follows the router's feed for ever.

The feed is asked for. Where a router has none, or something between keeps it back, the lists are polled, and the feed
is tried again from time to time. When the router goes away it is tried again with growing pauses, at random within them
so that a hundred consoles do not come back at once, and never given up.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from llmlb.errors import LlmlbError, RouterRefused, RouterUnreachable
from llmlb_tui.model.feed import decode

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from llmlb.client.control import ControlClient
    from llmlb.client.sse import ServerEvent

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 4.0
SILENCE_S = 20.0
"""The router says something at least every 15 s."""
FIRST_EVENT_S = 5.0
"""The router begins with a snapshot, at once. Where none has come by then, polling begins beside the feed."""
FEED_AGAIN_S = 60.0
WITHOUT_FEED = frozenset({404, 405, 406, 501})

_log = logging.getLogger(__name__)


class Sink(Protocol):
    """Who is told. Called from the event loop, must not wait."""

    def take_events(self, events: Sequence[ServerEvent]) -> None:
        """Something of the feed arrived, in order. Everything that the feed says comes through here."""

    def take_poll(self, snapshot: object) -> None:
        """What a snapshot of the feed would say was fetched, because the feed says nothing."""

    def take_caller(self, user: str, role: str) -> None:
        """Who the credential stands for."""

    def take_loss(self, cause: str, retry_in_s: float) -> None:
        """The router is away; it is tried again after a pause."""

    def take_refusal(self, cause: str, *, expired: bool) -> None:
        """The router wants another credential; nothing is tried until ``wake``."""


class Source:
    """Follows one router. ``run`` it as a task; ``wake`` ends a pause; cancel the task to stop.

    last_id: of the event that is known already; without it the feed begins with a snapshot.
    patience_s: how long nothing but the feed is asked, before polling begins beside it.
    """

    def __init__(
        self,
        client: ControlClient,
        sink: Sink,
        *,
        poll_interval_s: float = 1.0,
        last_id: str | None = None,
        patience_s: float = FIRST_EVENT_S,
        rng: random.Random | None = None,
    ) -> None:
        self.client = client
        self._sink = sink
        self._poll_interval_s = poll_interval_s
        self._rng = rng or random.Random()
        self._woken = asyncio.Event()
        self._last_id = last_id
        self._patience_s = patience_s
        self._attempt = 0
        self._polls = False
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
                if await self._follow():
                    # The router ended the feed: it restarts, or the session is over; asking again tells which.
                    await self._pause("the router closed the feed")
                else:
                    await self._poll()
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

    async def _follow(self) -> bool:
        """Follow the feed to its end. Answers False where it says nothing and polling has to go on in its place."""
        self._woken.clear()
        feed = self.client.event_batches(self._last_id, idle_timeout_s=SILENCE_S, decode=decode)
        first = asyncio.create_task(_first(feed), name="the feed's first events")
        try:
            has_polled = await self._poll_until(first)
            try:
                events = await first
            except LlmlbError as error:
                if not has_polled and not is_without_feed(error):
                    raise
                return False
            if events is None:
                return not has_polled
            self._polls = False
            self._take(events)
            async for events in feed:
                self._take(events)
            return True
        finally:
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            await feed.aclose()

    def _take(self, events: Sequence[ServerEvent]) -> None:
        self._attempt = 0
        # A later event without an id has that of the one before.
        self._last_id = events[-1].id or self._last_id
        self._sink.take_events(events)

    async def _refused(self, error: RouterRefused) -> None:
        if error.status in (401, 403):
            self._is_introduced = False
            self._woken.clear()
            self._sink.take_refusal(error.message, expired=error.status == 401)
            await self._woken.wait()
        else:
            await self._pause(error.message)

    async def _poll_until(self, first: asyncio.Task[Sequence[ServerEvent] | None]) -> bool:
        """Poll while the feed says nothing, as a proxy that keeps it back lets it. Answers whether there was need."""
        pause_s = self._poll_interval_s if self._polls else self._patience_s
        has_polled = False
        while not (await asyncio.wait({first}, timeout=pause_s))[0]:
            await self._fetch()
            has_polled, pause_s = True, self._poll_interval_s
        return has_polled

    async def _poll(self) -> None:
        """Fetch the lists again and again, until the feed is to be tried again or that fails too."""
        now_s = asyncio.get_running_loop().time
        until_s = now_s() + FEED_AGAIN_S
        while now_s() < until_s:
            await self._fetch()
            if await self._wait(self._poll_interval_s):
                return

    async def _fetch(self) -> None:
        snapshot = await fetch_snapshot(self.client)
        self._attempt = 0
        self._polls = True
        self._sink.take_poll(snapshot)

    async def _pause(self, cause: str) -> None:
        longest_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**self._attempt)
        self._attempt = min(self._attempt + 1, 10)
        pause_s = self._rng.uniform(0.1, longest_s)
        self._sink.take_loss(cause, pause_s)
        await self._wait(pause_s)

    async def _wait(self, seconds: float) -> bool:
        """Answers whether somebody ended the pause."""
        self._woken.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return False
        return True


def is_without_feed(error: LlmlbError) -> bool:
    """Whether that is how a router answers that knows no feed."""
    return isinstance(error, RouterRefused) and error.status in WITHOUT_FEED


async def fetch_snapshot(client: ControlClient) -> dict[str, object]:
    """What the feed's ``snapshot`` says, put together from the lists. Raises ClientError."""
    nodes, settings, alerts = await client.nodes(), await client.settings(), await client.alerts()
    status = await client.status()  # the last: it tells the time
    return {
        "server_time": status.get("server_time"),
        "version": status.get("version"),
        "nodes": nodes,
        "fleet": status,
        "settings": settings,
        "alerts": alerts,
    }


async def _first(feed: AsyncGenerator[Sequence[ServerEvent]]) -> Sequence[ServerEvent] | None:
    """None where the feed ends before it says anything."""
    return await anext(feed, None)
