"""What the decisions of ``adaptive`` cost: ``python -m benchmarks.decisions [--nodes 16,1000] [--memory]``.

One choice, each event and reading a prompt, in microseconds of this thread's CPU. A machine that is busy with other
things adds to a stretch and never takes away, so of many short stretches the lower quartile is told; and beside it what
that would be on a machine that takes 180 us for a fixed piece of work, which is timed in between.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from itertools import count, pairwise
from random import Random
from statistics import quantiles

from benchmarks.dataplane.tools import resident_mb
from llmlb.core.balancer import Balancer, QueueRules
from llmlb.core.choice import Endpoint, InferenceRequest, Objective, Prompt
from llmlb.core.fleet import Fleet, FleetRules
from llmlb.core.lease import Lease
from llmlb.core.load import Thresholds
from llmlb.core.node import Beat, NodeId, Profile
from llmlb.core.outcome import Outcome, OutcomeKind, Usage
from llmlb.core.prefix import BLOCK_BYTES
from llmlb.policies.adaptive import AdaptivePolicy
from llmlb.policies.adaptive.index import PrefixIndex
from llmlb.proxy.prompt import prompt_of

MODEL = "mock-8b"
SIZES = (16, 1000)
STRETCHES, CALLS = 60, 40
REFERENCE_US = 180.0
PREFILL_TOKENS_S = (20_000, 7_000, 7_000, 3_000, 3_000, 3_000, 3_000, 3_000)
STEP_S = (0.008, 0.02, 0.02, 0.024, 0.024, 0.024, 0.024, 0.024)
LOAD, MEAN_TOKENS = 0.8, 1700
OUTPUT_TOKENS = 100
BYTES_PER_TOKEN = 4
BLOCKS = 12
"""Of the prompts that are looked for: 24 KB, a conversation of some turns."""
LOOSE = Objective(ttft_s=60.0, tpot_s=1.0)
PROMPTS = 1_000_000
HOT = tuple((place + 1) << 32 for place in range(4))
"""A beginning that a fifth of the traffic shares."""

_fresh = count(1 << 40)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decisions", description="What adaptive costs.")
    parser.add_argument("--nodes", default=",".join(map(str, SIZES)), help="sizes of fleet (%(default)s)")
    parser.add_argument("--memory", action="store_true", help="also the index after a million prompts; half a minute")
    options = parser.parse_args(arguments)
    for size in map(int, options.nodes.split(",")):
        report(size)
    report_prompts()
    if options.memory:
        report_memory()
    return 0


def report(size: int) -> None:
    scene = Scene(size)
    print(f"adaptive, {size} nodes of three speeds; {scene.in_flight} in flight, {scene.unread} of them unread")
    one, all_ = chain(BLOCKS), chain(BLOCKS)
    scene.read_by(scene.nodes[size // 2], one)
    for node_id in scene.nodes:
        scene.read_by(node_id, all_)
    uneven = chain(BLOCKS)
    for place, node_id in enumerate(scene.nodes):
        scene.read_by(node_id, uneven[: 1 + place % BLOCKS])
    cases: dict[str, Callable[[], Prompt | None]] = {
        "choice, no prompt": lambda: None,
        "choice, prompt that nobody read": lambda: prompt(chain(BLOCKS)),
        "choice, one node read it": lambda: prompt(one),
        "choice, all nodes read it": lambda: prompt(all_),
        "choice, all nodes read parts of it": lambda: prompt(uneven),
    }
    for title, make in cases.items():
        _show(title, partial(scene.choices_us, make))
    _show("all nodes read it, and are in use", partial(scene.choices_in_use_us, cases["choice, all nodes read it"]))
    _show("choice with an objective, no prompt", lambda: scene.choices_us(lambda: None, objective=LOOSE))
    _show("dispatched", lambda: scene.events_us()[0])
    _show("first token", lambda: scene.events_us()[1])
    _show("ended", lambda: scene.events_us()[2])


def report_prompts() -> None:
    print("reading the prompt of a chat")
    for size in (1_500, 32_000):
        body = chat_body(size)
        _show(f"body of {len(body)} bytes", partial(_each_us, partial(prompt_of, body, Endpoint.CHAT)))


def report_memory() -> None:
    rng = Random(1)
    before_mb = resident_mb([os.getpid()])
    index: PrefixIndex[int] = PrefixIndex()
    for number in range(PROMPTS):
        index.record((rng.getrandbits(64), rng.getrandbits(64)), 0, number % 16, number / 1000)
    taken_mb = resident_mb([os.getpid()]) - before_mb
    print(f"prefix index after {PROMPTS} different prompts: {len(index)} blocks, {taken_mb:.0f} MB")


@dataclass(order=True, slots=True)
class _Due:
    """What happens next on a node. is_end: otherwise the first token."""

    at_s: float
    number: int
    lease: Lease
    asked: Prompt
    is_end: bool


class Scene:
    """A fleet in use: unequal nodes that have learned rates, batches, and prompts that wait to be read."""

    def __init__(self, size: int) -> None:
        self.policy = AdaptivePolicy()
        self.now_s = 0.0
        rng = Random(2)
        self.fleet = Fleet(rules=FleetRules(), thresholds=Thresholds(), rng=Random(1))
        self.balancer = Balancer(self.fleet, self.policy, queue_rules=QueueRules(), aliases={}, rng=rng)
        self.nodes = [NodeId(f"node-{number}") for number in range(size)]
        for node_id in self.nodes:
            node, _ = self.fleet.register(node_id, Profile(url="http://node"), Beat(), 0.0)
            self.fleet.beat(node, Beat(loaded_models=(MODEL,)), now_s=0.0, unix_s=0.0)
            self.fleet.approve(node, 0.0)
        self._passing = deque((InferenceRequest(MODEL), node_id) for node_id in self.nodes)
        self._read_at_s = dict.fromkeys(self.nodes, 0.0)
        self._due: list[_Due] = []
        self._serve(40 * size, rng)

    @property
    def in_flight(self) -> int:
        return len(self.balancer.leases)

    @property
    def unread(self) -> int:
        return sum(not due.is_end for due in self._due)

    def _serve(self, requests: int, rng: Random) -> None:
        """Let the fleet answer so many requests, and stop in the middle of it."""
        speed = sum(PREFILL_TOKENS_S[self._class_of(node_id)] for node_id in self.nodes)
        gap_s = MEAN_TOKENS / (LOAD * speed)
        for number in range(requests):
            self.now_s += rng.expovariate(1 / gap_s)
            while self._due and self._due[0].at_s <= self.now_s:
                self._happen(heappop(self._due))
            beginning = HOT if rng.random() < 0.2 else ()
            blocks = beginning + chain(rng.randrange(4))
            asked = Prompt(blocks, 2000 + BLOCK_BYTES * len(blocks))
            offer = self.balancer.offer(InferenceRequest(MODEL, stream=True, prompt=asked), self.now_s)
            assert isinstance(offer, Lease)
            node_id, class_ = offer.node.id, self._class_of(offer.node.id)
            seconds = asked.text_bytes / BYTES_PER_TOKEN / PREFILL_TOKENS_S[class_]
            self._read_at_s[node_id] = max(self._read_at_s[node_id], self.now_s) + seconds
            heappush(self._due, _Due(self._read_at_s[node_id], number, offer, asked, is_end=False))

    def _happen(self, due: _Due) -> None:
        lease = due.lease
        if due.is_end:
            usage = Usage(prompt=due.asked.text_bytes // BYTES_PER_TOKEN, completion=OUTPUT_TOKENS)
            self.balancer.settle(lease, Outcome(OutcomeKind.ANSWERED, total_s=1.0, usage=usage), due.at_s)
        else:
            self.balancer.first_token(lease, due.at_s)
            ends_at_s = due.at_s + OUTPUT_TOKENS * STEP_S[self._class_of(lease.node.id)]
            heappush(self._due, _Due(ends_at_s, due.number, lease, due.asked, is_end=True))

    def _class_of(self, node_id: NodeId) -> int:
        return int(node_id.rpartition("-")[2]) % len(PREFILL_TOKENS_S)

    def read_by(self, node_id: NodeId, blocks: tuple[int, ...]) -> None:
        """The node has read these blocks, and nothing is left to do of it."""
        request = InferenceRequest(MODEL, stream=True, prompt=prompt(blocks))
        self.policy.dispatched(request, node_id, self.now_s)
        self.policy.ended(request, node_id, Outcome(OutcomeKind.ANSWERED), self.now_s)

    def choices_us(self, make: Callable[[], Prompt | None], *, objective: Objective | None = None) -> float:
        requests = [InferenceRequest(MODEL, body_bytes=1500, prompt=make(), objective=objective) for _ in range(CALLS)]
        pool = self.fleet.candidates(MODEL)
        assert pool is not None
        pick, shed, now_s = self.policy.pick, self.policy.shed, self.now_s
        started_s = time.thread_time()
        if objective is None:
            for request in requests:
                pick(request, pool, now_s)
        else:
            for request in requests:
                shed(request, pool, now_s)
                pick(request, pool, now_s)
        return (time.thread_time() - started_s) / CALLS * 1e6

    def choices_in_use_us(self, make: Callable[[], Prompt | None]) -> float:
        """As ``choices_us``, and between two choices requests come and go; that and the clock itself do not count."""
        requests = [InferenceRequest(MODEL, body_bytes=1500, prompt=make()) for _ in range(CALLS)]
        pool = self.fleet.candidates(MODEL)
        assert pool is not None
        clock_s, taken_s = time.thread_time, 0.0
        for request in requests:
            self._stir()
            before_s = clock_s()
            started_s = clock_s()
            self.policy.pick(request, pool, self.now_s)
            taken_s += clock_s() - started_s - (started_s - before_s)
        return taken_s / CALLS * 1e6

    def _stir(self) -> None:
        """On each of four nodes a request comes or goes: each of them has to be priced anew."""
        for _ in range(2):
            self._passing.append((InferenceRequest(MODEL, stream=True), self._passing.popleft()[1]))
            self.policy.dispatched(*self._passing[-1], self.now_s)
            self.policy.ended(*self._passing[len(self._passing) // 2], Outcome.cancelled(), self.now_s)

    def events_us(self) -> tuple[float, float, float]:
        """Requests with a prompt of four blocks, one after the other to all nodes."""
        requests = [InferenceRequest(MODEL, stream=True, prompt=prompt(chain(4))) for _ in range(CALLS)]
        pairs = [(request, self.nodes[place % len(self.nodes)]) for place, request in enumerate(requests)]
        usage = Usage(prompt=4 * BLOCK_BYTES // BYTES_PER_TOKEN, cached=0, completion=OUTPUT_TOKENS)
        outcome = Outcome(OutcomeKind.ANSWERED, total_s=1.0, usage=usage)
        policy = self.policy
        instants = [time.thread_time()]
        for request, node_id in pairs:
            policy.dispatched(request, node_id, self.now_s)
        instants.append(time.thread_time())
        for request, node_id in pairs:
            policy.first_token(request, node_id, self.now_s + 1.0)
        instants.append(time.thread_time())
        for request, node_id in pairs:
            policy.ended(request, node_id, outcome, self.now_s + 2.0)
        instants.append(time.thread_time())
        dispatched, first, ended = ((end - start) / CALLS * 1e6 for start, end in pairwise(instants))
        return dispatched, first, ended


def chain(length: int) -> tuple[int, ...]:
    """Hashes that nobody has seen."""
    return tuple(next(_fresh) * 0x9E3779B97F4A7C15 & (1 << 64) - 1 for _ in range(length))


def prompt(blocks: tuple[int, ...]) -> Prompt:
    return Prompt(blocks, BLOCK_BYTES * len(blocks) + 500)


def chat_body(size: int) -> bytes:
    """A conversation of so many bytes, in turns of about 700."""
    rng = Random(size)
    messages = [{"role": "system", "content": "You are a helpful assistant."}]
    while len(json.dumps(messages)) < size - 150:
        role = "user" if len(messages) % 2 else "assistant"
        words = (f"{rng.getrandbits(24):x}" for _ in range(100))
        messages.append({"role": role, "content": " ".join(words)})
    return json.dumps({"model": MODEL, "messages": messages, "stream": True}).encode()


def _show(title: str, measure: Callable[[], float]) -> None:
    measured_us, shares = [], []
    before_us = _calibration_us()
    for _ in range(STRETCHES):
        call_us = measure()
        after_us = _calibration_us()
        measured_us.append(call_us)
        shares.append(2 * call_us / (before_us + after_us))
        before_us = after_us
    raw_us, normalised_us = _lower_quartile(measured_us), _lower_quartile(shares) * REFERENCE_US
    print(f"  {title:<38}{raw_us:>8.1f} us{normalised_us:>8.1f} us normalised", flush=True)


def _each_us(call: Callable[[], object]) -> float:
    started_s = time.thread_time()
    for _ in range(CALLS):
        call()
    return (time.thread_time() - started_s) / CALLS * 1e6


def _calibration_us() -> float:
    started_s = time.thread_time()
    sum(number * number for number in range(4000))
    return (time.thread_time() - started_s) * 1e6


def _lower_quartile(values: list[float]) -> float:
    return quantiles(values, n=4)[0]


if __name__ == "__main__":
    sys.exit(main())
