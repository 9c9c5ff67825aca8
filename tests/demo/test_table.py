from __future__ import annotations

from typing import Any

from llmlb.demo.table import HEADERS, text_table


def node(name: str, **changes: Any) -> dict[str, Any]:
    known = {"id": name, "state": "online", "active_requests": 0, "total_requests": 10, "failed_requests": 1}
    times = {"avg_response_time_ms": 396.4, "avg_ttft_ms": None, "heartbeats": 25, "circuit": "closed"}
    return {**known, **times, **changes}


def test_columns_stand_below_their_headers() -> None:
    lines = text_table(
        [node("node-1"), node("a-much-longer-name", state="offline", total_requests=123456)]
    ).splitlines()
    for header in HEADERS:
        column = lines[0].index(header)
        assert all(column == 0 or line[column - 1] == " " for line in lines)
        assert all(line[column] != " " for line in lines)


def test_unknown_time_is_a_dash_and_not_zero() -> None:
    cells = text_table([node("node-1")]).splitlines()[1].split()
    assert cells[5:8] == ["396", "ms", "-"]


def test_fleet_without_nodes_is_its_headers() -> None:
    assert text_table([]).split() == list(HEADERS)
