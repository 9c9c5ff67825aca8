from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import inf

import pytest
from fakes.virtual_time import run_virtual

from llmlb.sim.answers import Answer, Finish
from llmlb.sim.engine import Engine, Job
from llmlb.sim.settings import SimSettings


class Ear:
    """Notes when tokens and the end arrive, in seconds since the loop began."""

    def __init__(self) -> None:
        self.is_writable = True
        self.token_times_s: list[float] = []
        self.finish: Finish | None = None
        self.ended = asyncio.Event()

    def on_tokens(self, tokens: Sequence[str]) -> None:
        self.token_times_s += [asyncio.get_running_loop().time() - 1000.0] * len(tokens)

    def on_end(self, finish: Finish) -> None:
        self.finish = finish
        self.ended.set()


def submit(engine: Engine, ear: Ear, *, tokens: int = 3, prompt: bytes = b"x" * 400, model: str = "m") -> Job:
    answer = Answer(start=0, length=tokens, finish=Finish.STOP)
    return engine.submit(ear, model=model, prompt=prompt, answer=answer)


def settings(**changes: float) -> SimSettings:
    base = {"prefill_tokens_per_s": 100.0, "decode_tokens_per_s": 10.0, "batch_cost": 0.0, "slots": 4}
    return SimSettings(**{**base, **changes})  # type: ignore[arg-type] # each test names real fields


def test_prompt_and_tokens_take_the_time_of_their_rates() -> None:
    async def scenario() -> Ear:
        ear = Ear()
        submit(Engine(settings()), ear)
        await ear.ended.wait()
        return ear

    ear = run_virtual(scenario())
    assert ear.token_times_s == pytest.approx([1.0, 1.1, 1.2])
    assert ear.finish is Finish.STOP


def test_prompts_are_read_one_after_another() -> None:
    async def scenario() -> list[Ear]:
        engine, ears = Engine(settings()), [Ear(), Ear()]
        for number, ear in enumerate(ears):
            submit(engine, ear, prompt=b"%d" % number * 400)
        await ears[1].ended.wait()
        return ears

    first, second = run_virtual(scenario())
    assert first.token_times_s[0] == pytest.approx(1.0)
    assert second.token_times_s[0] == pytest.approx(2.0)


def test_streams_slow_each_other_down_by_the_batch_cost() -> None:
    async def scenario() -> Ear:
        engine, ears = Engine(settings(batch_cost=0.5, prefill_tokens_per_s=1e9)), [Ear(), Ear(), Ear()]
        for ear in ears:
            submit(engine, ear, tokens=11)
        await asyncio.gather(*(ear.ended.wait() for ear in ears))
        return ears[2]

    times_s = run_virtual(scenario()).token_times_s
    assert times_s[-1] - times_s[1] == pytest.approx(9 * 0.2, rel=0.01)


def test_more_requests_than_slots_wait_their_turn() -> None:
    async def scenario() -> tuple[int, int, list[Ear]]:
        engine, ears = Engine(settings(slots=2)), [Ear() for _ in range(5)]
        for ear in ears:
            submit(engine, ear)
        counts = engine.running, engine.waiting
        await asyncio.gather(*(ear.ended.wait() for ear in ears))
        assert (engine.running, engine.waiting) == (0, 0)
        return *counts, ears

    running, waiting, ears = run_virtual(scenario())
    assert (running, waiting) == (2, 3)
    starts_s = [ear.token_times_s[0] for ear in ears]
    assert starts_s == sorted(starts_s)


def test_cached_beginning_makes_the_second_prompt_faster() -> None:
    async def scenario() -> list[Job]:
        engine, jobs = Engine(settings()), []
        for question in (b"one", b"two"):
            ear = Ear()
            jobs.append(submit(engine, ear, prompt=b"s" * 4096 * 4 + question))
            await ear.ended.wait()
        return jobs

    cold, warm = run_virtual(scenario())
    assert cold.cached_tokens == 0
    assert warm.cached_tokens >= 3500
    assert (warm.first_token_at_s - warm.submitted_at_s) < 0.2 * (cold.first_token_at_s - cold.submitted_at_s)


def test_models_do_not_share_the_prefix_cache() -> None:
    async def scenario() -> Job:
        engine = Engine(settings())
        for model in ("a", "b"):
            ear = Ear()
            job = submit(engine, ear, prompt=b"s" * 4096, model=model)
            await ear.ended.wait()
        return job

    assert run_virtual(scenario()).cached_tokens == 0


