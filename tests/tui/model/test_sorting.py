from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tui.examples import node
from tui.fake_router import START_UNIX_S

from llmlb.errors import ConfigurationError
from llmlb_tui.model.sorting import (
    DEFAULT_ORDER,
    SORT_KEYS,
    Moment,
    chosen,
    natural_key,
    order_text,
    parse_order,
    reversed_order,
    sort_nodes,
)
from llmlb_tui.model.traffic import NO_FLOWS, Flows


def ids(text: str, *nodes: object) -> list[str]:
    return [each.id for each in sort_nodes(nodes, parse_order(text), START_UNIX_S)]  # type: ignore[arg-type]


def test_node_2_comes_before_node_10() -> None:
    assert ids("id", node("node-10"), node("node-2"), node("node-1")) == ["node-1", "node-2", "node-10"]


def test_what_needs_a_person_is_on_the_first_screen_of_a_thousand_rows() -> None:
    fleet = [node(f"gpu-{number}", gpu_usage=99.0) for number in range(1000)]
    trouble = [node("z-offline", state="offline"), node("z-over", excluded_by=["vram"]), node("z-new", state="pending")]
    found = [each.id for each in sort_nodes([*fleet, *trouble], DEFAULT_ORDER, START_UNIX_S)]
    assert found[:3] == ["z-offline", "z-over", "z-new"]


def test_the_busiest_come_first_and_the_unknown_last_in_either_direction() -> None:
    nodes = (node("a", gpu_usage=10.0), node("b", metrics_available=False), node("c", gpu_usage=90.0))
    assert ids("gpu", *nodes) == ["c", "a", "b"]
    assert ids("-gpu", *nodes) == ["a", "c", "b"]


def test_nodes_are_ordered_by_what_goes_through_them() -> None:
    flows = Flows({"rates_by_node": {"b": {"requests_per_second": 2.5}, "c": {"requests_per_second": 9.0}}})
    nodes = [node("a"), node("b"), node("c")]
    assert [each.id for each in sort_nodes(nodes, parse_order("rps"), START_UNIX_S, flows)] == ["c", "b", "a"]
    assert [each.id for each in sort_nodes(nodes, parse_order("rps"), START_UNIX_S)] == ["a", "b", "c"]


def test_equal_rows_keep_their_place_by_id() -> None:
    assert ids("gpu", node("n-2"), node("n-1")) == ["n-1", "n-2"]
    assert ids("-gpu", node("n-2"), node("n-1")) == ["n-1", "n-2"]


def test_a_second_key_decides_between_equals() -> None:
    nodes = (node("a", gpu_usage=50.0, vram_usage=10.0), node("b", gpu_usage=50.0, vram_usage=90.0))
    assert ids("gpu,vram", *nodes) == ["b", "a"]


def test_choosing_a_key_twice_turns_it_round() -> None:
    once = chosen(DEFAULT_ORDER, SORT_KEYS["gpu"], added=False)
    assert order_text(once) == "gpu,id"
    assert order_text(chosen(once, SORT_KEYS["gpu"], added=False)) == "-gpu,id"
    assert order_text(chosen(DEFAULT_ORDER, SORT_KEYS["temp"], added=True)) == "attn,gpu,temp"
    assert order_text(reversed_order(DEFAULT_ORDER)) == "-attn,gpu"


def test_unknown_order_names_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="known: attn, id"):
        parse_order("heat")


def test_letters_of_the_orders_are_all_different() -> None:
    letters = [key.letter for key in SORT_KEYS.values()]
    assert len(set(letters)) == len(letters)
    assert "s" not in letters, "s adds a key"


@given(st.lists(st.sampled_from(sorted(SORT_KEYS)), max_size=4), st.booleans())
def test_an_order_survives_being_written_down(names: list[str], backwards: bool) -> None:
    text = ",".join(("-" if backwards else "") + name for name in names)
    order = parse_order(text)
    assert parse_order(order_text(order)) == order


@given(st.text(alphabet="abc-019²٣", max_size=12), st.text(alphabet="abc-019²٣", max_size=12))
def test_any_two_names_can_be_compared(left: str, right: str) -> None:
    assert (natural_key(left) < natural_key(right)) in (True, False)


@given(
    st.lists(st.tuples(st.sampled_from([None, 10.0, 50.0, 90.0]), st.sampled_from([None, 1.0, 2.0])), max_size=12),
    st.lists(st.sampled_from(["gpu", "-gpu", "temp", "-temp", "id", "-id"]), min_size=1, max_size=3),
)
def test_any_order_is_that_of_stable_passes_from_the_last_key_to_the_first(
    figures: list[tuple[float | None, float | None]], keys: list[str]
) -> None:
    nodes = [node(f"n-{number}", gpu_usage=gpu, temperature=temp) for number, (gpu, temp) in enumerate(figures)]
    order = parse_order(",".join(keys))
    expected = list(nodes)
    for each in reversed(order):
        values = {row.id: each.key.get(row, Moment(START_UNIX_S, NO_FLOWS)) for row in expected}
        known = [row for row in expected if values[row.id] is not None]
        unknown = [row for row in expected if values[row.id] is None]
        known.sort(key=lambda row: values[row.id], reverse=each.falls)  # type: ignore[arg-type, return-value]
        expected = known + unknown
    assert sort_nodes(nodes, order, START_UNIX_S) == expected
