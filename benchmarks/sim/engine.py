"""One simulated engine: continuous batching with chunked prefill, first come first served.

A step reads up to ``CHUNK_TOKENS`` of waiting prompts and writes one token for each running sequence:

    step_s = [t0 + t1 * sequences + t2 * context tokens, if any runs] + prompt tokens / prefill rate

A request is admitted when a sequence is free and its whole prompt and answer fit the memory, so nothing is ever
preempted. Steps that are alike are taken at once (a macro step): their time is a quadratic in their number, which is
also inverted when somebody arrives in the middle. O(log n) for each request, whatever the length of its answer.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush

from benchmarks.sim.prefix_cache import BLOCK_TOKENS, PrefixCache
from benchmarks.sim.workload import Arrival

CHUNK_TOKENS = 512
NEVER = math.inf


@dataclass(frozen=True, slots=True)
class NodeClass:
    """A kind of machine, serving one model. Rates in tokens/s, times in seconds, memory in tokens.

    step_s: t0.  sequence_s: t1.  context_s: t2.  sequences: how many are decoded together at most.
    """

    name: str
    prefill_rate: float
    step_s: float
    sequence_s: float
    context_s: float
    memory_tokens: int
    sequences: int


class Task:
    """One attempt at one request on one engine. Instants are simulated seconds, NaN until they come."""

    __slots__ = (
        "admitted_at_s",
        "arrival",
        "cached_tokens",
        "ended_at_s",
        "finish_step",
        "first_at_s",
        "left_tokens",
        "private",
    )

    def __init__(self, arrival: Arrival) -> None:
        self.arrival = arrival
        self.cached_tokens = 0
        self.admitted_at_s = math.nan
        self.first_at_s = math.nan
        self.ended_at_s = math.nan
        self.left_tokens = arrival.prompt_tokens
        self.private = arrival.output_tokens + max(0, arrival.prompt_tokens - BLOCK_TOKENS * len(arrival.blocks))
        self.finish_step = 0

    def __lt__(self, other: Task) -> bool:
        return self.finish_step < other.finish_step


class Engine:
    """Give it tasks with ``submit``; at ``next_at_s`` call ``advance``, which tells what happened."""

    __slots__ = (
        "_batch",
        "_began_at_s",
        "_cache",
        "_context",
        "_decoded",
        "_first_step_s",
        "_growth_s",
        "_kind",
        "_parts",
        "_reading",
        "_slowness",
        "_steps",
        "_waiting",
        "busy_until_s",
        "next_at_s",
    )

    def __init__(self, kind: NodeClass) -> None:
        self._kind = kind
        self._cache = PrefixCache(kind.memory_tokens)
        self._slowness = 1.0
        self._waiting: deque[Task] = deque()
        self._reading: deque[Task] = deque()
        self._batch: list[Task] = []
        self._parts: list[tuple[Task, int]] = []
        self._context = 0
        self._decoded = 0
        self._steps = 0
        self._began_at_s = 0.0
        self._first_step_s = 0.0
        self._growth_s = 0.0
        self.next_at_s = NEVER
        self.busy_until_s = -NEVER
        """When it last had something to do."""

    @property
    def kind(self) -> NodeClass:
        return self._kind

    @property
    def active(self) -> int:
        return len(self._waiting) + len(self._reading) + len(self._batch)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def memory_percent(self) -> float:
        return 100.0 * self._cache.used / self._kind.memory_tokens

    def submit(self, task: Task, now_s: float) -> None:
        """Raises ValueError for a request that this machine's memory can never hold."""
        needed = task.private + BLOCK_TOKENS * len(task.arrival.blocks)
        if needed > self._kind.memory_tokens:
            raise ValueError(f"a request of {needed} tokens does not fit {self._kind.name}")
        self._waiting.append(task)
        if self.next_at_s == NEVER:
            self._plan(now_s)
        elif not self._parts and len(self._waiting) == 1:
            self._cut(now_s)

    def advance(self) -> tuple[list[Task], list[Task]]:
        """Go to ``next_at_s``: tasks whose first token came, tasks that ended (one may be in both)."""
        now_s, steps = self.next_at_s, self._steps
        self._decoded += steps
        self._context += steps * len(self._batch)
        ended: list[Task] = []
        while self._batch and self._batch[0].finish_step <= self._decoded:
            task = heappop(self._batch)
            self._context -= task.arrival.prompt_tokens + task.arrival.output_tokens
            ended.append(task)
        first = self._read(steps)
        for task in first:
            task.first_at_s = now_s
            if task.arrival.output_tokens == 1:
                ended.append(task)
            else:
                task.finish_step = self._decoded + task.arrival.output_tokens - 1
                self._context += task.arrival.prompt_tokens + 1
                heappush(self._batch, task)
        for task in ended:
            task.ended_at_s = now_s
            self._cache.release(task.arrival.blocks, task.private)
        self._plan(now_s)
        return first, ended

    def slow_down(self, slowness: float, now_s: float) -> None:
        """From the next step on, steps take ``slowness`` times as long as the class says."""
        self._slowness = slowness
        if self.next_at_s != NEVER:
            self._cut(now_s)

    def die(self) -> list[Task]:
        """Lose everything; returns what it was working on."""
        lost = [*self._waiting, *self._reading, *self._batch]
        self._waiting.clear()
        self._reading.clear()
        self._batch.clear()
        self._parts = []
        self._context = 0
        self._cache.clear()
        self.next_at_s = NEVER
        return lost

    def _read(self, steps: int) -> list[Task]:
        """Book what the prompts' parts have got; returns those read to their end."""
        done: list[Task] = []
        for task, tokens in self._parts:
            task.left_tokens -= steps * tokens
            if task.left_tokens <= 0:
                self._reading.popleft()
                done.append(task)
        return done

    def _plan(self, now_s: float) -> None:
        """Compose the next macro step."""
        self._parts = self._compose(now_s)
        if not self._parts and not self._batch:
            self.next_at_s = NEVER
            self.busy_until_s = now_s
            return
        tokens = sum(part for _, part in self._parts)
        steps = self._batch[0].finish_step - self._decoded if self._batch else 1 << 40
        if self._parts:
            head_left = self._parts[0][0].left_tokens
            steps = min(steps, (head_left - 1) // CHUNK_TOKENS if head_left > CHUNK_TOKENS else 1)
        kind, running = self._kind, len(self._batch)
        step_s = tokens / kind.prefill_rate
        if running:
            step_s += kind.step_s + kind.sequence_s * running + kind.context_s * self._context
        self._first_step_s = step_s * self._slowness
        self._growth_s = kind.context_s * running * self._slowness
        self._began_at_s = now_s
        self._schedule(steps)

    def _compose(self, now_s: float) -> list[tuple[Task, int]]:
        """Prompts that share the next step, with the tokens of each; all but the last are read to their end."""
        parts: list[tuple[Task, int]] = []
        budget = CHUNK_TOKENS
        for task in self._reading:
            parts.append((task, min(budget, task.left_tokens)))
            budget -= parts[-1][1]
        while budget > 0 and self._waiting and self._admit(self._waiting[0]):
            task = self._waiting.popleft()
            task.admitted_at_s = now_s
            self._reading.append(task)
            parts.append((task, min(budget, task.left_tokens)))
            budget -= parts[-1][1]
        return parts

    def _admit(self, task: Task) -> bool:
        if len(self._reading) + len(self._batch) >= self._kind.sequences:
            return False
        arrival = task.arrival
        matched = self._cache.matched(arrival.blocks)
        if not self._cache.claim(arrival.blocks, task.private):
            return False
        # The last token is always read: its output is the first token of the answer.
        task.cached_tokens = min(matched * BLOCK_TOKENS, arrival.prompt_tokens - 1)
        task.left_tokens = arrival.prompt_tokens - task.cached_tokens
        return True

    def _schedule(self, steps: int) -> None:
        self._steps = steps
        self.next_at_s = self._began_at_s + steps * self._first_step_s + self._growth_s * steps * (steps - 1) / 2

    def _cut(self, now_s: float) -> None:
        """End the macro step with the step that is running now."""
        elapsed_s = now_s - self._began_at_s
        growth_s = self._growth_s
        linear_s = self._first_step_s - growth_s / 2
        if growth_s > 0:
            steps = (math.sqrt(linear_s**2 + 2 * growth_s * elapsed_s) - linear_s) / growth_s
        else:
            steps = elapsed_s / self._first_step_s
        whole = max(1, math.ceil(steps - 1e-9))
        if whole < self._steps:
            self._schedule(whole)
