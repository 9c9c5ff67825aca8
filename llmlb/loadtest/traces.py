"""Reads recorded traces: when requests came, how long they were, which prefixes they shared.

Two families of files are understood, by their columns: CSV with an arrival and token counts per line (the public
Azure LLM inference traces), and JSON lines with ``hash_ids`` of 512-token prefix blocks (the public Mooncake
traces), each in its original and in a condensed spelling. The README of the docs lists them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from llmlb.errors import ConfigurationError

MAX_TOKENS = 1 << 21
_ARRIVAL = {"t_ms": 1e-3, "t": 1e-3, "timestamp_ms": 1e-3, "timestamp": 0.0}
"""Column of the arrival and its unit in seconds; 0 for a date and time."""


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """One recorded request. at_s: since the first one.  block_ids: its prefix blocks, may be empty."""

    at_s: float
    input_tokens: int
    output_tokens: int
    block_ids: tuple[int, ...] = ()


def read_trace(lines: Iterable[str], *, limit: int | None = None) -> tuple[TraceEntry, ...]:
    """The entries in order of arrival, the first at 0 s. Raises ConfigurationError naming the line."""
    entries: list[TraceEntry] = []
    for entry in _parsed(iter(lines)):
        entries.append(entry)
        if limit is not None and len(entries) >= limit:
            break
    if not entries:
        raise ConfigurationError("the trace holds no requests")
    entries.sort(key=lambda entry: entry.at_s)
    start_s = entries[0].at_s
    return tuple(
        TraceEntry(entry.at_s - start_s, entry.input_tokens, entry.output_tokens, entry.block_ids) for entry in entries
    )


def _parsed(lines: Iterator[str]) -> Iterator[TraceEntry]:
    first = next((line for line in lines if line.strip()), "")
    if first.lstrip().startswith("{"):
        yield _from_json(first, 1)
        for number, line in enumerate(lines, 2):
            if line.strip():
                yield _from_json(line, number)
        return
    columns = [name.strip().lower() for name in next(csv.reader([first]), [])]
    at, tokens_in, tokens_out = _columns(columns)
    for number, row in enumerate(csv.reader(lines), 2):
        if row:
            yield _from_row(row, number, at=at, unit_s=_ARRIVAL[columns[at]], tokens=(tokens_in, tokens_out))


def _columns(columns: list[str]) -> tuple[int, int, int]:
    found = []
    for names in (tuple(_ARRIVAL), ("input_tokens", "contexttokens"), ("output_tokens", "generatedtokens")):
        position = next((columns.index(name) for name in names if name in columns), None)
        if position is None:
            raise ConfigurationError(
                f"the trace's first line names no column {' or '.join(names)}; "
                "expected JSON lines, or CSV with arrival, input and output tokens"
            )
        found.append(position)
    return found[0], found[1], found[2]


def _from_row(row: list[str], number: int, *, at: int, unit_s: float, tokens: tuple[int, int]) -> TraceEntry:
    try:
        at_s = float(row[at]) * unit_s if unit_s else _instant_s(row[at])
        counts = [int(float(row[position] or 0)) for position in tokens]
    except (ValueError, IndexError, OverflowError) as error:
        raise ConfigurationError(f"line {number} of the trace cannot be read: {error}") from None
    return _entry(at_s, counts[0], counts[1], (), number)


def _instant_s(text: str) -> float:
    # Seven fractional digits are written there; Python reads six.
    head, _, fraction = text.strip().partition(".")
    return datetime.fromisoformat(f"{head}.{fraction[:6]:0<6}+00:00").timestamp()


def _from_json(line: str, number: int) -> TraceEntry:
    try:
        value = json.loads(line)
        if not isinstance(value, dict):
            raise ValueError("not an object")
        at_s = float(value["t"] if "t" in value else value["timestamp"]) / 1000
        tokens_in = int(value["in"] if "in" in value else value["input_length"])
        tokens_out = int(value["out"] if "out" in value else value["output_length"])
        blocks = _blocks(value.get("h", value.get("hash_ids", ())))
    except KeyError as error:
        raise ConfigurationError(f"line {number} of the trace has no field {error}") from None
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise ConfigurationError(f"line {number} of the trace cannot be read: {error}") from None
    return _entry(at_s, tokens_in, tokens_out, blocks, number)


def _blocks(value: object) -> tuple[int, ...]:
    """``[0, 1, 2]``, or the condensed ``"0-2"`` with commas between the runs."""
    if isinstance(value, str):
        ids: list[int] = []
        for run in value.split(",") if value else ():
            first, _, last = run.partition("-")
            span = range(int(first), int(last or first) + 1)
            if len(span) + len(ids) > MAX_TOKENS // 512:
                raise ValueError("more prefix blocks than any model takes")
            ids.extend(span)
        return tuple(ids)
    if not isinstance(value, list | tuple):
        raise ValueError("hash_ids is no list")
    return tuple(int(block_id) for block_id in value)


def _entry(at_s: float, tokens_in: int, tokens_out: int, blocks: tuple[int, ...], number: int) -> TraceEntry:
    if not 0 <= tokens_in <= MAX_TOKENS or not 0 <= tokens_out <= MAX_TOKENS or not 0 <= at_s < 1e12:
        raise ConfigurationError(f"line {number} of the trace is out of range")
    return TraceEntry(at_s, max(1, tokens_in), max(1, tokens_out), blocks)
