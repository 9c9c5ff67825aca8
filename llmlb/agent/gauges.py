"""The machine's figures, read off the event loop: a GPU driver may hang, and a heartbeat must not wait for it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from llmlb.agent.gpus import GpuReport, Gpus, GpuSource
from llmlb.agent.host import Host, HostReport
from llmlb.agent.score import Gpu

logger = logging.getLogger(__name__)

T = TypeVar("T")

READ_TIMEOUT_S = 2.0
"""NVML answers in milliseconds, a GPU that wakes up in about a second."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One look at the machine."""

    gpu: GpuReport | None
    host: HostReport | None


class Gauges:
    """GPU and host figures. A driver that hangs costs its own thread and the figures, nothing else."""

    def __init__(
        self, *, gpus: GpuSource | None = None, host: Host | None = None, timeout_s: float = READ_TIMEOUT_S
    ) -> None:
        self._gpus: GpuSource = gpus or Gpus()
        self._host = host or Host()
        self._timeout_s = timeout_s
        self._hanging: threading.Thread | None = None

    async def cards(self) -> tuple[tuple[Gpu, ...], int]:
        """The GPUs, () if none or if the driver hangs, and the number of processor cores."""
        return await self._read(self._gpus.cards) or (), self._host.cores

    async def figures(self) -> Figures:
        """The figures now; absent ones are None."""
        return Figures(gpu=await self._read(self._gpus.report), host=self._host.report())

    async def _read(self, ask: Callable[[], T]) -> T | None:
        """One answer of the driver within the deadline; none while an earlier question still hangs."""
        if self._hanging is not None and self._hanging.is_alive():
            return None
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T | None] = loop.create_future()

        def settle(value: T | None) -> None:
            if not answer.done():
                answer.set_result(value)

        def run() -> None:
            value = _asked(ask)
            with suppress(RuntimeError):  # the loop may have closed while the driver hung
                loop.call_soon_threadsafe(settle, value)

        # A daemon thread of its own and not the loop's pool: leaving the loop joins the pool's threads.
        reader = threading.Thread(target=run, name="llmlb-gpu", daemon=True)
        reader.start()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await answer
        except TimeoutError:
            self._hanging = reader
            return None


def _asked(ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except Exception:  # a library that fails in a new way costs its figures, not the heartbeat
        logger.exception("the GPU library failed; figures are left out")
        return None
