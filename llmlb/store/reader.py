"""Finds request records in their packs. SQLite narrows the packs down, without holding the interpreter."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from contextlib import closing
from heapq import heappush, heapreplace

from sqlalchemy import ColumnElement, Connection, func, select

from llmlb.core.record import ExchangeOutcome, ExchangeRecord, RecordFilter
from llmlb.store import tables
from llmlb.store.packs import UNREADABLE, trace_of, traces_of, unpack, unpack_readable

LONGEST_ID = 256

_PACKS = tables.request_packs.c
_log = logging.getLogger(__name__)


class PackReader:
    """Reads the packs of one file, one at a time. What cannot be read of a pack is left out, and logged once."""

    def __init__(self) -> None:
        self._unreadable: set[int] = set()

    def newest(self, connection: Connection, most: int, filters: RecordFilter) -> tuple[ExchangeRecord, ...]:
        """The last ``most`` to arrive of those that pass, newest first; of two at one instant the later written.

        A record that was written twice is there once.
        """
        best: list[tuple[float, int, int, ExchangeRecord]] = []
        ids: set[str] = set()
        with closing(_packs(connection, *_conditions(filters))) as packs:
            for number, at, blob in packs if most else ():
                if len(best) == most and best[0][:2] > (at, number):
                    break
                for position, record in enumerate(self._records_in(number, blob)):
                    place = (record.at_unix_s, number, position, record)
                    is_full = len(best) == most
                    if (is_full and place < best[0]) or not filters.admits(record) or record.id in ids:
                        continue
                    ids.add(record.id)
                    if is_full:
                        ids.remove(heapreplace(best, place)[3].id)
                    else:
                        heappush(best, place)
        return tuple(place[3] for place in sorted(best, reverse=True))

    def find(self, connection: Connection, record_id: str) -> ExchangeRecord | None:
        """The record with this id, which may be any text that a client thought of."""
        if not 0 < len(record_id) <= LONGEST_ID:
            return None
        with closing(_packs(connection, _holds(trace_of("id", record_id)))) as packs:
            records = (record for number, _, blob in packs for record in self._records_in(number, blob))
            return next((record for record in records if record.id == record_id), None)

    def _records_in(self, number: int, blob: bytes) -> list[ExchangeRecord]:
        try:
            return unpack(blob)
        except UNREADABLE as error:
            if number not in self._unreadable:
                self._unreadable.add(number)
                _log.warning("request records cannot be read", extra={"pack": number, "error": str(error)})
            return unpack_readable(blob)


def _packs(connection: Connection, *where: ColumnElement[bool]) -> Generator[tuple[int, float, bytes]]:
    """Number, latest arrival and content of each pack, in descending order of the arrivals. One is in memory."""
    query = select(_PACKS.number, _PACKS.at, _PACKS.records).where(*where)
    with connection.execute(query.order_by(_PACKS.at.desc(), _PACKS.number.desc())) as rows:
        for row in rows:
            yield row.number, row.at, row.records


def _conditions(filters: RecordFilter) -> Iterator[ColumnElement[bool]]:
    """What holds for every pack with a match."""
    if filters.since_unix_s is not None:
        yield _PACKS.at >= filters.since_unix_s
    if filters.before_unix_s is not None:
        yield _PACKS.from_at < filters.before_unix_s
    if filters.outcome == ExchangeOutcome.FAILED:
        yield _PACKS.failed > 0
    yield from map(_holds, traces_of(filters))


def _holds(trace: bytes) -> ColumnElement[bool]:
    return func.instr(_PACKS.records, trace) > 0
