"""Request records and events."""

from __future__ import annotations

import asyncio

import pytest
from store.sample import FULL, told

from llmlb.core.record import ExchangeRecord, RecordFilter
from llmlb.store import Store
from llmlb.store.rows import BodyRow, EventRow


def test_a_record_comes_back_whole(store: Store) -> None:
    async def scenario() -> None:
        store.enqueue_requests([FULL])
        await store.flush()
        found = await store.get_request("r-full")
        assert found is not None
        assert told(found) == told(FULL)
        assert [told(record) for record in await store.list_requests()] == [told(FULL)]
        assert await store.get_request("absent") is None

    asyncio.run(scenario())


def test_what_was_said_comes_back_byte_for_byte(store: Store) -> None:
    body = BodyRow(request_id="r-full", at=1.7e9, prompt=bytes(range(256)), answer=None, prompt_cut=True)

    async def scenario() -> None:
        store.enqueue_bodies([body])
        await store.flush()
        assert await store.get_body("r-full") == body
        assert await store.get_body("absent") is None

    asyncio.run(scenario())
    assert "\\x" not in repr(body)


def test_a_record_written_twice_is_there_once(store: Store) -> None:
    async def scenario() -> int:
        store.enqueue_requests([FULL, FULL])
        await store.flush()
        store.enqueue_requests([FULL])
        await store.flush()
        return len(await store.list_requests())

    assert asyncio.run(scenario()) == 1


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (RecordFilter(), ["4", "3", "2", "1", "0"]),
        (RecordFilter(model="odd"), ["3", "1"]),
        (RecordFilter(before_unix_s=2.0), ["1", "0"]),
        (RecordFilter(since_unix_s=3.0), ["4", "3"]),
        (RecordFilter(status=404), ["4"]),
        (RecordFilter(model="even", node_id="node-1", before_unix_s=3.0), ["2", "0"]),
        (RecordFilter(key_id="nobody"), []),
        (RecordFilter(outcome="answered"), []),
    ],
)
def test_records_are_filtered_and_the_newest_come_first(
    store: Store, filters: RecordFilter, expected: list[str]
) -> None:
    async def scenario() -> list[str]:
        store.enqueue_requests(
            ExchangeRecord(
                id=str(number),
                at_unix_s=float(number),
                model="odd" if number % 2 else "even",
                node_id="node-1",
                status=404 if number == 4 else 200,
            )
            for number in range(5)
        )
        await store.flush()
        return [record.id for record in await store.list_requests(10, filters)]

    assert asyncio.run(scenario()) == expected


def test_events_get_growing_ids_and_are_read_page_by_page(store: Store) -> None:
    async def scenario() -> None:
        store.enqueue_events(
            EventRow(at=float(number), kind="node", node_id=f"node-{number % 2}", cause="timeout")
            for number in range(4)
        )
        await store.flush()
        first = await store.list_events(limit=3)
        assert [row.at for row in first] == [3.0, 2.0, 1.0]
        assert [row.id for row in first] == sorted((row.id for row in first), reverse=True)
        assert [row.at for row in await store.list_events(before=first[-1].id)] == [0.0]
        assert [row.at for row in await store.list_events(node_id="node-0")] == [2.0, 0.0]

    asyncio.run(scenario())
