"""Python loads this at its start when its directory is on PYTHONPATH: SIGUSR2 makes the process describe itself.

The description is a JSON file at $LLMLB_TEST_INSPECT: the running tasks, and how many objects of the data path live.
Only tests use it, on real ``llmlb serve`` processes that know nothing of it.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

_PATH = os.environ.get("LLMLB_TEST_INSPECT", "")
_KINDS = ("Exchange", "BoundRouterProtocol", "UpstreamConnection", "Lease", "Ticket", "AsgiClient", "StreamWatch")


def _describe(number: int, frame: FrameType | None) -> None:
    import asyncio
    import gc
    import json

    try:
        tasks = sorted(getattr(task.get_coro(), "__qualname__", "?") for task in asyncio.all_tasks())
    except RuntimeError:
        tasks = ["no running loop"]
    gc.collect()
    objects = dict.fromkeys(_KINDS, 0)
    for thing in gc.get_objects():
        name = type(thing).__name__
        if name in objects:
            objects[name] += 1
    with open(f"{_PATH}.new", "w") as file:
        json.dump({"tasks": tasks, "objects": objects}, file)
    os.replace(f"{_PATH}.new", _PATH)


if _PATH:
    signal.signal(signal.SIGUSR2, _describe)
