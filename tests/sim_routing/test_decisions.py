"""The benchmark of what decisions cost: that it measures a fleet in use, and what it prints."""

from __future__ import annotations

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
    assert sum(row.endswith(" us normalised") for row in rows) == 11
