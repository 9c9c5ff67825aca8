"""What the machine's GPUs are doing: NVIDIA through NVML, AMD through amdsmi, Apple through mlx, else nothing.

A driver is asked field by field, and each field may fail alone: in MIG mode there is no utilisation, on shared memory
no memory total, after a lost driver nothing at all. What failed is absent from the report, never zero.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from llmlb import clock
from llmlb.agent.gpu_drivers import DRIVERS, Driver, DriverError, GpuFigures
from llmlb.agent.score import Gpu

logger = logging.getLogger(__name__)

_RETRY_FIRST_S = 5.0
_RETRY_CAP_S = 300.0
"""A lost driver usually needs a person or a reboot; asking more often only fills the kernel's log."""


@dataclass(frozen=True, slots=True)
class GpuReport:
    """All GPUs together.  usage and vram_usage: percent 0..100, the mean and the filled share of all memory.

    temperature: degrees C of the hottest.  None: no GPU tells.
    """

    usage: float | None
    vram_usage: float | None
    temperature: float | None
    vram_used_mb: int | None
    vram_total_mb: int | None


class GpuSource(Protocol):
    """Where the agent's GPU figures come from."""

    def cards(self) -> tuple[Gpu, ...]:
        """The GPUs of this machine, () if there are none."""
        ...

    def report(self) -> GpuReport | None:
        """Their figures now; None without GPUs, or while their driver cannot be asked."""
        ...


class Gpus:
    """The GPUs of this machine, through the first driver library that works here.

    only: the indices to look at, None for all; for a machine whose engines share its GPUs out.
    """

    def __init__(
        self,
        *,
        only: Sequence[int] | None = None,
        drivers: Sequence[Callable[[], Driver]] = DRIVERS,
        now_s: Callable[[], float] = clock.monotonic_s,
    ) -> None:
        self._only = None if only is None else frozenset(only)
        self._drivers = drivers
        self._now_s = now_s
        self._driver: Driver | None = None
        self._retry_at_s = 0.0
        self._retry_after_s = _RETRY_FIRST_S
        self._known: tuple[Gpu, ...] = ()

    def cards(self) -> tuple[Gpu, ...]:
        """The GPUs of this machine; the last known ones while the driver is lost."""
        figures = self._figures()
        if figures:
            self._known = tuple(figure.card for figure in figures)
        return self._known

    def report(self) -> GpuReport | None:
        """The figures of all GPUs together; None without a GPU or while the driver is lost."""
        figures = self._figures()
        return combined(figures) if figures else None

    def _figures(self) -> list[GpuFigures]:
        driver = self._driver or self._open()
        if driver is None:
            return []
        try:
            figures = driver.read()
        except DriverError as error:
            self._lose(driver, error)
            return []
        self._retry_after_s = _RETRY_FIRST_S
        return [figure for index, figure in enumerate(figures) if self._only is None or index in self._only]

    def _open(self) -> Driver | None:
        """The first driver that starts; none is asked again before the backoff is over."""
        if self._now_s() < self._retry_at_s:
            return None
        for start in self._drivers:
            driver = _working(start)
            if driver is not None:
                self._driver = driver
                return driver
        self._wait()
        return None

    def _lose(self, driver: Driver, error: DriverError) -> None:
        logger.warning("the GPU driver was lost; figures are left out until it is back", extra={"cause": error.message})
        driver.close()
        self._driver = None
        self._wait()

    def _wait(self) -> None:
        self._retry_at_s = self._now_s() + self._retry_after_s
        self._retry_after_s = min(self._retry_after_s * 2, _RETRY_CAP_S)


def _working(start: Callable[[], Driver]) -> Driver | None:
    """A driver that starts and sees a GPU; a machine may have one maker's library and another maker's cards."""
    try:
        driver = start()
    except DriverError as error:
        logger.debug("no GPU through this library", extra={"cause": error.message})
        return None
    try:
        driver.read()
    except DriverError as error:
        logger.debug("no GPU through this library", extra={"cause": error.message})
        driver.close()
        return None
    return driver


def combined(figures: Sequence[GpuFigures]) -> GpuReport | None:
    """One report for several GPUs; None if not one of them tells anything."""
    usages = [figure.usage for figure in figures if figure.usage is not None]
    temperatures = [figure.temperature for figure in figures if figure.temperature is not None]
    totals = [figure.card.vram_mb for figure in figures if figure.card.vram_mb]
    pairs = [
        (figure.vram_used_mb, figure.card.vram_mb)
        for figure in figures
        if figure.vram_used_mb is not None and figure.card.vram_mb
    ]
    used, total_of_used = sum(used for used, _ in pairs), sum(total for _, total in pairs)
    report = GpuReport(
        usage=round(sum(usages) / len(usages), 1) if usages else None,
        vram_usage=round(min(used / total_of_used, 1.0) * 100, 1) if pairs else None,
        temperature=max(temperatures, default=None),
        vram_used_mb=used if pairs else None,
        vram_total_mb=sum(totals) if totals else None,
    )
    return None if report == _NOTHING else report


_NOTHING = GpuReport(None, None, None, None, None)
