"""A GPU driver that hangs or fails costs its figures, never the heartbeat."""

from __future__ import annotations

import asyncio
import threading

import pytest

from llmlb.agent.gauges import Gauges
from llmlb.agent.gpus import GpuReport
from llmlb.agent.score import Gpu

REPORT = GpuReport(10.0, 20.0, 30.0, 1, 5)


class Card:
    def cards(self) -> tuple[Gpu, ...]:
        return (Gpu("one"),)

    def report(self) -> GpuReport | None:
        return REPORT


class HangingCard(Card):
    def __init__(self) -> None:
        self.release = threading.Event()
        self.asked = 0

    def report(self) -> GpuReport | None:
        self.asked += 1
        self.release.wait(10)
        return REPORT


class BrokenCard(Card):
    def report(self) -> GpuReport | None:
        raise ZeroDivisionError


def test_figures_and_cards_arrive_from_the_drivers_thread() -> None:
    async def run() -> None:
        gauges = Gauges(gpus=Card())
        assert (await gauges.figures()).gpu == REPORT
        cards, cores = await gauges.cards()
        assert cards == (Gpu("one"),)
        assert cores >= 1

    asyncio.run(run())


def test_a_hanging_driver_is_left_alone_until_it_answers() -> None:
    async def run() -> None:
        card = HangingCard()
        gauges = Gauges(gpus=card, timeout_s=0.02)
        for _ in range(3):
            figures = await gauges.figures()
            assert figures.gpu is None
            assert figures.host is not None
        assert card.asked == 1, "one thread hangs, not one a heartbeat"
        card.release.set()
        (reader,) = [thread for thread in threading.enumerate() if thread.name == "llmlb-gpu"]
        await asyncio.to_thread(reader.join, 5)
        assert (await gauges.figures()).gpu == REPORT

    asyncio.run(run())


def test_a_library_that_fails_in_a_new_way_is_logged_and_costs_its_figures(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert asyncio.run(Gauges(gpus=BrokenCard()).figures()).gpu is None
    assert "the GPU library failed" in caplog.text
