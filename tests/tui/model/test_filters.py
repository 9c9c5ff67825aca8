from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tui.examples import node
from tui.fake_router import START_UNIX_S

from llmlb_tui.model.filters import FIELDS, FilterError, parse_filter

FLEET = (
    node("gpu-e-1", tags=["pool=chat"], gpu_usage=85.0, last_seen="2026-11-18T11:06:00Z"),
    node("gpu-e-2", tags=["pool=embed", "tier=gold"], gpu_usage=20.0, avg_response_time_ms=1500.0),
    node("cpu-1", state="pending", metrics_available=False, loaded_models=[], available_models=[]),
    node("gpu-f-1", state="offline", name="rack 3, left", loaded_models=["qwen3-32b"], available_models=["qwen3-32b"]),
    node("gpu-f-2", draining=True, active_requests=12, excluded_by=["active"], total_requests=2_000_000),
)


def ids(text: str) -> str:
    chosen = parse_filter(text)
    return " ".join(each.id for each in FLEET if chosen.admits(each, START_UNIX_S))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "gpu-e-1 gpu-e-2 cpu-1 gpu-f-1 gpu-f-2"),
        ("gpu-e", "gpu-e-1 gpu-e-2"),
        ("GPU-E", "gpu-e-1 gpu-e-2"),
        ("gold", "gpu-e-2"),
        ("rack", "gpu-f-1"),
        ('"rack 3"', "gpu-f-1"),
        ("state:pending", "cpu-1"),
        ("state:p", "cpu-1"),
        ("state!=online", "cpu-1 gpu-f-1"),
        ("state:draining", "gpu-f-2"),
        ("state:excluded", "gpu-f-2"),
        ("state:attention", "cpu-1 gpu-f-1 gpu-f-2"),
        ("gpu>80", "gpu-e-1"),
        ("gpu>80%", "gpu-e-1"),
        ("gpu>=85", "gpu-e-1"),
        ("gpu<50", "gpu-e-2"),
        ("gpu:85", "gpu-e-1"),
        ("gpu:-", "cpu-1 gpu-f-1"),
        ("gpu!=-", "gpu-e-1 gpu-e-2 gpu-f-2"),
        ("seen>30s", "gpu-e-1"),
        ("seen>0.5m", "gpu-e-1"),
        ("avg>1s", "gpu-e-2"),
        ("avg>1000ms gpu<50", "gpu-e-2"),
        ("total>1.5m", "gpu-f-2"),
        ("total>1000k", "gpu-f-2"),
        ("up>=1h", "gpu-e-1 gpu-e-2 gpu-f-2"),
        ("active>10", "gpu-f-2"),
        ("model:llama*", "gpu-e-1 gpu-e-2 gpu-f-2"),
        ("model:*32b", "gpu-f-1"),
        ("model:qwen", "gpu-f-1"),
        ("model:-", "cpu-1"),
        ("model=qwen3-32b", "gpu-f-1"),
        ("model!=qwen3-32b", "gpu-e-1 gpu-e-2 cpu-1 gpu-f-2"),
        ("tag:pool=chat", "gpu-e-1"),
        ("tag:pool", "gpu-e-1 gpu-e-2"),
        ("excluded:active", "gpu-f-2"),
        ("/e-[12]$/", "gpu-e-1 gpu-e-2"),
        ("/rack \\d/", "gpu-f-1"),
        ("!gpu", "cpu-1"),
        ("!!gpu-e", "gpu-e-1 gpu-e-2"),
        ("!(state:pending or state:offline)", "gpu-e-1 gpu-e-2 gpu-f-2"),
        ("state:pending or state:offline", "cpu-1 gpu-f-1"),
        ("gpu-e gpu<50 or cpu", "gpu-e-2 cpu-1"),
        ("(gpu-e or gpu-f) !state:offline", "gpu-e-1 gpu-e-2 gpu-f-2"),
        ('machine:"box-1" temp>=70c', "gpu-e-1 gpu-e-2 gpu-f-2"),
    ],
)
def test_filter_finds_what_it_says(text: str, found: str) -> None:
    assert ids(text) == found


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ("gpu>x", 0, "no figure"),
        ("gpu-e gpu>", 6, "no figure"),
        ("colour:red", 0, "no field colour"),
        ("state:asleep", 0, "no state asleep"),
        ("state>1", 0, "compared with"),
        ("tag>1", 0, "compared with"),
        ("model:", 0, "missing"),
        ("/abc", 0, "no closing /"),
        ("a /[/", 2, "not a regular expression"),
        ("/(a+)+x/", 0, "take for ever"),
        ("(gpu-e", 0, "never closed"),
        ("gpu-e)", 5, "closes nothing"),
        ("gpu-e or", 8, "missing"),
        ("or", 0, "missing"),
        ("!", 0, "something to negate"),
        ("()", 1, "missing"),
        ('a "b', 2, "no partner"),
        ("avg>5%", 0, "units: ms, s, m"),
        ("(" * 30 + "a" + ")" * 30, 20, "too deep"),
        ("x" * 501, 500, "at most"),
    ],
)
def test_bad_filter_says_where_and_why(text: str, position: int, said: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    assert caught.value.position == position
    assert said in caught.value.message


TERMS = st.sampled_from(
    ["gpu", "!", "(", ")", "or", "state:p", "gpu>5", "/x/", '"a b"', "model:a*", "seen<3m", ">", ":", "/", '"', "-"]
)


@given(st.lists(TERMS, max_size=12).map(" ".join) | st.text(max_size=80))
def test_any_text_is_a_filter_or_a_refusal_with_a_place_in_it(text: str) -> None:
    try:
        chosen = parse_filter(text)
    except FilterError as error:
        position = error.position
    else:
        position = 0
        assert all(chosen.admits(each, START_UNIX_S) in (True, False) for each in FLEET)
    assert 0 <= position <= len(text)


@given(st.sampled_from([each for each in FIELDS if each != "state"]))
def test_every_field_can_be_asked_for_the_unknown(field: str) -> None:
    parse_filter(f"{field}:-")
