"""What a cell of the list says."""

from __future__ import annotations

from typing import Any

import pytest
from tui.examples import node
from tui.fake_router import START_UNIX_S

from llmlb_tui.model.traffic import Flows
from llmlb_tui.render.columns import COLUMNS, CellContext, WidthClass
from llmlb_tui.render.glyphs import UNICODE


@pytest.mark.parametrize(
    ("fields", "text"),
    [({}, "7/16"), ({"draining": True}, "7/16"), ({"state": "offline"}, "-"), ({"state": "pending"}, "-")],
)
def test_a_node_that_is_not_online_works_on_nothing(fields: dict[str, Any], text: str) -> None:
    given = node(active_requests=7, max_concurrency=16, **fields)
    context = CellContext(given, None, START_UNIX_S, UNICODE, WidthClass.WIDE)
    assert COLUMNS["act"].draw(context, 6).text == text


@pytest.mark.parametrize(
    ("fields", "given", "texts"),
    [
        ({}, {"requests_per_second": 0.25, "tokens_per_second": 61_234.0}, ("0.2", "61,234")),
        ({}, {"requests_per_second": "many"}, ("-", "-")),
        ({}, None, ("0.0", "0.0")),
        ({"state": "offline"}, {"requests_per_second": 3.0, "tokens_per_second": 3.0}, ("-", "-")),
    ],
)
def test_what_goes_through_a_node_is_told_only_while_it_is_online(
    fields: dict[str, Any], given: dict[str, Any] | None, texts: tuple[str, str]
) -> None:
    flows = Flows({"rates_by_node": {} if given is None else {"gpu-1": given}})
    context = CellContext(node(**fields), None, START_UNIX_S, UNICODE, WidthClass.WIDE, flows)
    assert tuple(COLUMNS[key].draw(context, 6).text for key in ("rps", "tps")) == texts


def test_a_router_that_tells_nothing_of_its_nodes_is_not_read_as_silence() -> None:
    context = CellContext(node(), None, START_UNIX_S, UNICODE, WidthClass.WIDE)
    assert COLUMNS["rps"].draw(context, 6).text == "-"
