"""The machine a load test ran on, as far as it explains its figures."""

from __future__ import annotations

import asyncio
import gc
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from llmlb import __version__

_MANY_FILES = 65_536


def environment() -> dict[str, str | int]:
    """Versions and size of this machine; nothing that names it or its user."""
    return {
        "llmlb": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count() or 0,
        "event_loop": type(asyncio.get_running_loop()).__module__.partition(".")[0],
    }


def cpu_s() -> float:
    """CPU time of this process so far, in seconds."""
    times = os.times()
    return times.user + times.system


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Keeps the garbage collector from pausing the measurement over objects that were there before."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def raise_file_limit() -> None:
    """Allows as many open sockets as the system lets this process have."""
    try:
        import resource
    except ImportError:
        return  # not a POSIX system; its limits are others
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, _MANY_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
