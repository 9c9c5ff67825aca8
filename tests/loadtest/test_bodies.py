from __future__ import annotations

import asyncio
import json

from llmlb.loadtest.bodies import AHEAD, Parcel, PromptStock, request_body
from llmlb.loadtest.plan import Endpoint, Plan
from llmlb.loadtest.prompts import Message, Prompt

PROMPT = Prompt((Message("user", "hi"),))


def test_a_chat_asks_for_a_stream_with_usage() -> None:
    assert json.loads(request_body(Plan(), PROMPT, model="m")) == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 64,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_prompt_may_set_its_own_limit_and_full_length_is_asked_for_only_on_demand() -> None:
    plan = Plan(streamed=False, ignore_eos=True, endpoint=Endpoint.COMPLETIONS)
    body = json.loads(request_body(plan, Prompt(PROMPT.messages, max_tokens=7), model="m"))
    assert body == {"model": "m", "prompt": "hi", "max_tokens": 7, "stream": False, "ignore_eos": True}


def test_every_index_gets_its_own_parcel_in_any_order_and_at_any_speed() -> None:
    async def main() -> None:
        stock = PromptStock(lambda index: Parcel(PROMPT, b"%d" % index), count=1000)
        await stock.fill()
        refill = asyncio.create_task(stock.refill())
        for index in [3, 0, *range(1, 3), *range(4, 1000)]:
            assert stock.take(index).body == b"%d" % index
            if index % 50 == 0:
                await asyncio.sleep(0)
        refill.cancel()
        await asyncio.gather(refill, return_exceptions=True)

    asyncio.run(main())


def test_the_stock_never_holds_more_than_its_room_nor_makes_what_nobody_wants() -> None:
    made: list[int] = []

    def make(index: int) -> Parcel:
        made.append(index)
        return Parcel(PROMPT, b"x" * (16 << 20))

    async def fill(count: int | None) -> None:
        made.clear()
        await PromptStock(make, count=count).fill()

    asyncio.run(fill(None))
    assert len(made) <= AHEAD // 8
    asyncio.run(fill(2))
    assert made == [0, 1]
