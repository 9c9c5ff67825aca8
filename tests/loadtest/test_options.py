from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from llmlb.errors import ConfigurationError
from llmlb.loadtest.arrivals import Burst, Constant, Gamma, Stage
from llmlb.loadtest.options import header_of, plan_of
from llmlb.loadtest.plan import (
    CapacitySearch,
    ClosedLoop,
    Endpoint,
    Load,
    OpenLoop,
    Pairs,
    Sessions,
    Slo,
    Sweep,
    TraceReplay,
    describe,
    extent,
)
from llmlb.loadtest.prompts import BlockPrompts, GivenPrompts, ShortChats, SizedPrompts
from llmlb.loadtest.typed import Typed


def load(**typed: object) -> Load:
    return plan_of(replace(Typed(), **typed)).load  # type: ignore[arg-type]  # a shorthand of these tests


def test_nothing_typed_is_thirty_chats_at_once() -> None:
    plan = plan_of(Typed())
    assert plan.load == ClosedLoop(users=30, requests=30)
    assert isinstance(plan.prompts, ShortChats)
    assert (plan.max_tokens, plan.streamed, plan.model, plan.seed) == (64, True, "", 1)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"requests": 500}, ClosedLoop(users=64, requests=500)),
        ({"requests": 500, "concurrency": 200}, ClosedLoop(users=200, requests=500)),
        ({"duration": "5m", "concurrency": 4}, ClosedLoop(users=4, duration_s=300)),
        (
            {"duration": "10s", "requests": 5, "ramp": "2s", "think": "1s"},
            ClosedLoop(users=5, requests=5, duration_s=10, ramp_s=2, think_s=1),
        ),
        ({"rate": 5, "duration": "60s"}, OpenLoop(Gamma(1.0), (Stage(60, 5, 5),))),
        (
            {"rate": 5, "duration": "60", "arrivals": "constant", "concurrency": 8},
            OpenLoop(Constant(), (Stage(60, 5, 5),), max_in_flight=8),
        ),
        ({"rate": 5, "requests": 9, "arrivals": "gamma:3"}, OpenLoop(Gamma(3.0), (Stage(math.inf, 5, 5),), limit=9)),
        ({"arrivals": "burst:20@5s", "duration": "30s"}, OpenLoop(Burst(20, 5.0), (Stage(30, 1, 1),))),
        (
            {"rate": 4, "duration": "9s", "ramp": "3s"},
            OpenLoop(Gamma(1.0), (Stage(3, 0, 4), Stage(9, 4, 4)), warm_up_stages=1),
        ),
        (
            {"stages": "10s@2,30s@2-8,10s@0"},
            OpenLoop(Gamma(1.0), (Stage(10, 2, 2), Stage(30, 2, 8), Stage(10, 0, 0))),
        ),
        ({"sweep": "1..4x2", "requests": 9}, Sweep((1, 2, 4), requests=9)),
        ({"sweep": "1,3", "duration": "5s"}, Sweep((1, 3), duration_s=5)),
        ({"find_capacity": True, "rate": 3, "good": "90%", "step": "10s"}, CapacitySearch(3, 10, 0.9)),
        ({"sessions": 20, "turns": 4, "think": "2s"}, Sessions(20, 4, 20, 2)),
        ({"paired": True, "requests": 7}, Pairs(7)),
        ({"tenants": "a:1,b:1,c:10"}, ClosedLoop(users=12, requests=30)),
        ({"tenants": "a,b:2", "sessions": 20}, Sessions(20, 4, 3)),
        ({"tenants": "a:0.5,b:2", "rate": 5, "duration": "60s"}, OpenLoop(Gamma(1.0), (Stage(60, 5, 5),))),
    ],
)
def test_each_kind_of_load_is_read(typed: dict[str, object], expected: Load) -> None:
    found = load(**typed)
    assert found == expected
    assert describe(found)
    assert extent(found)


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ({"requests": 0}, "-n 0 must be"),
        ({"speed": 2.0}, "--speed has no meaning"),
        ({"turns": 2, "sweep": "1..4"}, "--turns has no meaning"),
        ({"sessions": 2, "requests": 9}, "-n has no meaning"),
        ({"find_capacity": True, "duration": "9s"}, "--duration has no meaning"),
        ({"concurrency": -1}, "-c -1"),
        ({"sweep": "1..4", "rate": 3}, "different kinds of load"),
        ({"sessions": 3, "paired": True}, "different kinds of load"),
        ({"arrivals": "constant"}, "needs a --rate"),
        ({"arrivals": "uniform", "rate": 1}, "choose poisson"),
        ({"arrivals": "gamma:0", "rate": 1}, "variation"),
        ({"arrivals": "burst:0@1s"}, "size"),
        ({"arrivals": "burst:3", "duration": "3s"}, "no duration"),
        ({"rate": 0, "duration": "3s"}, "--rate"),
        ({"rate": float("nan"), "duration": "3s"}, "--rate"),
        ({"stages": "10s"}, "TIME@RATE"),
        ({"stages": "10s@-3"}, "no number|rate"),
        ({"stages": "10s@0"}, "sends nothing"),
        ({"stages": "10s@1", "rate": 3}, "leave out --rate"),
        ({"duration": "0s"}, "--duration"),
        ({"timeout": "x"}, "--timeout"),
        ({"slo": "p99=3s"}, "--slo"),
        ({"cancel": "200%"}, "--cancel"),
        ({"weights": ("node-1",)}, "--weight"),
        ({"endpoint": "images"}, "--endpoint"),
        ({"warm_up": -1}, "--warmup"),
        ({"prompt": "a", "input_tokens": "9"}, "both say what is asked"),
        ({"prompt_file": Path("/nowhere")}, "cannot read --file"),
        ({"trace": Path("/nowhere")}, "cannot read --trace"),
        ({"fail_if": ("errors",)}, "--fail-if"),
        ({"tenants": "a:1"}, "name 2 to 100 tenants"),
        ({"tenants": "a:0.5,b:1"}, "whole numbers"),
        ({"tenants": "a,b", "concurrency": 4}, "leave out -c"),
        ({"tenants": "a,b", "paired": True}, "--tenants has no meaning"),
        ({"tenants": "a,b", "sweep": "1..4"}, "--tenants has no meaning"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(typed: dict[str, object], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        load(**typed)


def test_lengths_objectives_and_deadlines_reach_the_plan() -> None:
    plan = plan_of(
        Typed(
            input_tokens="512±64",
            output_tokens=99,
            shared_prefix="60%",
            slo="ttft=2s,tpot=100ms",
            timeout="30",
            stall_timeout="5s",
            endpoint="completions",
            weights=("node-1=2",),
            cancel="10%",
        )
    )
    assert plan.prompts == SizedPrompts(512, 64, 99, 0.6)
    assert (plan.max_tokens, plan.ignore_eos) == (99, True)
    assert plan.slo == Slo(ttft_s=2, tpot_s=0.1)
    assert (plan.deadlines.total_s, plan.deadlines.stall_s) == (30, 5)
    assert (plan.endpoint, plan.weights, plan.cancel_share) == (Endpoint.COMPLETIONS, (("node-1", 2.0),), 0.1)
    assert not plan_of(Typed(output_tokens=9, ignore_eos=False)).ignore_eos


def test_a_trace_file_brings_schedule_lengths_and_blocks(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text('{"t":0,"in":9,"out":3,"h":"0"}\n{"t":500,"in":9,"out":4,"h":"0-1"}\n{"t":900,"in":1,"out":1}\n')
    plan = plan_of(Typed(trace=path, limit=2, speed=4.0))
    assert isinstance(plan.load, TraceReplay)
    assert (len(plan.load.entries), plan.load.speed, plan.ignore_eos) == (2, 4.0, True)
    assert isinstance(plan.prompts, BlockPrompts)
    assert plan.prompts.entries == ((9, 3, (0,)), (9, 4, (0, 1)))
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="not a text file"):
        plan_of(Typed(trace=path))


def test_a_prompt_file_holds_text_json_prompts_and_whole_chats(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text(
        'hello there\n\n{"prompt": "one", "max_tokens": 5}\n'
        '{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]}\n',
        encoding="utf-8",
    )
    prompts = plan_of(Typed(prompt_file=path, output_tokens=8)).prompts
    assert isinstance(prompts, GivenPrompts)
    assert [(len(p.messages), p.messages[-1].content, p.max_tokens) for p in prompts.prompts] == [
        (1, "hello there", 8),
        (1, "one", 5),
        (2, "u", 8),
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [("", "holds no prompts"), ("{x\n", "line 1"), ('{"messages": []}\n', "neither"), ('{"messages": [1]}', "neither")],
)
def test_a_broken_prompt_file_is_refused_with_its_line(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "prompts.txt"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=complaint):
        plan_of(Typed(prompt_file=path))


def test_headers_are_read_as_curl_writes_them() -> None:
    assert header_of("X-A: b: c") == ("X-A", "b: c")
    with pytest.raises(ConfigurationError, match="Name: value"):
        header_of("nothing")
