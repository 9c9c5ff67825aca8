"""The engine itself: slots, a queue, prompts read one after another, and all streams decoded as one batch.

Time is simulated with the event loop's timers: reading a prompt costs its uncached tokens, a decoding step gives
every running stream one token and gets longer with the number of streams, as on a GPU.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from llmlb.sim.answers import Answer, AnswerBook, Finish
from llmlb.sim.prefix_cache import PrefixCache, block_chain, count_tokens
from llmlb.sim.settings import BLOCK_TOKENS, SimSettings
from llmlb.sim.shelf import ModelShelf

_MOST_STEPS_AT_ONCE = 64
"""Steps that a late timer makes up for; after a longer pause (a stopped process) the time is simply lost."""


class JobListener(Protocol):
    """Who hears a job's tokens. No call comes after on_end or after ``Engine.cancel``."""

    @property
    def is_writable(self) -> bool:
        """False while the reader is too slow: the job pauses until ``Engine.resume``."""

    def on_tokens(self, tokens: Sequence[str]) -> None: ...

    def on_end(self, finish: Finish) -> None: ...


@dataclass(eq=False, slots=True)
class Job:
    """One request inside the engine. Instants are of the event loop's clock; 0 until they happened."""

    model: str
    answer: Answer
    listener: JobListener
    prompt_tokens: int
    chain: Sequence[bytes]
    submitted_at_s: float
    cached_tokens: int = 0
    produced: int = 0
    started_at_s: float = 0.0
    first_token_at_s: float = 0.0
    ended_at_s: float = 0.0
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class EngineCounters:
    """What the engine has done since it started. Seconds: summed over the requests, without their waiting."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    aborted: int = 0
    stopped: int = 0
    cut_short: int = 0
    prefill_s: float = 0.0
    decode_s: float = 0.0


class Engine:
    """Runs jobs on the running event loop. Not for more than one loop or thread."""

    def __init__(self, settings: SimSettings) -> None:
        self.settings = settings
        self.counters = EngineCounters()
        self.book = AnswerBook(seed=settings.seed, answer_tokens=settings.answer_tokens)
        self.shelf = ModelShelf(load_s=settings.load_s, capacity=settings.max_loaded_models)
        self._cache = PrefixCache(settings.cache_blocks)
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Job] = deque()
        self._running: dict[Job, None] = {}
        self._decoding: dict[Job, None] = {}
        self._prefilling: deque[Job] = deque()
        self._prefill_free_at_s = 0.0
        self._next_step_at_s = 0.0
        self._step_timer: asyncio.Handle | None = None

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def kv_cache_usage(self) -> float:
        """Share of the KV cache that running requests fill, 0..1."""
        used = sum(job.prompt_tokens + job.produced for job in self._running)
        return min(1.0, used / max(1, self.settings.cache_blocks * BLOCK_TOKENS))

    def submit(self, listener: JobListener, *, model: str, prompt: bytes, answer: Answer) -> Job:
        """Starts a job, or lets it wait for a slot. The listener is never called before this returns."""
        job = Job(
            model=model,
            answer=answer,
            listener=listener,
            prompt_tokens=count_tokens(prompt),
            chain=block_chain(model.encode() + b"\n" + prompt, BLOCK_TOKENS),
            submitted_at_s=self._loop.time(),
        )
        self._waiting.append(job)
        self._admit()
        return job

    def cancel(self, job: Job) -> None:
        """Ends a job at once and frees its slot; the listener hears nothing more. Safe at any time."""
        if job.ended_at_s:
            return
        self.counters.aborted += 1
        self._leave(job)

    def resume(self, job: Job) -> None:
        """The job's reader has caught up: it decodes again if it had paused."""
        if job.produced and not job.ended_at_s:
            self._decode(job)

    def close(self) -> None:
        """Cancels everything."""
        for job in [*self._waiting, *self._running]:
            self.cancel(job)
        if self._step_timer is not None:
            self._step_timer.cancel()
            self._step_timer = None

    def _admit(self) -> None:
        while self._waiting and len(self._running) < self.settings.slots:
            job = self._waiting.popleft()
            self._running[job] = None
            job.started_at_s = self._loop.time()
            ready_at_s = self.shelf.take(job.model, job.started_at_s)
            if ready_at_s > job.started_at_s:
                job.timer = self._loop.call_at(ready_at_s, self._queue_prefill, job)
            else:
                self._queue_prefill(job)

    def _queue_prefill(self, job: Job) -> None:
        job.timer = None
        self._prefilling.append(job)
        if len(self._prefilling) == 1:
            self._prefill_free_at_s = self._loop.time()
            self._prefill_next()

    def _prefill_next(self) -> None:
        if not self._prefilling:
            return
        job = self._prefilling[0]
        cached_tokens = self._cache.match(job.chain) * BLOCK_TOKENS
        job.cached_tokens = min(cached_tokens, job.prompt_tokens - 1)
        fresh_tokens = job.prompt_tokens - job.cached_tokens
        self._prefill_free_at_s += fresh_tokens / self.settings.prefill_tokens_per_s
        job.timer = self._loop.call_at(self._prefill_free_at_s, self._prefilled, job)

    def _prefilled(self, job: Job) -> None:
        job.timer = None
        job.first_token_at_s = self._loop.time()
        self._prefilling.popleft()
        self._prefill_next()
        self._cache.store(job.chain)
        self.counters.prompt_tokens += job.prompt_tokens
        self.counters.cached_tokens += job.cached_tokens
        self.counters.prefill_s += (job.prompt_tokens - job.cached_tokens) / self.settings.prefill_tokens_per_s
        if self._produce(job, 1):
            self._decode(job)

    def _decode(self, job: Job) -> None:
        self._decoding[job] = None
        if self._step_timer is None:
            self._next_step_at_s = self._loop.time() + self._step_s()
            self._schedule_step()

    def _produce(self, job: Job, steps: int) -> bool:
        """Gives the job its next tokens. Returns whether it goes on."""
        end = min(job.produced + steps, job.answer.length)
        if end > job.produced:
            tokens = self.book.tokens(job.answer, job.produced, end)
            self.counters.generated_tokens += end - job.produced
            job.produced = end
            job.listener.on_tokens(tokens)
        if job.ended_at_s:
            return False
        if job.produced < job.answer.length:
            return True
        if job.answer.finish is Finish.LENGTH:
            self.counters.cut_short += 1
        else:
            self.counters.stopped += 1
        self._leave(job)
        job.listener.on_end(job.answer.finish)
        return False

    def _leave(self, job: Job) -> None:
        job.ended_at_s = self._loop.time()
        if job.timer is not None:
            job.timer.cancel()
            job.timer = None
        self._decoding.pop(job, None)
        if job in self._prefilling:
            self._stop_prefill(job)
        if job in self._running:
            del self._running[job]
        else:
            self._waiting.remove(job)
        self._admit()

    def _stop_prefill(self, job: Job) -> None:
        was_first = self._prefilling[0] is job
        self._prefilling.remove(job)
        if was_first:
            self._prefill_free_at_s = self._loop.time()
            self._prefill_next()

    def _step_s(self) -> float:
        streams = max(1, len(self._decoding))
        return (1.0 + self.settings.batch_cost * (streams - 1)) / self.settings.decode_tokens_per_s

    def _schedule_step(self) -> None:
        if self._step_s() > 0.0:
            self._step_timer = self._loop.call_at(self._next_step_at_s, self._step)
        else:
            self._step_timer = self._loop.call_soon(self._step)

    def _step(self) -> None:
        step_s = self._step_s()
        late_s = self._loop.time() - self._next_step_at_s
        steps = 1 + int(max(0.0, late_s) / step_s) if step_s > 0.0 else 1
        if steps > _MOST_STEPS_AT_ONCE:
            steps = _MOST_STEPS_AT_ONCE
            self._next_step_at_s = self._loop.time()
        self._next_step_at_s += steps * step_s
        for job in list(self._decoding):
            if job.ended_at_s:
                continue
            if job.listener.is_writable:
                self.counters.decode_s += min(steps, job.answer.length - job.produced) * step_s
                self._produce(job, steps)
            else:
                del self._decoding[job]
        if self._decoding:
            self._schedule_step()
        else:
            self._step_timer = None