def test_switched_off_cache_never_hits() -> None:
    async def scenario() -> Job:
        engine = Engine(settings(cache_blocks=0))
        for _ in range(2):
            ear = Ear()
            job = submit(engine, ear, prompt=b"s" * 4096)
            await ear.ended.wait()
        return job

    assert run_virtual(scenario()).cached_tokens == 0


def test_cold_model_delays_its_own_requests_only() -> None:
    async def scenario() -> list[Ear]:
        engine, ears = Engine(settings(load_s=10.0)), [Ear(), Ear(), Ear()]
        submit(engine, ears[0], model="warm")
        await ears[0].ended.wait()
        submit(engine, ears[1], model="cold")
        submit(engine, ears[2], model="warm", prompt=b"z" * 400)
        await asyncio.gather(*(ear.ended.wait() for ear in ears))
        return ears

    first, cold, warm = run_virtual(scenario())
    assert first.token_times_s[0] == pytest.approx(11.0)
    assert cold.token_times_s[0] == pytest.approx(22.2)
    assert warm.token_times_s[0] == pytest.approx(12.2)


@pytest.mark.parametrize("after_s", [0.0, 0.5, 1.05])
def test_cancelled_job_frees_its_slot_at_once_and_says_nothing_more(after_s: float) -> None:
    async def scenario() -> tuple[Ear, Ear, int]:
        engine, gone, next_one = Engine(settings(slots=1)), Ear(), Ear()
        job = submit(engine, gone, tokens=50)
        submit(engine, next_one)
        await asyncio.sleep(after_s)
        engine.cancel(job)
        engine.cancel(job)
        running = engine.running
        heard = len(gone.token_times_s)
        await next_one.ended.wait()
        assert len(gone.token_times_s) == heard
        assert engine.counters.aborted == 1
        return gone, next_one, running

    gone, next_one, running = run_virtual(scenario())
    assert gone.finish is None
    assert running == 1
    assert next_one.token_times_s[0] == pytest.approx(after_s + 1.0)


def test_waiting_job_can_be_cancelled() -> None:
    async def scenario() -> int:
        engine = Engine(settings(slots=1))
        submit(engine, Ear())
        waiting = submit(engine, Ear())
        engine.cancel(waiting)
        return engine.waiting

    assert run_virtual(scenario()) == 0


def test_cancelled_prompt_makes_way_for_the_one_behind_it() -> None:
    async def scenario() -> Ear:
        engine, ear = Engine(settings()), Ear()
        long = submit(engine, Ear(), prompt=b"l" * 400_000)
        submit(engine, ear)
        await asyncio.sleep(1.0)
        engine.cancel(long)
        await ear.ended.wait()
        return ear

    assert run_virtual(scenario()).token_times_s[0] == pytest.approx(2.0)


def test_slow_reader_pauses_its_own_stream_only() -> None:
    async def scenario() -> tuple[int, int]:
        engine, slow, fast = Engine(settings(prefill_tokens_per_s=1e9)), Ear(), Ear()
        slow_job = submit(engine, slow, tokens=10)
        submit(engine, fast, tokens=10)
        slow.is_writable = False
        await fast.ended.wait()
        paused_at = len(slow.token_times_s)
        slow.is_writable = True
        engine.resume(slow_job)
        engine.resume(slow_job)
        await slow.ended.wait()
        return paused_at, len(slow.token_times_s)

    assert run_virtual(scenario()) == (1, 10)


def test_endless_speed_still_yields_to_other_work() -> None:
    async def scenario() -> int:
        engine, ear = Engine(settings(decode_tokens_per_s=inf, prefill_tokens_per_s=inf)), Ear()
        submit(engine, ear, tokens=1000)
        turns = 0
        while not ear.ended.is_set():
            turns += 1
            await asyncio.sleep(0)
        return turns

    assert run_virtual(scenario()) > 500


def test_answer_of_no_tokens_ends_after_its_prompt() -> None:
    async def scenario() -> Ear:
        ear = Ear()
        submit(Engine(settings()), ear, tokens=0)
        await ear.ended.wait()
        return ear

    assert run_virtual(scenario()).token_times_s == []


def test_full_cache_is_reported_as_one() -> None:
    async def scenario() -> tuple[float, float]:
        engine = Engine(settings(cache_blocks=1))
        before = engine.kv_cache_usage
        submit(engine, Ear(), prompt=b"x" * 40_000)
        usage = engine.kv_cache_usage
        engine.close()
        return before, usage

    assert run_virtual(scenario()) == (0.0, 1.0)
