"""The only module that reads a clock. Everything else takes time as an argument or asks here.

Durations and deadlines use the monotonic clock; the wall clock is for display, JWTs and records only, so a
step of the wall clock never changes a node's state.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

monotonic_s = time.monotonic
"""Seconds on the monotonic clock; no meaning outside this process."""

perf_s = time.perf_counter
"""Seconds on the finest monotonic clock, for measuring short stretches."""

perf_ns = time.perf_counter_ns
"""Nanoseconds on the finest monotonic clock."""

sleep_s = time.sleep
"""Wait without an event loop: for the demo and other programs that have none."""

unix_s = time.time
"""Seconds since 1970 on the wall clock: display, JWTs and records only."""


def rfc3339(unix_time_s: float) -> str:
    """``2026-01-31T12:00:00Z``: how an instant is written on the wire, whole seconds, UTC."""
    return datetime.fromtimestamp(int(unix_time_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
