from __future__ import annotations

import pytest
from pydantic import ValidationError

from llmlb.wire.settings import LoadBalancerPatch


@pytest.mark.parametrize("mode", ["metrics", "round_robin", "adaptive", "my_pkg.policies:Sticky", "sticky"])
def test_a_mode_is_a_name_or_a_class_of_ones_own(mode: str) -> None:
    assert LoadBalancerPatch.model_validate_json(f'{{"mode": "{mode}"}}').mode == mode


@pytest.mark.parametrize(
    "body",
    [
        '{"mode": ""}',
        '{"mode": "a b"}',
        '{"mode": "a:b:c"}',
        '{"mode": "../x"}',
        '{"gpu_threshold": 101}',
        '{"gpu_threshold": NaN}',
        '{"vram_threshold": "90"}',
        '{"active_request_threshold": 100001}',
        '{"active_request_threshold": 1.5}',
        '{"gpu_treshold": 80}',
    ],
)
def test_a_setting_out_of_range_is_refused(body: str) -> None:
    with pytest.raises(ValidationError):
        LoadBalancerPatch.model_validate_json(body)
