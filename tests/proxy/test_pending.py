"""Writes that wait for the end of a turn: none is lost, none overtakes another, and large ones do not wait."""

from __future__ import annotations

import asyncio

import pytest
from fakes.plane import chat_body, request
from fakes.wire import ANSWER, FakeTransport, Wires
from hypothesis import given
from hypothesis import strategies as st

from llmlb.proxy import pending
from llmlb.proxy.pending import FEW_EXCHANGES, LARGE_BYTES, MOST_WRITES, PendingWrites

FEW, MANY = range(FEW_EXCHANGES - 1), range(FEW_EXCHANGES)


def test_with_few_exchanges_nothing_waits() -> None:
    async def scenario() -> None:
        transport = FakeTransport()
        PendingWrites(FEW).write(transport, b"a")
        assert transport.written == [b"a"]

    asyncio.run(scenario())


def test_with_many_a_write_waits_for_the_end_of_the_turn() -> None:
    async def scenario() -> None:
        writes, transport = PendingWrites(MANY), FakeTransport()
        for _ in range(2):  # in every turn anew
            writes.write(transport, b"a")
            writes.write(transport, b"b")
            assert transport.written == []
            await asyncio.sleep(0)
            assert transport.written == [b"a", b"b"]
            transport.written.clear()

    asyncio.run(scenario())


def test_a_batch_has_an_end() -> None:
    async def scenario() -> None:
        writes, transport = PendingWrites(MANY), FakeTransport()
        for _ in range(MOST_WRITES):
            writes.write(transport, b"a")
        assert len(transport.written) == MOST_WRITES

    asyncio.run(scenario())


def test_a_large_write_does_not_wait_and_overtakes_nothing() -> None:
    async def scenario() -> None:
        writes, transport = PendingWrites(MANY), FakeTransport()
        large = b"x" * (LARGE_BYTES + 1)
        writes.write(transport, b"a")
        writes.write(transport, large)
        assert transport.written == [b"a", large]

    asyncio.run(scenario())


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 2 * LARGE_BYTES), st.booleans()), max_size=80))
def test_every_transport_gets_its_bytes_in_order_however_many_exchanges_there_are(
    writes: list[tuple[int, int, bool]],
) -> None:
    async def scenario() -> None:
        exchanges: set[int] = set()
        batch, transports = PendingWrites(exchanges), [FakeTransport() for _ in range(3)]
        expected: list[list[bytes]] = [[], [], []]
        for number, (which, length, many) in enumerate(writes):
            exchanges.clear()
            exchanges.update(MANY if many else ())
            data = b"%d " % number + b"x" * length
            batch.write(transports[which], data)
            expected[which].append(data)
        await asyncio.sleep(0)
        assert [transport.written for transport in transports] == expected

    asyncio.run(scenario())


def test_who_has_gone_gets_nothing_and_one_that_fails_takes_nobody_along(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeTransport):
        def write(self, data: object) -> None:
            raise RuntimeError("unable to write")

    async def scenario() -> None:
        writes = PendingWrites(MANY)
        gone, broken, sound = Broken(), Broken(), FakeTransport()
        for transport in (gone, broken, sound):
            writes.write(transport, b"a")
        gone.close()
        writes.flush()
        assert broken.is_closing()
        assert sound.written == [b"a"]

    asyncio.run(scenario())
    assert caplog.text.count("a write failed") == 1


OLD = request(chat_body()).replace(b"HTTP/1.1", b"HTTP/1.0")
NEXT = {
    "a stop of the server": lambda wires: wires.client.shutdown(),
    "a head that cannot be read": lambda wires: wires.client.data_received(b"nonsense\r\n\r\n"),
    "a request of HTTP/1.0": lambda wires: wires.client.data_received(OLD),
    "a request of the control plane": lambda wires: wires.client.data_received(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
}


@pytest.mark.parametrize("event", NEXT)
def test_nothing_gets_ahead_of_an_answer_that_waits(event: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "FEW_EXCHANGES", 0)

    async def scenario() -> None:
        wires = Wires()
        wires.answer()
        assert wires.answers.written == []
        NEXT[event](wires)
        assert wires.answers.written[0].endswith(ANSWER)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run(scenario())
