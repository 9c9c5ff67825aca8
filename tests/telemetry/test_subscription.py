from __future__ import annotations

import asyncio

from llmlb.telemetry.subscription import FeedEvent, FeedEventType, Subscription


def event(number: int, key: str = "") -> FeedEvent:
    return FeedEvent(number, FeedEventType.NODE, {"n": number}, key or str(number))


SNAPSHOT = FeedEvent(99, FeedEventType.SNAPSHOT, {}, "snapshot")


def subscription(*, limit: int = 10, missed: list[FeedEvent] | None = None) -> Subscription:
    return Subscription(limit=limit, missed=missed, snapshot=lambda: SNAPSHOT, forget=lambda _: None)


def read(reader: Subscription) -> list[FeedEvent]:
    return reader.take()


def test_a_new_reader_gets_a_snapshot_first() -> None:
    reader = subscription()
    reader.offer(event(1))
    assert read(reader) == [SNAPSHOT]
    reader.offer(event(100))
    assert read(reader) == [event(100)]


def test_a_returning_reader_gets_what_it_missed() -> None:
    reader = subscription(missed=[event(1), event(2)])
    assert read(reader) == [event(1), event(2)]


def test_a_returning_reader_that_missed_nothing_waits() -> None:
    assert read(subscription(missed=[])) == []


def test_figures_of_a_node_replace_older_ones_and_ids_stay_in_order() -> None:
    reader = subscription(missed=[])
    for offered in (event(1, "node a"), event(2, "node b"), event(3), event(4, "node a")):
        reader.offer(offered)
    assert [kept.id for kept in read(reader)] == [2, 3, 4]


def test_a_reader_too_slow_for_the_feed_gets_a_snapshot_and_no_gap() -> None:
    reader = subscription(limit=3, missed=[])
    for number in range(1, 9):
        reader.offer(event(number))
    assert read(reader) == [SNAPSHOT]
    reader.offer(event(100))
    assert read(reader) == [event(100)]


def test_a_waiting_reader_wakes_for_news() -> None:
    async def story() -> list[FeedEvent]:
        reader = subscription(missed=[])
        waiting = asyncio.create_task(reader.next_batch())
        await asyncio.sleep(0)
        reader.offer(event(1))
        return await waiting

    assert asyncio.run(story()) == [event(1)]


def test_a_reader_without_news_is_let_go_after_its_timeout() -> None:
    assert asyncio.run(subscription(missed=[]).next_batch(0.0)) == []


def test_closing_wakes_the_reader_and_ends_the_iteration() -> None:
    async def story() -> list[list[FeedEvent]]:
        reader = subscription(missed=[event(1)])
        batches: list[list[FeedEvent]] = []
        async for batch in reader:
            batches.append(batch)
            asyncio.get_running_loop().call_soon(reader.close)
        return batches

    assert asyncio.run(story()) == [[event(1)]]


def test_a_closed_reader_is_forgotten_once_and_takes_nothing_more() -> None:
    forgotten: list[Subscription] = []
    with Subscription(limit=3, missed=[], snapshot=lambda: SNAPSHOT, forget=forgotten.append) as reader:
        pass
    reader.close()
    reader.offer(event(1))
    assert forgotten == [reader]
    assert read(reader) == []
