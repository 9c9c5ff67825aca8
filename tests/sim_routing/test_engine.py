from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.sim.engine import CHUNK_TOKENS, NEVER, Engine, NodeClass, Task
from benchmarks.sim.workload import Arrival

KIND = NodeClass("test", 1_000.0, 0.010, 0.001, 1e-6, 20_000, 4)


def arrival(prompt: int = 100, output: int = 10, blocks: tuple[int, ...] = ()) -> Arrival:
    return Arrival(0.0, prompt, output, blocks)


def run(engine: Engine, until_s: float = NEVER) -> float:
    """Let the engine work; returns when it last told anything."""
    now_s = 0.0
    while engine.next_at_s <= until_s and engine.next_at_s != NEVER:
        now_s = engine.next_at_s
        engine.advance()
    return now_s


def test_one_request_takes_its_prefill_and_then_a_step_for_each_further_token() -> None:
    engine, task = Engine(KIND), Task(arrival(prompt=700, output=5))
    engine.submit(task, 1.0)
    run(engine)
    assert task.first_at_s == pytest.approx(1.0 + 0.7)
    steps = [0.010 + 0.001 + 1e-6 * context for context in (701, 702, 703, 704)]
    assert task.ended_at_s == pytest.approx(1.7 + sum(steps))
    assert engine.active == 0
    assert engine.memory_percent == 0


def test_an_answer_of_one_token_ends_with_its_first() -> None:
    engine, task = Engine(KIND), Task(arrival(output=1))
    engine.submit(task, 0.0)
    assert engine.advance() == ([task], [task])
    assert task.ended_at_s == task.first_at_s


def test_prompts_are_read_in_order_and_slow_down_those_who_write() -> None:
    engine = Engine(KIND)
    writer, reader, second = Task(arrival(output=200)), Task(arrival(prompt=2_000)), Task(arrival())
    engine.submit(writer, 0.0)
    run(engine, 0.5)
    engine.submit(reader, 0.5)
    engine.submit(second, 0.5)
    run(engine)
    assert writer.first_at_s < reader.first_at_s < second.first_at_s
    chunks = math.ceil(2_000 / CHUNK_TOKENS)
    assert reader.first_at_s == pytest.approx(0.5 + 2.0 + chunks * 0.0112, abs=0.05)


def test_a_shared_beginning_is_not_read_again_but_the_last_token_always_is() -> None:
    engine = Engine(KIND)
    first, again = Task(arrival(1_024, 2, (1, 2))), Task(arrival(1_024, 2, (1, 2)))
    engine.submit(first, 0.0)
    run(engine)
    engine.submit(again, 10.0)
    run(engine)
    assert (first.cached_tokens, again.cached_tokens) == (0, 1_023)
    assert again.first_at_s == pytest.approx(10.001)


def test_nobody_overtakes_a_request_that_waits_for_memory() -> None:
    engine = Engine(KIND)
    large, larger, small = Task(arrival(15_000, 50)), Task(arrival(15_000, 2)), Task(arrival(10, 2))
    for task in (large, larger, small):
        engine.submit(task, 0.0)
    run(engine)
    assert large.ended_at_s <= larger.admitted_at_s <= small.admitted_at_s


def test_sequences_beyond_the_batch_wait() -> None:
    engine = Engine(KIND)
    tasks = [Task(arrival()) for _ in range(KIND.sequences + 1)]
    for task in tasks:
        engine.submit(task, 0.0)
    assert math.isnan(tasks[-1].admitted_at_s)
    run(engine)
    assert tasks[-1].admitted_at_s >= min(task.ended_at_s for task in tasks[:-1])


def test_a_request_that_never_fits_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not fit test"):
        Engine(KIND).submit(Task(arrival(prompt=20_001)), 0.0)


def test_a_slowed_engine_takes_that_many_times_longer_from_the_next_step_on() -> None:
    fast, slow = Engine(KIND), Engine(KIND)
    tasks = [Task(arrival(output=1_000)) for _ in range(2)]
    fast.submit(tasks[0], 0.0)
    slow.submit(tasks[1], 0.0)
    slow.slow_down(10.0, 0.0)
    run(fast)
    run(slow)
    decode_s = [task.ended_at_s - task.first_at_s for task in tasks]
    assert decode_s[1] == pytest.approx(10 * decode_s[0])
    assert tasks[1].first_at_s == tasks[0].first_at_s


