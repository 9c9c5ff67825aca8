"""The benchmark of what decisions cost: that it measures a fleet in use, and what it prints."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

from benchmarks import decisions
from benchmarks.decisions import BLOCKS, Scene, chain, prompt
from llmlb.core.choice import InferenceRequest, Reason


def test_the_fleet_that_is_measured_is_in_use_and_has_learned_its_speeds() -> None:
    scene = Scene(16)
    assert scene.in_flight > 3 * 16
    assert scene.unread > 0
    lanes = scene.policy._books[decisions.MODEL].lanes.values()
    assert all(lane.samples >= 3 for lane in lanes)
    read_s = sorted(lane.prefill.at(2000) for lane in lanes)
    assert read_s[-1] > 3 * read_s[0]


def test_a_prompt_that_one_node_has_read_is_really_found() -> None:
    scene = Scene(4)
    blocks = chain(BLOCKS)
    scene.read_by(scene.nodes[2], blocks)
    pool = scene.fleet.candidates(decisions.MODEL)
    assert pool is not None
    choice = scene.policy.pick(InferenceRequest(decisions.MODEL, prompt=prompt(blocks)), pool, scene.now_s)
    assert (choice.node_id, choice.reason) == (scene.nodes[2], Reason.AFFINITY)


def test_each_cost_is_told_as_measured_and_normalised(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(decisions, "STRETCHES", 3)
    monkeypatch.setattr(decisions, "CALLS", 2)
    assert decisions.main(["--nodes", "3"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert sum(row.endswith(" us normalised") for row in rows) == 12


def steps_of(scene: Scene, blocks: tuple[int, ...]) -> int:
    """Bytecodes of one choice: what it costs on any machine."""
    pool = scene.fleet.candidates(decisions.MODEL)
    assert pool is not None
    steps, before = 0, sys.gettrace()

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal steps
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        steps += event == "opcode"
        return trace

    sys.settrace(trace)
    try:
        scene.policy.pick(InferenceRequest(decisions.MODEL, prompt=prompt(blocks)), pool, scene.now_s)
    finally:
        sys.settrace(before)
    return steps


def test_a_choice_among_sixteen_takes_few_steps() -> None:
    scene = Scene(16)
    blocks = chain(BLOCKS)
    for place, node_id in enumerate(scene.nodes):
        scene.read_by(node_id, blocks[: 1 + place % BLOCKS])
    assert 1_000 < min(steps_of(scene, blocks) for _ in range(3)) < 4_500
    assert min(steps_of(scene, ()) for _ in range(3)) < 2_200
