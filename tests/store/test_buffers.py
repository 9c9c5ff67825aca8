"""What waits to be written behind."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmlb.core.record import ExchangeRecord
from llmlb.store.buffers import Buffers
from llmlb.store.rows import BodyRow, EventRow, NodeCounters


def _requests(count: int, start: int = 0) -> list[ExchangeRecord]:
    return [ExchangeRecord(id=str(number), at_unix_s=0.0) for number in range(start, start + count)]


def test_the_oldest_records_go_when_there_is_no_room_and_are_counted() -> None:
    buffers = Buffers(limit=3)
    buffers.add_requests(_requests(5))
    buffers.add_events(EventRow(at=float(number), kind="node") for number in range(4))
    batch = buffers.take()
    assert [row.id for row in batch.requests] == ["2", "3", "4"]
    assert [row.at for row in batch.events] == [1.0, 2.0, 3.0]
    assert (buffers.dropped_requests, buffers.dropped_events) == (2, 1)
    assert not buffers.take()


def test_the_oldest_bodies_go_when_they_take_too_much_and_their_records_stay() -> None:
    buffers = Buffers(body_limit_bytes=25)
    rows = [BodyRow(request_id=str(number), at=0.0, prompt=b"12345", answer=b"12345") for number in range(3)]
    buffers.add_requests(_requests(3))
    buffers.add_bodies(rows)
    batch = buffers.take()
    assert (batch.bodies, len(batch.requests)) == (tuple(rows[1:]), 3)
    buffers.add_bodies(rows[:1])
    buffers.put_back(batch)
    assert buffers.take().bodies == (rows[2], rows[0])
    buffers.give_up(batch)
    assert buffers.dropped_bodies == 4


def test_only_the_latest_totals_of_a_node_are_written() -> None:
    buffers = Buffers()
    buffers.add_counters([NodeCounters(id="a", heartbeats=1), NodeCounters(id="a", heartbeats=2)])
    assert buffers.take().counters == (NodeCounters(id="a", heartbeats=2),)


def test_a_batch_that_comes_back_does_not_hide_newer_totals() -> None:
    buffers = Buffers()
    buffers.add_counters([NodeCounters(id="a", heartbeats=1)])
    old = buffers.take()
    buffers.add_counters([NodeCounters(id="a", heartbeats=2)])
    buffers.put_back(old)
    assert buffers.take().counters == (NodeCounters(id="a", heartbeats=2),)


def test_a_batch_that_comes_back_keeps_the_order() -> None:
    buffers = Buffers(limit=4)
    buffers.add_requests(_requests(3))
    old = buffers.take()
    buffers.add_requests(_requests(2, start=3))
    buffers.put_back(old)
    assert [row.id for row in buffers.take().requests] == ["1", "2", "3", "4"]
    assert buffers.dropped_requests == 1


def test_records_that_are_given_up_are_counted_and_totals_stay() -> None:
    buffers = Buffers()
    buffers.add_requests(_requests(3))
    buffers.add_counters([NodeCounters(id="a")])
    buffers.give_up(buffers.take())
    assert buffers.dropped_requests == 3
    assert buffers.take().counters == (NodeCounters(id="a"),)


def test_totals_of_a_deleted_node_are_not_written() -> None:
    buffers = Buffers()
    buffers.add_counters([NodeCounters(id="a"), NodeCounters(id="b")])
    buffers.forget_counters("a")
    assert [row.id for row in buffers.take().counters] == ["b"]


def test_an_endless_list_of_node_ids_is_bounded() -> None:
    buffers = Buffers(limit=2)
    buffers.add_counters(NodeCounters(id=str(number)) for number in range(5))
    assert len(buffers) == 2
    assert buffers.dropped_counters == 3


@given(st.lists(st.one_of(st.integers(0, 9), st.sampled_from(["take", "put_back", "give_up"])), max_size=40))
def test_every_record_is_written_waiting_or_counted_as_dropped(steps: list[int | str]) -> None:
    buffers = Buffers(limit=7)
    added = written = 0
    for step in steps:
        if isinstance(step, int):
            buffers.add_requests(_requests(step, start=added))
            added += step
            continue
        batch = buffers.take()
        if step == "take":
            written += len(batch.requests)
        elif step == "put_back":
            buffers.put_back(batch)
        else:
            buffers.give_up(batch)
        assert len(buffers) <= 7
    assert added == written + len(buffers) + buffers.dropped_requests
