"""Tables of text."""

from __future__ import annotations

import re

from cli.fake_router import node
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlb_cli.ages import nodes_with_ages
from llmlb_cli.columns import Column
from llmlb_cli.registry import NODES
from llmlb_cli.table import Style, table_text
from llmlb_cli.text import width

COLUMNS = (
    Column("id", "NODE", shrinks=True),
    Column("gpu", "GPU", right=True),
    Column("note", "NOTE", shrinks=True, tone=lambda row: 31 if row.get("gpu") == 9 else 0),
)
PLAIN = Style()
AT_UNIX_S = 1_769_860_809.0  # nine seconds after the fake nodes were seen


def _table(*nodes: dict[str, object], style: Style = PLAIN, wide: bool = False) -> str:
    columns = [each for each in nodes_with_ages(NODES, nodes, now_unix_s=AT_UNIX_S) if wide or not each.wide]
    return table_text(columns, nodes, style)


def test_the_list_of_nodes_looks_as_it_always_did() -> None:
    text = _table(
        node("node-1"),
        node("node-2", draining=True, max_concurrency=16, total_requests=1_234_567),
        node("node-3", state="offline", gpu_usage=0.0, vram_usage=0.0, metrics_available=False, temperature=None),
        node("node-4", state="pending", last_seen=None, uptime_seconds=0, heartbeats=0, avg_response_time_ms=None),
        node("node-5", late=True, excluded_by=["gpu"]),
        node("node-6", vram_usage=0.0, vram_metrics_available=False),
        node("node-7", gpu_usage=0.0, metrics_available=False, vram_metrics_available=True),
    )
    assert text == (
        "NODE    STATE                 GPU  VRAM  TEMP  ACTIVE  TOTAL    AVG  SEEN     UP  BEATS\n"
        "node-1  Online                46%   78%   65C       2   1234  830ms    9s  1h02m    124\n"
        "node-2  Online,Drain          46%   78%   65C    2/16  1.23M  830ms    9s  1h02m    124\n"
        "node-3  Offline                 -     -     -       2   1234  830ms    9s  1h02m    124\n"
        "node-4  Pending               46%   78%   65C       2   1234      -     -     0s      0\n"
        "node-5  Online,Late,Excluded  46%   78%   65C       2   1234  830ms    9s  1h02m    124\n"
        "node-6  Online                46%     -   65C       2   1234  830ms    9s  1h02m    124\n"
        "node-7  Online                  -   78%   65C       2   1234  830ms    9s  1h02m    124\n"
    )


def test_the_list_of_nodes_fits_eighty_columns_by_shortening_ids() -> None:
    lines = _table(node("gpu-east-rack-17-slot-0741"), style=Style(cells=80)).splitlines()
    assert max(map(width, lines)) <= 80
    assert lines[1].startswith("gpu-ea…t-0741") or "…" in lines[1].split()[0]
    assert lines[0].endswith("BEATS")


def test_a_very_narrow_terminal_cuts_lines_and_never_wraps() -> None:
    lines = _table(node("node-1"), style=Style(cells=30)).splitlines()
    assert [width(line) for line in lines] == [30, 30]
    assert all(line.endswith("…") for line in lines)


def test_without_unicode_every_character_is_ascii() -> None:
    assert _table(node("gpu-east-rack-17-slot-0741"), style=Style(cells=60, is_unicode=False)).isascii()


def test_wide_characters_keep_the_columns_aligned() -> None:
    text = table_text(
        COLUMNS, [{"id": "ノード", "gpu": 5, "note": "a"}, {"id": "node-1", "gpu": 50, "note": "b"}], Style()
    )
    assert text == "NODE    GPU  NOTE\nノード    5  a\nnode-1   50  b\n"


def test_colour_only_repeats_what_the_text_says() -> None:
    rows = [{"id": "a", "gpu": 9, "note": "hot"}, {"id": "b", "gpu": 1, "note": "cold"}]
    coloured = table_text(COLUMNS, rows, Style(cells=80, has_colour=True))
    assert "\x1b[31m" in coloured
    assert re.sub(r"\x1b\[\d*m", "", coloured) == table_text(COLUMNS, rows, Style(cells=80))


def test_no_header_and_no_rows_is_nothing_at_all() -> None:
    assert table_text(COLUMNS, [], Style(headers=False)) == ""
    assert table_text(COLUMNS, [], Style()) == "NODE  GPU  NOTE\n"


@settings(max_examples=200)
@given(st.lists(st.tuples(st.text(), st.text()), max_size=4), st.integers(10, 100))
def test_hostile_cells_neither_escape_nor_overflow(cells: list[tuple[str, str]], terminal_cells: int) -> None:
    rows = [{"id": one, "gpu": 1, "note": other} for one, other in cells]
    text = table_text(COLUMNS, rows, Style(cells=terminal_cells))
    lines = text.split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(rows) + 1
    assert all(line.isprintable() and width(line) <= terminal_cells for line in lines)
