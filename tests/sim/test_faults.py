from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.errors import ConfigurationError
from llmlb.sim.faults import Fault, FaultKind, FaultPlan, Subject, parse_duration_s, parse_fault

CHAT = Subject(path="/v1/chat/completions", is_inference=True, model="m", body=b'{"content": "MARKER"}')
HEALTH = Subject(path="/health", is_inference=False, model="", body=b"")


def plan(*specs: str, seed: int = 0) -> FaultPlan:
    return FaultPlan([parse_fault(spec) for spec in specs], now_s=100.0, rng=random.Random(seed))


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("hang", Fault(FaultKind.HANG)),
        ("status", Fault(FaultKind.STATUS, status=503)),
        ("status:429:7", Fault(FaultKind.STATUS, status=429, retry_after_s=7)),
        ("slow_head:250ms", Fault(FaultKind.SLOW_HEAD, duration_s=0.25)),
        ("refuse:5s@after=10s", Fault(FaultKind.REFUSE, duration_s=5.0, after_s=10.0)),
        ("die_mid_stream", Fault(FaultKind.DIE_MID_STREAM, count=1)),
        ("rst", Fault(FaultKind.RST, count=0)),
        ("stall:4@2@p=0.5", Fault(FaultKind.STALL, count=4, limit=2, probability=0.5)),
        (
            "hang@model=a:b/c@text=x=y@path=/v1",
            Fault(FaultKind.HANG, model="a:b/c", text="x=y", path="/v1"),
        ),
    ],
)
def test_spec_is_read_as_documented(spec: str, fault: Fault) -> None:
    parsed = parse_fault(spec)
    assert str(parsed) == spec
    assert {name: getattr(parsed, name) for name in Fault.__slots__ if name != "spec"} == {
        name: getattr(fault, name) for name in Fault.__slots__ if name != "spec"
    }


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ("", "no fault ''"),
        ("explode", "refuse, hang"),
        ("hang:3", "takes no argument"),
        ("status:200", "429, 500"),
        ("status:5o3", "'5o3'"),
        ("stall:-1", "'-1'"),
        ("stall:٣", "'٣'"),
        ("slow_head:soon", "'soon'"),
        ("hang@0", "'0'"),
        ("hang@p=2", "probability"),
        ("hang@p=nan", "probability"),
        ("hang@text=", "text="),
        ("hang@colour=red", "colour"),
        ("hang@after=nan", "nan"),
        ("refuse@3", "@after"),
        ("refuse@model=x", "@after"),
    ],
)
def test_wrong_spec_is_refused_and_the_message_names_what_is_wrong(spec: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_fault(spec)
    assert named in refused.value.message


@given(st.text(max_size=40))
def test_no_spec_breaks_the_parser(spec: str) -> None:
    try:
        parse_fault(spec)
    except ConfigurationError:
        return


@pytest.mark.parametrize(("text", "seconds"), [("10", 10.0), ("10s", 10.0), ("1.5s", 1.5), ("20ms", 0.02)])
def test_duration_has_units(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == pytest.approx(seconds)


def test_number_limits_how_often_a_fault_strikes() -> None:
    chosen = [plan_ for plan_ in [plan("hang@2")] for _ in range(4) if plan_.choose(CHAT, 100.0)]
    assert len(chosen) == 2


def test_only_matching_requests_count_against_the_number() -> None:
    faults = plan("hang@1@model=other")
    assert faults.choose(CHAT, 100.0) is None
    other = Subject(path=CHAT.path, is_inference=True, model="other", body=b"")
    assert faults.choose(other, 100.0) is not None
    assert faults.choose(other, 100.0) is None


def test_fault_waits_for_its_time() -> None:
    faults = plan("hang@after=10s")
    assert faults.choose(CHAT, 109.9) is None
    assert faults.choose(CHAT, 110.0) is not None


def test_text_marker_is_sought_in_the_body() -> None:
    assert plan("hang@text=MARKER").choose(CHAT, 100.0) is not None
    assert plan("hang@text=MARKED").choose(CHAT, 100.0) is None


def test_probability_is_kept_over_many_requests() -> None:
    faults = plan("hang@p=0.1", seed=1)
    struck = sum(faults.choose(CHAT, 100.0) is not None for _ in range(5000))
    assert 400 < struck < 600


def test_health_page_is_spared_unless_its_path_is_named() -> None:
    assert plan("status:500").choose(HEALTH, 100.0) is None
    assert plan("status:500@path=/health").choose(HEALTH, 100.0) is not None
    assert plan("status:500@path=/health").choose(CHAT, 100.0) is None


def test_first_fault_that_matches_wins() -> None:
    faults = plan("hang@1", "status:500")
    kinds = [fault.kind for _ in range(2) if (fault := faults.choose(CHAT, 100.0))]
    assert kinds == [FaultKind.HANG, FaultKind.STATUS]


def test_refusal_of_connections_never_meets_a_request() -> None:
    assert plan("refuse").choose(CHAT, 100.0) is None
