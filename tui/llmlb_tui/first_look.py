"""The router's first snapshot, fetched while the drawing is still being imported.

Importing Textual takes most of a start, and the client of the feed takes as long again as the rest. A thread with one
plain request uses that time: the first picture has rows, and the feed goes on from there.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from llmlb.clock import monotonic_s
from llmlb.errors import LlmlbError

if TYPE_CHECKING:
    from llmlb.client.sse import ServerEvent
    from llmlb_tui.desk import Desk
    from llmlb_tui.model.fleet import FleetState

PATIENCE_S = 5.0


class Found(NamedTuple):
    """What a look saw. id: of the event, from which the feed goes on.  data: its own.  at_s: monotonic."""

    id: str
    state: FleetState
    data: object
    at_s: float


class FirstLook:
    """One look at the feed of a router. ``begin`` it, then ``show`` it; once it ``is_over`` something was ``found``.

    found: None where the router did not answer with a snapshot.
    """

    def __init__(self, url: str, *, token: str | None, ca_file: str) -> None:
        self.found: Found | None = None
        self._url = url
        self._token = token
        self._ca_file = ca_file
        self._viewers: queue.SimpleQueue[tuple[Desk, Callable[[Desk, float], None]]] = queue.SimpleQueue()
        # A daemon: a router that does not answer must not keep a console that was left.
        self._thread = threading.Thread(target=self._look, name="first look", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def show(self, desk: Desk, draw: Callable[[Desk, float], None]) -> None:
        """Put what is seen on a desk, and draw that, seen or not.

        Both happen in the thread that looks: until it ``is_over`` the desk is nobody else's.  draw: with the instant
        in monotonic seconds.
        """
        self._viewers.put((desk, draw))

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def _look(self) -> None:
        try:
            first = self._first_event()
            desk, draw = self._viewers.get(timeout=PATIENCE_S)
            self._take(first, desk)
            draw(desk, monotonic_s())
        except Exception:  # noqa: BLE001  # of a thread nobody waits for
            # Whoever follows the router asks again, and says what is wrong; a traceback would land on the picture.
            return

    def _first_event(self) -> ServerEvent | None:
        from llmlb.client.simple import events
        from llmlb_tui.model.feed import decode

        try:
            feed = events(self._url, token=self._token, timeout_s=PATIENCE_S, ca_file=self._ca_file, decode=decode)
            return next(feed, None)
        except LlmlbError:
            return None

    def _take(self, first: ServerEvent | None, desk: Desk) -> None:
        if first is None or first.type != "snapshot":
            return
        now_s = monotonic_s()
        desk.connection.heard(now_s)
        desk.apply(first.type, first.data, id=first.id, now_s=now_s)
        self.found = Found(first.id, desk.state, first.data, now_s)
