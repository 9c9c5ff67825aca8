from __future__ import annotations

import asyncio

import pytest

from llmlb.api.locks import Locks


def test_two_changes_of_one_thing_come_one_after_the_other() -> None:
    async def scenario() -> list[str]:
        locks, said = Locks(), list[str]()
        go_on = asyncio.Event()

        async def first() -> None:
            async with locks.hold("node:a"):
                said.append("first in")
                await go_on.wait()
                said.append("first out")

        async def second() -> None:
            async with locks.hold("node:a"):
                said.append("second")

        tasks = [asyncio.ensure_future(first()), asyncio.ensure_future(second())]
        await asyncio.sleep(0)
        async with locks.hold("node:b"):
            said.append("another thing")
        go_on.set()
        await asyncio.gather(*tasks)
        assert len(locks) == 0
        return said

    assert asyncio.run(scenario()) == ["first in", "another thing", "first out", "second"]


def test_a_lock_is_forgotten_also_after_an_error_and_a_cancelled_wait() -> None:
    async def scenario() -> None:
        locks = Locks()

        async def wait() -> None:
            async with locks.hold("x"):
                raise AssertionError("it was not to get in")

        async def fail() -> None:
            async with locks.hold("x"):
                waiting = asyncio.ensure_future(wait())
                await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.sleep(0)
                assert waiting.cancelled()
                raise KeyError

        with pytest.raises(KeyError):
            await fail()
        assert len(locks) == 0

    asyncio.run(scenario())
