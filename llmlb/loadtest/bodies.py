"""Request bodies, made ahead of time: building a long prompt must not delay the schedule."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from llmlb.loadtest.plan import Endpoint, Plan
from llmlb.loadtest.prompts import Prompt

AHEAD = 256
AHEAD_BYTES = 64 << 20
_BATCH = 16


def max_tokens_of(plan: Plan, prompt: Prompt) -> int:
    """The limit sent with a prompt: its own, else the plan's."""
    return prompt.max_tokens or plan.max_tokens


def request_body(plan: Plan, prompt: Prompt, *, model: str) -> bytes:
    """The JSON body of one request."""
    body: dict[str, object] = {"model": model}
    if plan.endpoint is Endpoint.CHAT:
        body["messages"] = [{"role": m.role, "content": m.content} for m in prompt.messages]
    else:
        body["prompt"] = "\n\n".join(message.content for message in prompt.messages)
    body["max_tokens"] = max_tokens_of(plan, prompt)
    body["stream"] = plan.streamed
    if plan.streamed:
        body["stream_options"] = {"include_usage": True}
    if plan.ignore_eos:
        body["ignore_eos"] = True
    return msgspec.json.encode(body)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A prompt and its body."""

    prompt: Prompt
    body: bytes


class PromptStock:
    """Parcels by index, made ahead in a thread while the loop waits for answers.

    make: builds one parcel, free of side effects.  count: how many there will be, None for no end.
    """

    def __init__(self, make: Callable[[int], Parcel], *, count: int | None) -> None:
        self._make = make
        self._count = count
        self._ready: dict[int, Parcel] = {}
        self._ready_bytes = 0
        self._next = 0
        self._wanted = asyncio.Event()

    async def fill(self) -> None:
        """Makes the first parcels before the clock starts."""
        while batch := self._batch():
            made = await asyncio.to_thread(lambda indices: [(i, self._make(i)) for i in indices], batch)
            for index, parcel in made:
                self._ready[index] = parcel
                self._ready_bytes += len(parcel.body)

    async def refill(self) -> None:
        """Keeps the stock filled; run beside the load until it is cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self.fill()

    def take(self, index: int) -> Parcel:
        """One parcel, made on the spot when the thread is behind."""
        if len(self._ready) < AHEAD // 2:
            self._wanted.set()
        parcel = self._ready.pop(index, None)
        if parcel is None:
            self._next = max(self._next, index + 1)
            return self._make(index)
        self._ready_bytes -= len(parcel.body)
        return parcel

    def _batch(self) -> range:
        """The next indices to make; empty when there are none or the stock is full."""
        if len(self._ready) >= AHEAD or self._ready_bytes >= AHEAD_BYTES:
            return range(0)
        end = self._next + _BATCH if self._count is None else min(self._count, self._next + _BATCH)
        batch = range(self._next, end)
        self._next = max(self._next, end)
        return batch
