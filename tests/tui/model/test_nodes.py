from __future__ import annotations

from hypothesis import given
from tui.examples import node, node_json
from tui.fake_router import START_UNIX_S
from tui.model.test_reading import JSON

from llmlb_tui.model.nodes import Mood, read_node


@given(JSON)
def test_a_node_of_any_shape_is_read_or_refused_but_never_breaks(value: object) -> None:
    read_node(value, START_UNIX_S)


@given(JSON)
def test_a_node_with_any_field_wrong_is_still_read(value: object) -> None:
    for name in node_json():
        row = read_node(node_json() | {name: value} | {"id": "gpu-1"}, START_UNIX_S)
        assert row is not None
        assert row.id == "gpu-1"


def test_zero_that_was_not_measured_is_unknown() -> None:
    row = node(metrics_available=False, gpu_usage=0.0, vram_usage=0.0)
    assert row.gpu is None
    assert row.vram is None


def test_each_of_the_two_gpu_figures_may_be_unknown_by_itself() -> None:
    no_vram = node(vram_usage=0.0, vram_metrics_available=False)
    assert (no_vram.gpu is None, no_vram.vram) == (False, None)
    no_use = node(metrics_available=False, gpu_usage=0.0, vram_usage=78.0, vram_metrics_available=True)
    assert (no_use.gpu, no_use.vram) == (None, 78.0)


def test_figures_of_an_offline_node_are_not_shown_as_present() -> None:
    row = node(state="offline")
    assert row.mood is Mood.OFFLINE
    assert (row.gpu, row.vram, row.temp) == (None, None, None)


def test_what_needs_a_person_ranks_first() -> None:
    ranks = [
        node(state="offline").attention,
        node(excluded_by=["gpu"]).attention,
        node(late=True).attention,
        node(circuit="open").attention,
        node(state="pending").attention,
        node(draining=True).attention,
        node().attention,
    ]
    assert ranks == [0, 1, 1, 1, 2, 3, 4]


def test_uptime_counts_on_between_updates() -> None:
    row = node(uptime_seconds=3600.0)
    assert row.up_s(START_UNIX_S) == 3600.0
    assert row.up_s(START_UNIX_S + 5) == 3605.0
    assert node(state="offline").up_s(START_UNIX_S) is None


def test_age_never_is_negative_when_clocks_differ() -> None:
    assert node(last_seen="2026-11-18T11:07:00Z").seen_s(START_UNIX_S) == 0.0


def test_cards_say_their_size() -> None:
    assert node().gpus == ("H100 80GB",)
