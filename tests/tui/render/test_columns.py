"""What a cell of the list says."""

from __future__ import annotations

from typing import Any

import pytest
from tui.examples import node
from tui.fake_router import START_UNIX_S

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
