from __future__ import annotations

import pytest

from llmlb.core.load import Thresholds
from llmlb.core.node import Exclusion, Figures, Fitness


@pytest.mark.parametrize(
    ("figures", "fitness", "exclusions"),
    [
        (None, Fitness.UNMEASURED, ()),
        (Figures(80.0, 90.0), Fitness.FIT, ()),
        (Figures(80.1, 90.0), Fitness.OVER, (Exclusion.GPU,)),
        (Figures(80.0, 90.1), Fitness.OVER, (Exclusion.VRAM,)),
        (Figures(99.0, 99.0), Fitness.OVER, (Exclusion.GPU, Exclusion.VRAM)),
        (Figures(None, 97.0), Fitness.OVER, (Exclusion.VRAM,)),
        (Figures(None, 50.0), Fitness.UNMEASURED, ()),
        (Figures(temperature_c=88.0), Fitness.UNMEASURED, ()),
        (Figures(10.0), Fitness.FIT, ()),
        (Figures(99.0), Fitness.OVER, (Exclusion.GPU,)),
    ],
)
def test_each_threshold_judges_what_was_measured(
    figures: Figures | None, fitness: Fitness, exclusions: tuple[Exclusion, ...]
) -> None:
    thresholds = Thresholds()
    assert thresholds.fitness(figures) is fitness
    assert thresholds.exclusions(figures, 0) == exclusions
