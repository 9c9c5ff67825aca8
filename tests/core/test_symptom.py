"""When it is the GPU threshold that is wrong, and not the nodes."""

from __future__ import annotations

import pytest

from llmlb.core.load import Thresholds
from llmlb.core.symptom import AtWork, passed_over_for_gpu

PASSED_OVER = AtWork(active=1, limit=None, is_over_gpu=True)
USED = AtWork(active=1, limit=None, is_over_gpu=False)
FULL = AtWork(active=2, limit=2, is_over_gpu=True)
BUSY = AtWork(active=10, limit=None, is_over_gpu=True)


@pytest.mark.parametrize(
    ("at_work", "gpu_percent", "count"),
    [
        ([PASSED_OVER, PASSED_OVER, USED, USED], 80, 2),
        ([PASSED_OVER, USED, USED], 80, 0),
        ([PASSED_OVER, FULL, BUSY], 80, 0),
        ([FULL, BUSY], 80, 0),
        ([PASSED_OVER], 100, 0),
        ([], 80, 0),
    ],
)
def test_a_threshold_is_blamed_once_half_of_those_at_work_have_room_and_are_passed_over(
    at_work: list[AtWork], gpu_percent: float, count: int
) -> None:
    assert passed_over_for_gpu(at_work, Thresholds(gpu_percent=gpu_percent)) == count
