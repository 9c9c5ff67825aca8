"""What arrives: requests with their sizes, their shared beginnings and their instants, on a time axis to be scaled."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.sim.prefix_cache import BLOCK_TOKENS
from llmlb.core.choice import Objective

WINDOW_TOKENS = 8_192
"""The context window that the engines are run with: longer prompts are cut to it. The slowest class of node reads it in
2.7 s, so where a prompt goes decides whether it is answered within 2 s, and for most prompts somebody can."""
MAX_OUTPUT_TOKENS = 4_096
INTERACTIVE = Objective(ttft_s=2.0, tpot_s=0.1)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request. at: on the workload's own axis, whose mean gap is 1.  blocks: an id for each block of the prompt,
    where an id stands for the whole text up to the block's end; empty: shares nothing with anybody."""

    at: float
    prompt_tokens: int
    output_tokens: int
    blocks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """Arrivals in order, from instant 0 on, and what their users call in time."""

    name: str
    arrivals: Sequence[Arrival]
    objective: Objective = INTERACTIVE


def normalised(name: str, arrivals: Sequence[Arrival]) -> Workload:
    """Bring the arrivals to mean gap 1 and the first to instant 0. ValueError for fewer than two, or all at once."""
    if len(arrivals) < 2 or arrivals[-1].at <= arrivals[0].at:
        raise ValueError(f"workload {name}: at least two requests at different instants are needed")
    start = arrivals[0].at
    gap = (arrivals[-1].at - start) / (len(arrivals) - 1)
    return Workload(
        name,
        [Arrival((row.at - start) / gap, row.prompt_tokens, row.output_tokens, row.blocks) for row in arrivals],
    )


def within_window(
    at: float, prompt_tokens: int, output_tokens: int, blocks: Sequence[int] = (), *, window: int = WINDOW_TOKENS
) -> Arrival:
    """An arrival whose sizes the model can take."""
    prompt = min(max(1, prompt_tokens), window)
    count = -(-prompt // BLOCK_TOKENS)
    return Arrival(at, prompt, min(max(1, output_tokens), MAX_OUTPUT_TOKENS), tuple(blocks[:count]))


def read_trace(path: Path, name: str, *, requests: int, skip: int = 0, window: int = WINDOW_TOKENS) -> Workload:
    """A recorded trace: CSV with ``t_ms,input_tokens,output_tokens``, or JSON lines with ``t, in, out, h``.

    h lists block ids and ranges of them ("0-13,2353"). Mooncake's own rows, ``timestamp, input_length, output_length,
    hash_ids``, will do as well.

    Raises ValueError naming the line that cannot be read.
    """
    read: Callable[[str, list[str], int], Arrival] = _json_row if path.suffix == ".jsonl" else _csv_row
    rows: list[Arrival] = []
    with path.open(encoding="utf-8") as lines:
        header = [] if path.suffix == ".jsonl" else next(csv.reader([next(lines)]))
        for number, line in enumerate(lines):
            if number < skip or not line.strip():
                continue
            if len(rows) == requests:
                break
            try:
                rows.append(read(line, header, window))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path}: row {number + 1} is not a request: {error!r}") from error
    return normalised(name, rows)


def _csv_row(line: str, header: list[str], window: int) -> Arrival:
    row = dict(zip(header, next(csv.reader([line])), strict=True))
    return within_window(float(row["t_ms"]), int(row["input_tokens"]), int(row["output_tokens"]), window=window)


def _json_row(line: str, header: list[str], window: int) -> Arrival:
    row = json.loads(line)
    if "hash_ids" in row:
        return within_window(
            row["timestamp"], row["input_length"], row["output_length"], row["hash_ids"], window=window
        )
    return within_window(row["t"], row["in"], row["out"], expanded(row["h"]), window=window)


def expanded(ranges: str) -> list[int]:
    """``"0-2,7"`` is 0, 1, 2, 7."""
    ids: list[int] = []
    for part in filter(None, ranges.split(",")):
        first, _, last = part.partition("-")
        ids.extend(range(int(first), int(last or first) + 1))
    return ids
