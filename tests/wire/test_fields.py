from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from llmlb.wire.fields import Count, EngineKey, HeartbeatSeconds, ModelNames, NameText, Percent


def accepts(kind: Any, text: str) -> bool:
    try:
        TypeAdapter(kind).validate_json(text, strict=True)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("text", ["0", "100", "45.5", "1e1"])
def test_a_percentage_in_range_is_accepted(text: str) -> None:
    assert accepts(Percent, text)


@pytest.mark.parametrize("text", ["-0.1", "100.1", "NaN", "Infinity", '"45"', "true", "null", "1e999", "[]"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    assert not accepts(Percent, text)


@pytest.mark.parametrize("text", ["0", "9007199254740992"])
def test_a_count_may_be_anything_that_json_can_carry_exactly(text: str) -> None:
    assert accepts(Count, text)


@pytest.mark.parametrize("text", ["-1", "9007199254740993", "1.0", "1.5", "true", '"1"', "9" * 5000])
def test_what_is_no_count_is_refused(text: str) -> None:
    assert not accepts(Count, text)


def test_an_interval_is_more_than_nothing_and_at_most_a_minute() -> None:
    assert accepts(HeartbeatSeconds, "60")
    assert accepts(HeartbeatSeconds, "0.5")
    assert not accepts(HeartbeatSeconds, "0")
    assert not accepts(HeartbeatSeconds, "61")


def test_a_list_of_models_is_bounded_in_number_and_length() -> None:
    assert accepts(ModelNames, '["' + "a" * 256 + '"]')
    assert not accepts(ModelNames, '["' + "a" * 257 + '"]')
    assert accepts(ModelNames, "[" + ",".join(f'"m{n}"' for n in range(1000)) + "]")
    assert not accepts(ModelNames, "[" + ",".join(f'"m{n}"' for n in range(1001)) + "]")


def test_an_engine_key_that_could_break_a_header_is_refused() -> None:
    assert accepts(EngineKey, '"secret-123"')
    assert accepts(EngineKey, '""')
    for bad in ('"a b"', '"a\\r\\nx: y"', '"schl\\u00fcssel"', '"a\\u0000"'):
        assert not accepts(EngineKey, bad)


def test_a_name_of_nothing_but_controls_is_no_name() -> None:
    assert accepts(NameText, '"ci"')
    assert not accepts(NameText, '"\\u001b\\u202e "')
