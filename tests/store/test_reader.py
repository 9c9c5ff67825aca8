"""Finding records again, whatever packs they came to lie in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store.sample import told

from llmlb.core.record import EVERY_RECORD, ExchangeOutcome, ExchangeRecord, RecordFilter
from llmlb.errors import StoreBusy
from llmlb.store import Store, database, flush, reader, tables
from llmlb.store.buffers import Buffers
from llmlb.store.calls import Call
from llmlb.store.database import Database
from llmlb.store.flush import Flusher
from llmlb.store.migration import RUNTIME_SCHEMA, create
from llmlb.store.packs import unpack
from llmlb.store.reader import LONGEST_ID, PackReader

INSTANTS = st.integers(0, 6).map(float)
"""Few: many records arrive at the same one."""
NAMES = st.sampled_from(["", "a", "b", "ab"])
OUTCOMES = st.sampled_from(ExchangeOutcome)
STATUSES = st.sampled_from([0, 200, 503])
RECORDS = st.builds(
    ExchangeRecord,
    id=st.integers(0, 10**9).map(str),
    at_unix_s=INSTANTS,
    model=NAMES,
    key_id=NAMES,
    node_id=NAMES,
    status=STATUSES,
    outcome=OUTCOMES,
)
BATCHES = st.lists(st.lists(RECORDS, max_size=8), max_size=6)
WANTED: dict[str, st.SearchStrategy[Any]] = {
    "model": NAMES,
    "node_id": NAMES,
    "key_id": NAMES,
    "outcome": OUTCOMES.map(str),
    "status": STATUSES,
    "before_unix_s": INSTANTS,
    "since_unix_s": INSTANTS,
}
ONE_FIELD = st.sampled_from(sorted(WANTED)).flatmap(lambda name: st.builds(RecordFilter, **{name: WANTED[name]}))
"""More than one field at a time seldom finds anything in so few records."""
SOME_FIELDS = st.fixed_dictionaries({}, optional=WANTED).map(lambda fields: RecordFilter(**fields))
FILTERS = ONE_FIELD | SOME_FIELDS


@pytest.fixture(scope="module")
def runtime() -> Iterator[Database]:
    with closing(Database(Path(":memory:"), synchronous="NORMAL")) as opened:
        create(opened, RUNTIME_SCHEMA)
        yield opened


def rewrite(runtime: Database, batches: Sequence[Sequence[ExchangeRecord]]) -> None:
    """Leaves these records in the file and no others."""
    with runtime.writing() as connection:
        connection.execute(tables.request_packs.delete())
    buffers = Buffers()
    flusher = Flusher(buffers, request_rows=10_000)
    for batch in batches:
        buffers.add_requests(batch)
        flusher.flush(runtime)


def newest(runtime: Database, most: int, filters: RecordFilter = EVERY_RECORD) -> list[str]:
    with runtime.reading() as connection:
        return [record.id for record in PackReader().newest(connection, most, filters)]


@given(BATCHES, FILTERS, st.integers(0, 12), st.integers(1, 4))
@settings(max_examples=200, deadline=None)
def test_any_records_are_listed_as_from_a_plain_list(
    runtime: Database, batches: list[list[ExchangeRecord]], filters: RecordFilter, most: int, records_per_pack: int
) -> None:
    written = list({record.id: record for batch in batches for record in batch}.values())
    kept = {id(record) for record in written}
    batches = [[record for record in batch if id(record) in kept] for batch in batches]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "RECORDS_PER_PACK", records_per_pack)
        rewrite(runtime, batches)
    in_order = [record for batch in batches for record in batch]
    passing = [(record.at_unix_s, place, record.id) for place, record in enumerate(in_order) if filters.admits(record)]
    assert newest(runtime, most, filters) == [name for *_, name in sorted(passing, reverse=True)][:most]
    with runtime.reading() as connection:
        for record in in_order[:1] + in_order[-1:]:
            found = PackReader().find(connection, record.id)
            assert found is not None
            assert told(found) == told(record)


def records(numbers: Sequence[int]) -> list[ExchangeRecord]:
    outcome = ExchangeOutcome.REFUSED
    return [ExchangeRecord(id=f"r{number}", at_unix_s=float(number), outcome=outcome) for number in numbers]


def test_only_the_packs_that_may_hold_one_of_the_newest_are_decoded(
    runtime: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[bytes] = []

    def noted(blob: bytes) -> list[ExchangeRecord]:
        decoded.append(blob)
        return unpack(blob)

    def decoded_for(expected: list[str], most: int, filters: RecordFilter = EVERY_RECORD) -> int:
        decoded.clear()
        assert newest(runtime, most, filters) == expected
        return len(decoded)

    monkeypatch.setattr(reader, "unpack", noted)
    rewrite(runtime, [records(range(start, start + 10)) for start in range(0, 100, 10)])
    assert decoded_for([f"r{number}" for number in range(99, 84, -1)], 15) == 2
    assert decoded_for(["r41"], 3, RecordFilter(before_unix_s=42.0, since_unix_s=41.0)) == 1
    assert decoded_for([], 15, RecordFilter(model="absent")) == 0
    assert decoded_for([], 15, RecordFilter(status=503)) == 0
    assert decoded_for([], 15, RecordFilter(outcome="answered")) == 0
    assert decoded_for([], 15, RecordFilter(outcome="failed")) == 0


def test_of_two_packs_at_one_instant_the_later_is_not_missed(runtime: Database) -> None:
    first, second = [ExchangeRecord(id=name, at_unix_s=5.0) for name in ("first", "second")]
    rewrite(runtime, [[first, ExchangeRecord(id="newest", at_unix_s=9.0)], [second]])
    assert newest(runtime, 2) == ["newest", "second"]


MADE_UP = {
    "empty": "",
    "a part": "r",
    "nul": "r1\0",
    "pattern": "%",
    "unicode": "\N{SNOWMAN}",
    "long": "x" * LONGEST_ID,
    "endless": "x" * 10**6,
    "elsewhere": "model",
}


@pytest.mark.parametrize("request_id", MADE_UP.values(), ids=MADE_UP.keys())
def test_an_id_that_somebody_made_up_finds_nothing(store: Store, request_id: str) -> None:
    async def scenario() -> None:
        store.enqueue_requests([ExchangeRecord(id="r1", at_unix_s=1.0, model="model", error="id \xa2id%")])
        await store.flush()
        assert await store.get_request(request_id) is None

    asyncio.run(scenario())


def test_what_cannot_be_read_is_left_out_and_told_once(runtime: Database, caplog: pytest.LogCaptureFixture) -> None:
    damaged = [{"id": "good", "at_unix_s": 1.5}, {"id": "bad", "at_unix_s": 1.0, "outcome": "postponed"}]
    blobs = [(10, msgspec.msgpack.encode(damaged)), (20, b"\xc1 no pack at all")]
    rewrite(runtime, [records(range(3))])
    with runtime.writing() as connection:
        rows = [{"number": number, "at": 1.5, "from_at": 1.0, "failed": 0, "records": blob} for number, blob in blobs]
        connection.execute(tables.request_packs.insert(), rows)
    pack_reader = PackReader()
    for _ in range(3):
        with runtime.reading() as connection:
            found = pack_reader.newest(connection, 10, EVERY_RECORD)
            assert pack_reader.find(connection, "bad") is None
        assert [record.id for record in found] == ["r2", "good", "r1", "r0"]
    logged = [(each.message, getattr(each, "pack", None)) for each in caplog.records]
    assert sorted(logged) == [("request records cannot be read", 10), ("request records cannot be read", 20)]


def test_the_index_gives_the_order(runtime: Database) -> None:
    """Sorting would read every pack before the first is looked at."""
    query = "EXPLAIN QUERY PLAN SELECT number, at, records FROM request_packs ORDER BY at DESC, number DESC"
    assert "TEMP B-TREE" not in str(runtime.outside_transaction(query))


def test_a_search_whose_caller_gave_up_lets_go_of_the_thread(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "STEPS_BETWEEN_LOOKS", 1)

    async def scenario() -> None:
        store.enqueue_requests(records(range(3)))
        await store.flush()
        with monkeypatch.context() as patch:
            patch.setattr(Call, "_is_wanted", lambda call: False)
            with pytest.raises(StoreBusy):
                await store.list_requests(1, RecordFilter(status=503))
            with pytest.raises(StoreBusy):
                await store.get_request("absent")
        assert len(await store.list_requests()) == 3

    asyncio.run(scenario())
