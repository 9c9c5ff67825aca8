from __future__ import annotations

import asyncio

from llmlb.loadtest.drivers import Slots


def test_slots_go_to_those_who_waited_longest_with_the_instant_they_became_free() -> None:
    async def main() -> list[tuple[str, int]]:
        slots = Slots(2)
        got: list[tuple[str, int]] = []

        async def wait(name: str) -> None:
            got.append((name, await slots.take()))

        tasks = [asyncio.create_task(wait(name)) for name in "abcd"]
        await asyncio.sleep(0)
        assert got == [("a", 0), ("b", 0)]
        slots.give(7)
        slots.give(9)
        await asyncio.gather(*tasks)
        return got

    assert asyncio.run(main())[2:] == [("c", 7), ("d", 9)]


def test_a_waiter_that_was_cancelled_does_not_swallow_a_slot() -> None:
    async def main() -> int:
        slots = Slots(1)
        await slots.take()
        gone = asyncio.create_task(slots.take())
        waiting = asyncio.create_task(slots.take())
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        slots.give(5)
        return await waiting

    assert asyncio.run(main()) == 5


def test_without_a_limit_nobody_waits() -> None:
    async def main() -> None:
        slots = Slots(None)
        for _ in range(1000):
            assert await slots.take() == 0

    asyncio.run(main())