def test_a_dead_engine_hands_back_everything_and_starts_empty() -> None:
    engine = Engine(KIND)
    tasks = [Task(arrival(600, 9, (1,))) for _ in range(6)]
    for task in tasks:
        engine.submit(task, 0.0)
    engine.advance()
    assert set(engine.die()) == set(tasks)
    assert (engine.active, engine.next_at_s, engine.memory_percent) == (0, NEVER, 0.0)
    fresh = Task(arrival(600, 9, (1,)))
    engine.submit(fresh, 5.0)
    run(engine)
    assert fresh.cached_tokens == 0


class StepByStep:
    """The same engine without macro steps or a cache: the rule of the module's docstring, one step after the other.

    Who finds it idle starts at once and alone; whoever comes during a step is in the next one.
    """

    def __init__(self, kind: NodeClass) -> None:
        self.kind = kind

    def first_and_end(self, rows: list[tuple[float, Arrival]]) -> list[tuple[float, float]]:
        kind = self.kind
        todo = list(enumerate(rows))
        reading: list[list[int]] = []
        batch: dict[int, int] = {}
        first, end = dict.fromkeys(range(len(rows)), 0.0), dict.fromkeys(range(len(rows)), 0.0)
        held, now_s = 0, 0.0
        while todo or reading or batch:
            budget, parts = CHUNK_TOKENS, []
            for part in reading:
                parts.append((part, min(budget, part[1])))
                budget -= parts[-1][1]
            idle = not reading and not batch
            if idle:
                now_s = max(now_s, todo[0][1][0])
            while budget and todo and (todo[0][1][0] < now_s or (idle and not parts)):
                number, (_, row) = todo[0]
                size = row.prompt_tokens + row.output_tokens
                if len(reading) + len(batch) >= kind.sequences or held + size > kind.memory_tokens:
                    break
                held += size
                todo.pop(0)
                reading.append([number, row.prompt_tokens])
                parts.append((reading[-1], min(budget, row.prompt_tokens)))
                budget -= parts[-1][1]
            now_s += sum(tokens for _, tokens in parts) / kind.prefill_rate
            if batch:
                context = sum(rows[number][1].prompt_tokens + done for number, done in batch.items())
                now_s += kind.step_s + kind.sequence_s * len(batch) + kind.context_s * context
            for number in list(batch):
                batch[number] += 1
            for part, tokens in parts:
                part[1] -= tokens
                if not part[1]:
                    reading.remove(part)
                    first[part[0]] = now_s
                    batch[part[0]] = 1
            for number, done in list(batch.items()):
                row = rows[number][1]
                if done == row.output_tokens:
                    end[number] = now_s
                    held -= row.prompt_tokens + row.output_tokens
                    del batch[number]
        return [(first[number], end[number]) for number in range(len(rows))]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_macro_steps_are_the_same_as_single_steps(seed: int) -> None:
    rng = Random(seed)
    at_s, rows = 0.0, []
    for _ in range(rng.randrange(1, 25)):
        at_s += rng.choice((0.0, rng.expovariate(3.0)))
        rows.append((at_s, arrival(rng.randrange(1, 4_000), rng.randrange(1, 120))))
    kind = replace(KIND, sequences=rng.randrange(1, 6), memory_tokens=rng.randrange(5_000, 20_000))
    engine, tasks = Engine(kind), [Task(row) for _, row in rows]
    for (instant_s, _), task in zip(rows, tasks, strict=True):
        while engine.next_at_s <= instant_s:
            engine.advance()
        engine.submit(task, instant_s)
    run(engine)
    expected = StepByStep(kind).first_and_end(rows)
    assert [task.first_at_s for task in tasks] == pytest.approx([first for first, _ in expected])
    assert [task.ended_at_s for task in tasks] == pytest.approx([end for _, end in expected])
