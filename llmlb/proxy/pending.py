"""Writes that wait for the end of the loop's turn, to go out one behind the other.

A write wakes whoever reads at the other end, and waking a processor that has gone to sleep costs the router more than
the write. Written at once, each answer and each request finds its reader asleep again when the router is busy; written
together, they find it awake. Redis sends its replies in the same way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sized

_log = logging.getLogger(__name__)

FEW_EXCHANGES = 8
"""Below that a turn seldom holds a second write, and waiting for its end would cost more than it saves."""
MOST_WRITES = 32
"""Larger batches save next to nothing more, and the first in each would wait longer."""
LARGE_BYTES = 16_384
"""A larger write waits for nothing: backpressure has to be felt before more of it is read."""


class PendingWrites:
    """One for the process. exchanges: those under way; while they are few, nothing waits."""

    __slots__ = ("_exchanges", "_is_due", "_waiting")

    def __init__(self, exchanges: Sized) -> None:
        self._exchanges = exchanges
        self._waiting: list[tuple[asyncio.WriteTransport, bytes]] = []
        self._is_due = False

    def write(self, transport: asyncio.WriteTransport, data: bytes) -> None:
        """Write by the end of this turn, in order. Who closes the transport, or writes past this, flushes first."""
        waiting = self._waiting
        if not waiting and len(self._exchanges) < FEW_EXCHANGES:
            transport.write(data)
            return
        waiting.append((transport, data))
        if len(waiting) >= MOST_WRITES or len(data) > LARGE_BYTES:
            self.flush()
        elif not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._turn_ended)

    def flush(self) -> None:
        """Write what waits, but for what nobody can receive any more."""
        waiting, self._waiting = self._waiting, []
        for transport, data in waiting:
            try:
                transport.write(data)
            except Exception:  # noqa: BLE001  # the writes of others must go out
                # One that is closed may say so; anything else was not foreseen.
                if not transport.is_closing():
                    _log.exception("a write failed")
                    transport.abort()

    def _turn_ended(self) -> None:
        self._is_due = False
        self.flush()
