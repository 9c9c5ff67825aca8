from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from llmlb.core.change import ChangeKind
from llmlb.core.choice import Reason
from llmlb.core.fleet import Fleet
from llmlb.core.node import Node
from llmlb.telemetry.node_exposition import NodeExposition

NOW_S = 1_000.0


class Page:
    """What one exposition says of a fleet, again and again."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._exposition = NodeExposition()

    def lines(self, name: str, now_s: float = NOW_S) -> list[str]:
        text = "".join(self._exposition.families(list(self._fleet), now_s))
        return [line for line in text.splitlines() if line.startswith(f"{name}{{")]


@pytest.fixture
def page(fleet: Fleet) -> Page:
    return Page(fleet)


def test_figures_are_written_as_the_node_sent_them(page: Page, add_node: Callable[..., Node]) -> None:
    add_node("node-1")
    assert page.lines("llmlb_node_gpu_usage") == ['llmlb_node_gpu_usage{node_id="node-1"} 45.5']
    assert page.lines("llmlb_node_vram_usage") == ['llmlb_node_vram_usage{node_id="node-1"} 78.25']
    assert page.lines("llmlb_node_temperature_celsius") == ['llmlb_node_temperature_celsius{node_id="node-1"} 65.0']


def test_old_figures_are_left_out_rather_than_shown_as_present(page: Page, add_node: Callable[..., Node]) -> None:
    add_node("node-1")
    assert page.lines("llmlb_node_gpu_usage", NOW_S + 89)
    assert page.lines("llmlb_node_gpu_usage", NOW_S + 91) == []


def test_what_a_node_does_not_measure_has_no_line(page: Page, add_node: Callable[..., Node]) -> None:
    node = add_node("node-1")
    assert node.figures is not None
    node.figures = replace(node.figures, temperature_c=None)
    assert page.lines("llmlb_node_temperature_celsius") == []
    assert len(page.lines("llmlb_node_gpu_usage")) == 1
    node.figures = replace(node.figures, vram_percent=None)
    assert (page.lines("llmlb_node_vram_usage"), len(page.lines("llmlb_node_gpu_usage"))) == ([], 1)
    node.figures = replace(node.figures, gpu_percent=None, vram_percent=97.0)
    assert (len(page.lines("llmlb_node_vram_usage")), page.lines("llmlb_node_gpu_usage")) == (1, [])


def test_exactly_the_present_state_is_one(page: Page, add_node: Callable[..., Node]) -> None:
    add_node("node-1")
    add_node("node-2", approved=False)
    assert page.lines("llm_router_node_state") == [
        'llm_router_node_state{node_id="node-1",state="pending"} 0',
        'llm_router_node_state{node_id="node-1",state="online"} 1',
        'llm_router_node_state{node_id="node-1",state="offline"} 0',
        'llm_router_node_state{node_id="node-2",state="pending"} 1',
        'llm_router_node_state{node_id="node-2",state="online"} 0',
        'llm_router_node_state{node_id="node-2",state="offline"} 0',
    ]
    renamed = [line.replace("llm_router_", "llmlb_") for line in page.lines("llm_router_node_state")]
    assert page.lines("llmlb_node_state") == renamed


def test_both_names_of_a_counter_say_the_same(page: Page, add_node: Callable[..., Node]) -> None:
    node = add_node("node-1")
    node.timeouts = 3
    assert page.lines("llmlb_heartbeats_received_total") == ['llmlb_heartbeats_received_total{node_id="node-1"} 1']
    assert page.lines("llm_router_heartbeats_received_total") == [
        'llm_router_heartbeats_received_total{node_id="node-1"} 1'
    ]
    assert page.lines("llmlb_node_timeouts_total") == ['llmlb_node_timeouts_total{node_id="node-1"} 3']
    assert page.lines("llm_router_node_timeouts_total") == ['llm_router_node_timeouts_total{node_id="node-1"} 3']


def test_a_reason_that_appears_later_gets_its_line(page: Page, add_node: Callable[..., Node]) -> None:
    node = add_node("node-1")
    node.selections[Reason.LOWEST_GPU] = 3
    assert page.lines("llmlb_node_selections_total") == [
        'llmlb_node_selections_total{node_id="node-1",reason="lowest_gpu"} 3'
    ]
    node.selections[Reason.RETRY] = 1
    node.selections[Reason.LOWEST_GPU] = 4
    assert page.lines("llmlb_node_selections_total") == [
        'llmlb_node_selections_total{node_id="node-1",reason="lowest_gpu"} 4',
        'llmlb_node_selections_total{node_id="node-1",reason="retry"} 1',
    ]


def test_a_deleted_node_leaves_the_page_and_a_namesake_starts_afresh(
    page: Page, fleet: Fleet, add_node: Callable[..., Node]
) -> None:
    node = add_node("node-1")
    node.selections[Reason.RETRY] = 9
    assert page.lines("llmlb_node_selections_total")
    fleet.remove(node, ChangeKind.DELETED, cause="deleted")
    assert page.lines("llmlb_node_state") == []
    add_node("node-1").selections[Reason.PINNED] = 1
    assert page.lines("llmlb_node_selections_total") == [
        'llmlb_node_selections_total{node_id="node-1",reason="pinned"} 1'
    ]


def test_a_namesake_registered_between_two_scrapes_does_not_inherit_reasons(
    page: Page, fleet: Fleet, add_node: Callable[..., Node]
) -> None:
    node = add_node("node-1")
    node.selections[Reason.RETRY] = 9
    page.lines("llmlb_node_selections_total")
    fleet.remove(node, ChangeKind.DELETED, cause="deleted")
    add_node("node-1").selections[Reason.PINNED] = 1
    assert page.lines("llmlb_node_selections_total") == [
        'llmlb_node_selections_total{node_id="node-1",reason="pinned"} 1'
    ]
