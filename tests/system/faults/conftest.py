"""The site that the fault rows share, and the table they fill."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.fault_site import STEADY, TABLE, ByteNode, FaultRouter, FaultSite, raise_file_limit, warmed_up

COLUMNS = ("answered", "failed", "cancelled", "lost")


@pytest.fixture(scope="session")
def byte_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ByteNode]]:
    """Four nodes, ``a`` to ``d``."""
    directory = tmp_path_factory.mktemp("nodes")
    with contextlib.ExitStack() as stack:
        nodes = {name: ByteNode(name, directory) for name in "abcd"}
        for node in nodes.values():
            stack.callback(node.__exit__)
            node.start()
        for node in nodes.values():
            node.wait_ready()
        yield nodes


@pytest.fixture(scope="session")
def site(byte_nodes: dict[str, ByteNode], tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultSite]:
    """A router with short limits, warmed up: its memory has found its level."""
    raise_file_limit()
    with FaultRouter(tmp_path_factory.mktemp("router")) as router:
        yield warmed_up(FaultSite(router, byte_nodes))


@pytest.fixture(scope="session")
def usual(byte_nodes: dict[str, ByteNode], tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultSite]:
    """A router as it is delivered: every limit, budget and circuit of the data path at its default."""
    raise_file_limit()
    with FaultRouter(tmp_path_factory.mktemp("usual"), config=STEADY) as router:
        yield warmed_up(FaultSite(router, byte_nodes))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not TABLE:
        return
    terminalreporter.section("faults")
    terminalreporter.write_line(f"{'row':<44}{'sent':>7}" + "".join(f"{name:>11}" for name in COLUMNS))
    for row in TABLE:
        counts = "".join(f"{row.counts[name]:>11}" for name in COLUMNS)
        terminalreporter.write_line(f"{row.name:<44}{row.sent:>7}{counts}  {row.note}")
    path = os.environ.get("LLMLB_FAULT_TABLE")
    if path:
        rows = [{"row": row.name, "sent": row.sent, **row.counts, "note": row.note} for row in TABLE]
        Path(path).write_text(json.dumps(rows, indent=1))
