"""Several GPUs become one report; a lost driver costs figures, is asked again with backoff, and comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.agent.gpu_drivers import Driver, DriverError, GpuFigures
from llmlb.agent.gpus import GpuReport, Gpus, combined
from llmlb.agent.score import Gpu

H100 = Gpu("NVIDIA H100 80GB HBM3", vram_mb=81_559)


class FakeDriver:
    def __init__(self, figures: Sequence[GpuFigures]) -> None:
        self.figures = figures
        self.is_lost = False
        self.opened = 0
        self.closed = 0

    def start(self) -> Driver:
        self.opened += 1
        return self

    def read(self) -> Sequence[GpuFigures]:
        if self.is_lost:
            raise DriverError("GPU is lost")
        return self.figures

    def close(self) -> None:
        self.closed += 1


def absent() -> Driver:
    raise DriverError("not installed")


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def gpus_with(*drivers: Callable[[], Driver], clock: Clock, only: Sequence[int] | None = None) -> Gpus:
    return Gpus(only=only, drivers=drivers, now_s=clock)


def test_two_gpus_report_mean_usage_the_hottest_and_all_their_memory() -> None:
    report = combined([GpuFigures(H100, 40.0, 60.0, 40_000), GpuFigures(H100, 51.0, 71.0, 1_559)])
    assert report == GpuReport(45.5, 25.5, 71.0, 41_559, 163_118)


def test_a_gpu_that_hides_its_figures_does_not_pull_the_mean_to_zero() -> None:
    report = combined([GpuFigures(H100, 80.0, None, 81_559), GpuFigures(Gpu("MIG"), None, None, None)])
    assert report == GpuReport(80.0, 100.0, None, 81_559, 81_559)


def test_gpus_that_tell_nothing_make_no_report() -> None:
    assert combined([GpuFigures(Gpu("x"))]) is None


FIGURES = st.builds(
    GpuFigures,
    st.builds(Gpu, st.just("x"), vram_mb=st.none() | st.integers(1, 200_000)),
    usage=st.none() | st.floats(0, 100),
    temperature=st.none() | st.floats(-50, 150),
    vram_used_mb=st.none() | st.integers(0, 200_000),
)


@given(st.lists(FIGURES, min_size=1, max_size=16))
def test_a_report_leaves_the_ranges_of_a_heartbeat(figures: list[GpuFigures]) -> None:
    report = combined(figures)
    for share in (report.usage, report.vram_usage) if report else ():
        assert share is None or 0 <= share <= 100


def test_the_first_library_that_sees_a_gpu_is_used() -> None:
    empty, amd = FakeDriver([]), FakeDriver([GpuFigures(Gpu("AMD"), 10.0)])
    empty.is_lost = True
    gpus = gpus_with(absent, empty.start, amd.start, clock=Clock())
    assert gpus.cards() == (Gpu("AMD"),)
    assert empty.closed == 1


def test_a_machine_without_a_gpu_reports_none_and_does_not_ask_every_time() -> None:
    clock, asked = Clock(), []

    def start() -> Driver:
        asked.append(clock.now_s)
        raise DriverError("no driver")

    gpus = gpus_with(start, clock=clock)
    for _ in range(100):
        assert gpus.report() is None
        clock.now_s += 1
    assert len(asked) == 5, "at once, then after 5, 10, 20 and 40 s"


def test_a_lost_driver_is_closed_and_opened_again_after_the_backoff(caplog: pytest.LogCaptureFixture) -> None:
    clock, driver = Clock(), FakeDriver([GpuFigures(H100, 10.0)])
    gpus = gpus_with(driver.start, clock=clock)
    assert gpus.report() is not None
    driver.is_lost = True
    assert gpus.report() is None
    assert "the GPU driver was lost" in caplog.text
    driver.is_lost = False
    assert gpus.report() is None, "the backoff runs"
    clock.now_s += 5
    assert gpus.report() is not None
    assert (driver.opened, driver.closed) == (2, 1)


def test_the_cards_stay_known_while_the_driver_is_lost() -> None:
    driver = FakeDriver([GpuFigures(H100)])
    gpus = gpus_with(driver.start, clock=Clock())
    assert gpus.cards() == (H100,)
    driver.is_lost = True
    assert gpus.cards() == (H100,)


def test_an_engine_with_its_own_gpus_does_not_report_its_neighbours() -> None:
    driver = FakeDriver([GpuFigures(H100, 10.0), GpuFigures(H100, 90.0)])
    gpus = gpus_with(driver.start, clock=Clock(), only=[1])
    report = gpus.report()
    assert report is not None
    assert (report.usage, report.vram_total_mb) == (90.0, 81_559)
    assert gpus.cards() == (H100,)


def test_this_machine_answers_whether_it_has_a_gpu_or_not() -> None:
    report = Gpus().report()
    assert report is None or report.usage is None or 0 <= report.usage <= 100
