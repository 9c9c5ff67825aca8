from __future__ import annotations

import pytest

from llmlb.errors import ConfigurationError
from llmlb.sim import SimSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"models": ()},
        {"models": ("",)},
        {"port": 70000},
        {"slots": 0},
        {"prefill_tokens_per_s": 0.0},
        {"decode_tokens_per_s": float("nan")},
        {"batch_cost": -0.1},
        {"load_s": -1.0},
        {"answer_tokens": 0},
        {"keep_alive_s": 0.0},
    ],
)
def test_value_out_of_range_is_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        SimSettings(**wrong)  # type: ignore[arg-type] # each case names a real field
    assert next(iter(wrong)) in refused.value.message
