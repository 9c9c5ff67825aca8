"""Giving memory back to the system after a rush of connections.

The C library keeps what was freed for the next rush, because something small that is still in use lies above it.
"""

from __future__ import annotations

LEAST_RUSH = 64
"""Connections; fewer leave nothing that is worth the work."""


class Rush:
    """Tells when a rush is over: when less than half of the connections are left."""

    def __init__(self) -> None:
        self._most = 0

    def is_over(self, connections: int) -> bool:
        """Call it now and then with how many connections there are. True once for each rush."""
        if connections >= self._most // 2 or self._most < LEAST_RUSH:
            self._most = max(self._most, connections)
            return False
        self._most = connections
        return True


def give_back() -> None:
    """Return free pages to the system, which takes some milliseconds. Does nothing where the C library is not glibc."""
    import ctypes  # only where there was a rush

    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # no such function; on Windows no library without a name
        return
    trim(0)
