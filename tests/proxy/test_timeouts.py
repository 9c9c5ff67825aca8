"""How long an answer may take: by its model and by the length of its prompt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from llmlb.config.loading import load_settings
from llmlb.config.settings import TimeoutsSettings
from llmlb.errors import ConfigurationError
from llmlb.proxy.timeouts import Timeouts

USUAL = TimeoutsSettings(first_byte_s=60.0, prefill=250.0, cold_load_s=300.0, answer_s=600.0)


@pytest.mark.parametrize(
    ("body_bytes", "is_cold", "within_s"),
    [
        (0, False, 60.0),
        (100_000, False, 160.0),
        (100_000, True, 460.0),
        (10_000_000, False, 600.0),
        (10_000_000, True, 900.0),
    ],
)
def test_a_long_prompt_and_a_cold_model_get_their_time(body_bytes: int, is_cold: bool, within_s: float) -> None:
    assert Timeouts(USUAL).usual.first_byte_within_s(body_bytes, is_cold=is_cold) == within_s


def test_a_prompt_of_any_length_gets_no_more_where_none_is_allowed_for() -> None:
    assert Timeouts(replace(USUAL, prefill=0.0)).usual.first_byte_within_s(10**7, is_cold=False) == 60.0
    above = replace(USUAL, first_byte_s=900.0)
    assert Timeouts(above).usual.first_byte_within_s(10**7, is_cold=False) == 900.0


def test_a_model_has_its_own_times_and_the_usual_ones_for_what_it_leaves_out(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        '[timeouts]\nanswer = 700\n[timeouts.models."big*"]\nfirst_byte = 180\nprefill = 50\n'
    )
    settings = load_settings(data_dir=tmp_path, environ={}, working_dir=tmp_path).settings.timeouts
    timeouts = Timeouts(settings)
    assert timeouts.of_model is not None
    big = timeouts.of_model("big:70b")
    assert (big.first_byte_s, big.prefill, big.answer_s, big.stream_idle_s) == (180.0, 50.0, 700.0, 60.0)
    assert timeouts.of_model("small:1b") is timeouts.usual
    assert Timeouts(TimeoutsSettings()).of_model is None


def test_an_unknown_or_unusable_time_of_a_model_is_refused_with_its_place(tmp_path: Path) -> None:
    for text, complaint in (
        ("models.m.first_bite = 3", '"m" has the unknown key "first_bite": give first_byte, prefill, cold_load'),
        ("models.m.answer = 0", '"m": answer 0 is out of range: give 1..86400 s, for example 1800'),
    ):
        (tmp_path / "config.toml").write_text(f"[timeouts]\n{text}\n")
        with pytest.raises(ConfigurationError) as refused:
            load_settings(data_dir=tmp_path, environ={}, working_dir=tmp_path)
        assert "config.toml:2: timeouts.models: " + complaint in refused.value.message
