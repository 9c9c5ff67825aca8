"""Small workloads with the statistics of recorded traces, made by code: the same seed gives the same requests.

    chat    conversation through an API: gaps CV 1.1, prompts p50 1,020 and answers p50 129 tokens, nothing shared
    long    long conversations: batches with gaps CV 3.0, prompts p50 6,900 and answers p50 350 tokens; every prompt
            begins with the same block, 37 % of all blocks were seen before, mostly in the turn before
    bursts  code completion: gaps CV 13, prompts p50 1,469 and answers p50 13 tokens, nothing shared

Sizes are drawn from quantiles (of the Azure LLM inference trace 2023 and of the Mooncake FAST'25 conversation trace).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import count
from random import Random

from benchmarks.sim.prefix_cache import BLOCK_TOKENS
from benchmarks.sim.workload import WINDOW_TOKENS, Arrival, Workload, normalised, within_window

PERCENTS = (0, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98, 99, 99.5, 100)

CHAT_PROMPT = (2, 181, 207, 387, 403, 703, 1020, 1071, 1130, 1315, 2735, 4083, 4098, 4142, 4831, 14050)
CHAT_OUTPUT = (7, 41, 54, 77, 91, 103, 129, 177, 384, 400, 424, 451, 540, 601, 644, 1000)
CODE_PROMPT = (3, 75, 147, 385, 770, 1075, 1469, 1909, 2433, 3193, 5194, 7315, 7436, 7436, 7436, 7437)
CODE_OUTPUT = (6, 6, 7, 8, 9, 11, 13, 16, 20, 29, 55, 90, 172, 252, 361, 1899)
OPENING_PROMPT = (891, 897, 905, 1092, 1756, 3914, 5264, 7417, 10775, 15871, 25561, 38538, 67212, 89869, 111800, 126195)
TURN_PROMPT = (0, 163, 304, 473, 590, 698, 829, 992, 1680, 5023, 9741, 14768, 20602, 26773, 32834, 94968)
LONG_OUTPUT = (1, 10, 24, 100, 213, 291, 350, 399, 447, 504, 597, 698, 893, 1120, 1570, 2000)

CHAT_GAP_CV = 1.1
PAUSES, PAUSE_GAPS, BURST_GAP_SHAPE = 0.0064, 120.0, 0.5
"""Bursts: 0.64 % of the gaps are pauses of 120 mean gaps, which leaves the rest a quarter of the mean gap: CV 13."""
BATCH, BATCH_SIGMA = 10.2, 3.5
"""Long: so many requests come together, and a batch comes every 10.2 mean gaps."""
FOLLOW_UPS, TURN_GAPS, TURN_SIGMA = 0.387, 420.0, 1.13
"""Long: the share of later turns; median, in mean gaps, and log-normal sigma of the time since the turn before."""
EARLIER = 4_000
"""Long: requests before the first that is used, so that later turns have something to follow from the start."""


def chat(requests: int, seed: int) -> Workload:
    rng = Random(seed)
    shape = CHAT_GAP_CV**-2
    return _unshared("chat", requests, rng, lambda: rng.gammavariate(shape, 1 / shape), CHAT_PROMPT, CHAT_OUTPUT)


def bursts(requests: int, seed: int) -> Workload:
    rng = Random(seed)
    short = (1 - PAUSES * PAUSE_GAPS) / (1 - PAUSES)

    def gap() -> float:
        if rng.random() < PAUSES:
            return rng.expovariate(1 / PAUSE_GAPS)
        return rng.gammavariate(BURST_GAP_SHAPE, short / BURST_GAP_SHAPE)

    return _unshared("bursts", requests, rng, gap, CODE_PROMPT, CODE_OUTPUT)


def long(requests: int, seed: int, *, window: int = WINDOW_TOKENS) -> Workload:
    rng = Random(seed)
    ids = count(1)
    at = 0.0
    instants: list[float] = []
    prompts: list[tuple[int, tuple[int, ...]]] = []
    followed: set[int] = set()
    left = 0
    for _ in range(EARLIER + requests):
        if not left:
            left = max(1, round(rng.gauss(BATCH, BATCH_SIGMA)))
            at += BATCH
        left -= 1
        earlier = at - rng.lognormvariate(math.log(TURN_GAPS), TURN_SIGMA)
        if earlier > 0 and rng.random() < FOLLOW_UPS:
            parent = max(0, bisect_left(instants, earlier) - 1)
            while parent and parent in followed:
                parent -= 1
            followed.add(parent)
            # The block that the turn before did not fill goes on differently.
            shared = prompts[parent][1][:-1] or (0,)
            tokens = len(shared) * BLOCK_TOKENS + max(1, round(_drawn(TURN_PROMPT, rng)))
        else:
            shared = (0,)
            tokens = max(BLOCK_TOKENS + 1, round(_drawn(OPENING_PROMPT, rng)))
        added = math.ceil(tokens / BLOCK_TOKENS) - len(shared)
        prompts.append((tokens, shared + tuple(next(ids) for _ in range(added))))
        instants.append(at)
    rows = [
        within_window(instant, tokens, round(_drawn(LONG_OUTPUT, rng)), blocks, window=window)
        for instant, (tokens, blocks) in zip(instants[EARLIER:], prompts[EARLIER:], strict=True)
    ]
    return normalised("long", rows)


GENERATORS: dict[str, Callable[[int, int], Workload]] = {"chat": chat, "long": long, "bursts": bursts}


def _unshared(
    name: str, requests: int, rng: Random, gap: Callable[[], float], prompt: Sequence[int], output: Sequence[int]
) -> Workload:
    at = 0.0
    rows: list[Arrival] = []
    for _ in range(requests):
        rows.append(within_window(at, round(_drawn(prompt, rng)), round(_drawn(output, rng))))
        at += gap()
    return normalised(name, rows)


def _drawn(quantiles: Sequence[int], rng: Random) -> float:
    """One value of the distribution with these quantiles at ``PERCENTS``, linear between them."""
    percent = 100 * rng.random()
    above = max(1, bisect_left(PERCENTS, percent))
    low, high = PERCENTS[above - 1], PERCENTS[above]
    return quantiles[above - 1] + (quantiles[above] - quantiles[above - 1]) * (percent - low) / (high - low)
