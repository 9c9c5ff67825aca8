"""The fleet as a plain table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

HEADERS = ("NODE", "STATE", "ACTIVE", "TOTAL", "FAILED", "AVG", "TTFT", "HEARTBEATS", "CIRCUIT")


def rows(nodes: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """One line of texts per node, in the order of HEADERS."""
    return [
        (
            str(node["id"]),
            str(node["state"]).capitalize(),
            str(node["active_requests"]),
            str(node["total_requests"]),
            str(node["failed_requests"]),
            _milliseconds(node["avg_response_time_ms"]),
            _milliseconds(node["avg_ttft_ms"]),
            str(node["heartbeats"]),
            str(node["circuit"]),
        )
        for node in nodes
    ]


def text_table(nodes: Sequence[dict[str, Any]]) -> str:
    """The table as text, columns aligned."""
    lines = [HEADERS, *rows(nodes)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADERS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _milliseconds(value: object) -> str:
    return f"{value:.0f} ms" if isinstance(value, int | float) else "-"
