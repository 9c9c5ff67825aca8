"""The router's first snapshot, fetched while the drawing is still being imported.

Importing Textual takes most of a start, and the client of the feed takes as long again as the rest. A thread with one
plain request uses that time: the first picture has rows, and the feed goes on from there.
"""

from __future__ import annotations

import threading

from llmlb.client.sse import ServerEvent
from llmlb.clock import monotonic_s

PATIENCE_S = 5.0


class FirstLook:
    """One look at the feed of a router. ``begin`` it; once it ``is_over`` there is a ``snapshot``, or there is none.

    seen_at_s: when it came, monotonic seconds; it is taken over later.
    """

    def __init__(self, url: str, *, token: str | None, ca_file: str) -> None:
        self.snapshot: ServerEvent | None = None
        self.seen_at_s = 0.0
        self._url = url
        self._token = token
        self._ca_file = ca_file
        # A daemon: a router that does not answer must not keep a console that was left.
        self._thread = threading.Thread(target=self._look, name="first look", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def _look(self) -> None:
        from llmlb.client.simple import events

        try:
            first = next(events(self._url, token=self._token, timeout_s=PATIENCE_S, ca_file=self._ca_file), None)
        except Exception:  # noqa: BLE001  # of a thread nobody waits for
            # Whoever follows the router asks again, and says what is wrong; a traceback would land on the picture.
            return
        if first is not None and first.type == "snapshot":
            self.snapshot, self.seen_at_s = first, monotonic_s()
