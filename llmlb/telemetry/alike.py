"""Records in groups, so that what they have in common is looked at once, and the rest by functions in C."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from llmlb.core.record import ExchangeRecord

total_s_of: Callable[[ExchangeRecord], float] = attrgetter("total_s")
queue_s_of: Callable[[ExchangeRecord], float] = attrgetter("queue_s")
ttft_s_of: Callable[[ExchangeRecord], float | None] = attrgetter("ttft_s")
node_id_of: Callable[[ExchangeRecord], str] = attrgetter("node_id")
prompt_tokens_of: Callable[[ExchangeRecord], int | None] = attrgetter("prompt_tokens")
completion_tokens_of: Callable[[ExchangeRecord], int | None] = attrgetter("completion_tokens")
attempts_of: Callable[[ExchangeRecord], object] = attrgetter("attempts")


def alike(
    records: Sequence[ExchangeRecord], key: Callable[[ExchangeRecord], Any]
) -> dict[Any, list[ExchangeRecord]]:  # a key is whatever attrgetter makes of its fields
    """The records by a key, those of each in order."""
    groups: defaultdict[Any, list[ExchangeRecord]] = defaultdict(list)
    for value, record in zip(map(key, records), records, strict=True):
        groups[value].append(record)
    return groups


def by_second(records: Sequence[ExchangeRecord]) -> Iterable[tuple[int, Sequence[ExchangeRecord]]]:
    """The records, at least one, by the second in which they ended. They are in order of that, as they come."""
    first, last = int(records[0].ended_at_s), int(records[-1].ended_at_s)
    if first == last:
        return ((first, records),)
    return [(second, list(part)) for second, part in groupby(records, lambda record: int(record.ended_at_s))]


def summed(values: Iterable[int | None]) -> int:
    """The sum of what is known."""
    return sum(filter(None, values))
