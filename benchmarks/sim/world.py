"""The simulated world: clients, the router's core as it ships, engines, heartbeats and incidents on one clock.

Times are seconds from the first arrival. The network takes no time, clients never hang up, and the fleet has been
approved and has beaten once when the first request arrives; no policy knows anything of it yet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from heapq import heapify, heappop, heappush
from random import Random

from msgspec.structs import replace

from benchmarks.sim.conditions import Conditions, Incident, IncidentKind, Scores, Telling
from benchmarks.sim.engine import NEVER, Engine, NodeClass, Task
from benchmarks.sim.fleets import FleetPlan
from benchmarks.sim.prefix_cache import BLOCK_TOKENS
from benchmarks.sim.workload import Arrival, Workload
from llmlb.agent.score import MAX_SCORE
from llmlb.core.admission import RefusalKind
from llmlb.core.balancer import Balancer, Queued, QueueRules, Refused
from llmlb.core.choice import InferenceRequest, Policy, Prompt
from llmlb.core.fleet import Fleet, FleetRules
from llmlb.core.lease import Lease
from llmlb.core.load import Thresholds
from llmlb.core.node import Beat, Figures, Node, NodeId, Profile
from llmlb.core.outcome import Outcome, OutcomeKind, Usage
from llmlb.core.prefix import BLOCK_BYTES, MAX_BLOCKS
from llmlb.core.retry import Attempt, RetryBudget, RetryRules, may_retry
from llmlb.errors import Fault

MODEL = "llama-3.1-8b"
ENVELOPE_BYTES = 200
"""JSON around the text of a request."""
TICK_S = 0.5
NVML_WINDOW_S = 1.0

PolicyFactory = Callable[[Fleet, Random], Policy]


class Status(IntEnum):
    OPEN = 0
    ANSWERED = 1
    REFUSED = 2
    FAILED = 3


@dataclass(slots=True, eq=False)
class Record:
    """What one client saw. node: who answered, by its place in the fleet.  Instants NaN where nothing came."""

    number: int
    arrival: Arrival
    arrived_at_s: float
    status: Status = Status.OPEN
    node: int = -1
    attempts: int = 0
    first_at_s: float = math.nan
    ended_at_s: float = math.nan
    cached_tokens: int = 0

    @property
    def ttft_s(self) -> float:
        return self.first_at_s - self.arrived_at_s

    @property
    def tpot_s(self) -> float:
        """Mean time between the tokens after the first; 0 for answers of one token."""
        tokens = self.arrival.output_tokens - 1
        return (self.ended_at_s - self.first_at_s) / tokens if tokens else 0.0

    def refused(self, kind: RefusalKind) -> None:
        self.status = Status.REFUSED


class _Kind(IntEnum):
    """What an entry of the agenda is. At equal instants engines come before clients."""

    ENGINE = 0
    BEAT = 1
    TICK = 2
    INCIDENT = 3
    ARRIVAL = 4


class _Machine:
    """A node of the fleet: its engine, and the row that the router has of it once it has joined."""

    __slots__ = ("alive", "engine", "node", "node_id", "score", "vram_percent")

    def __init__(self, node_id: str, kind: NodeClass, *, score: int | None, vram_percent: float) -> None:
        self.node_id = NodeId(node_id)
        self.engine = Engine(kind)
        self.score = score
        self.vram_percent = vram_percent
        self.node: Node | None = None
        self.alive = True


@dataclass(slots=True, eq=False)
class _Attempt:
    record: Record
    request: InferenceRequest
    lease: Lease


class World:
    """One run. Everything that is left to chance hangs on ``seed``."""

    def __init__(
        self, plan: FleetPlan, workload: Workload, policy: PolicyFactory, conditions: Conditions, *, seed: int
    ) -> None:
        self._conditions = conditions
        self._objective = workload.objective if conditions.admission else None
        self._rng = Random(seed)
        self._fleet = Fleet(rules=FleetRules(), thresholds=Thresholds(), rng=Random(seed + 1))
        self.policy = policy(self._fleet, Random(seed + 2))
        self._balancer = Balancer(self._fleet, self.policy, queue_rules=QueueRules(), aliases={}, rng=Random(seed + 3))
        self._retry_rules = RetryRules()
        self._budget = RetryBudget(self._retry_rules)
        self._failures: dict[Record, tuple[Attempt, ...]] = {}
        self._waiting: set[Record] = set()
        self._open: dict[Task, _Attempt] = {}
        self._agenda: list[tuple[float, int, int]] = []
        rates = plan.rates(workload)
        self._machines = self._build(plan, rates)
        gap_s = 1.0 / (conditions.load * sum(rates[kind] for kind in plan.nodes))
        self.records = [Record(number, row, row.at * gap_s) for number, row in enumerate(workload.arrivals)]
        self.duration_s = self.records[-1].arrived_at_s

    def run(self) -> list[Record]:
        """Simulate until every client has its answer."""
        self._agenda = [(row.arrived_at_s, _Kind.ARRIVAL, place) for place, row in enumerate(self.records)]
        heapify(self._agenda)
        absent = {incident.node for incident in self._conditions.incidents if incident.kind is IncidentKind.JOINS}
        for place in range(len(self._machines)):
            if place not in absent:
                self._join(place, 0.0)
        for place, incident in enumerate(self._conditions.incidents):
            heappush(self._agenda, (incident.at * self.duration_s, _Kind.INCIDENT, place))
        heappush(self._agenda, (TICK_S, _Kind.TICK, 0))
        arrivals_left = len(self.records)
        while arrivals_left or self._open or self._waiting:
            now_s, kind, place = heappop(self._agenda)
            if kind == _Kind.ENGINE:
                if self._machines[place].engine.next_at_s == now_s:
                    self._advance(place, now_s)
            elif kind == _Kind.ARRIVAL:
                arrivals_left -= 1
                self._arrive(self.records[place], now_s)
            elif kind == _Kind.TICK:
                self._tick(now_s)
            elif kind == _Kind.BEAT:
                self._beat(place, now_s)
            else:
                self._happen(self._conditions.incidents[place], now_s)
        return self.records

    @property
    def classes(self) -> list[str]:
        """The class of each node, by its place."""
        return [machine.engine.kind.name for machine in self._machines]

    # Clients and the router

    def _arrive(self, record: Record, now_s: float) -> None:
        self._budget.requests += 1
        self._offer(record, self._request(record), now_s)

    def _request(self, record: Record) -> InferenceRequest:
        arrival = record.arrival
        scatter = self._conditions.scatter
        stretch = scatter ** self._rng.uniform(-1, 1) if scatter > 1 else 1.0
        text_bytes = int(arrival.prompt_tokens * self._conditions.bytes_per_token * stretch)
        prompt = None
        if self.policy.reads_prompts:
            prompt = Prompt(self._steps_of_text(record), text_bytes)
        return InferenceRequest(
            MODEL, stream=True, body_bytes=text_bytes + ENVELOPE_BYTES, prompt=prompt, objective=self._objective
        )

    def _steps_of_text(self, record: Record) -> tuple[int, ...]:
        """The trace's blocks of tokens as steps of text: a step is named for the block in which it ends."""
        arrival = record.arrival
        block_bytes = BLOCK_TOKENS * self._conditions.bytes_per_token
        steps = min(MAX_BLOCKS, int(arrival.prompt_tokens * self._conditions.bytes_per_token) // BLOCK_BYTES)
        if not arrival.blocks:
            return tuple(hash((-1, record.number, step)) for step in range(steps))
        blocks = arrival.blocks
        ends = (math.ceil((step + 1) * BLOCK_BYTES / block_bytes) - 1 for step in range(steps))
        return tuple(hash((blocks[end], step)) for step, end in enumerate(ends))

    def _offer(self, record: Record, request: InferenceRequest, now_s: float) -> None:
        waiter = None if request.tried else record
        match self._balancer.offer(request, now_s, waiter=waiter):
            case Lease() as lease:
                self._send(record, lease, now_s)
            case Queued():
                self._waiting.add(record)
            case Refused():
                record.status = Status.FAILED if request.tried else Status.REFUSED

    def _send(self, record: Record, lease: Lease, now_s: float) -> None:
        record.attempts += 1
        place = self._place_of(lease)
        machine = self._machines[place]
        attempt = _Attempt(record, lease.request, lease)
        if not machine.alive:
            refused = Outcome(OutcomeKind.UNREACHABLE, Fault.NODE, error="connection refused")
            self._balancer.settle(lease, refused, now_s)
            self._retry(attempt, Attempt.NOT_SENT, now_s)
            return
        task = Task(record.arrival)
        self._open[task] = attempt
        before_s = machine.engine.next_at_s
        machine.engine.submit(task, now_s)
        if machine.engine.next_at_s != before_s:
            self._wake(place)

    def _retry(self, attempt: _Attempt, failure: Attempt, now_s: float) -> None:
        record = attempt.record
        failures = self._failures[record] = (*self._failures.get(record, ()), failure)
        free = failure is Attempt.NOT_SENT
        self._budget.elapse(now_s)
        if may_retry(self._retry_rules, failures) and (free or self._budget.withdraw()):
            tried = (*attempt.request.tried, attempt.lease.node.id)
            self._offer(record, replace(attempt.request, tried=tried), now_s)
        else:
            record.status = Status.FAILED

    def _serve_queues(self, now_s: float) -> None:
        for ticket in self._balancer.expired(now_s):
            ticket.waiter.refused(RefusalKind.QUEUE_TIMEOUT)
        for grant in self._balancer.grants(now_s):
            record = grant.ticket.waiter
            assert isinstance(record, Record)
            self._waiting.remove(record)
            self._send(record, grant.lease, now_s)
        self._waiting = {record for record in self._waiting if record.status is Status.OPEN}

    # Engines

    def _wake(self, place: int) -> None:
        next_at_s = self._machines[place].engine.next_at_s
        if next_at_s != NEVER:
            heappush(self._agenda, (next_at_s, _Kind.ENGINE, place))

    def _advance(self, place: int, now_s: float) -> None:
        first, ended = self._machines[place].engine.advance()
        for task in first:
            attempt = self._open[task]
            attempt.record.first_at_s = now_s
            self._balancer.first_token(attempt.lease, now_s)
        for task in ended:
            attempt = self._open.pop(task)
            record = attempt.record
            record.status, record.node = Status.ANSWERED, place
            record.ended_at_s, record.cached_tokens = now_s, task.cached_tokens
            dispatched_at_s = attempt.lease.dispatched_at_s
            outcome = Outcome(
                OutcomeKind.ANSWERED,
                total_s=now_s - dispatched_at_s,
                ttft_s=task.first_at_s - dispatched_at_s,
                usage=self._usage(task),
            )
            self._balancer.settle(attempt.lease, outcome, now_s)
        self._wake(place)
        if ended and self._waiting:
            self._serve_queues(now_s)

    def _usage(self, task: Task) -> Usage:
        prompt, output = task.arrival.prompt_tokens, task.arrival.output_tokens
        match self._conditions.telling:
            case Telling.COUNTED:
                return Usage(completion=output, estimated=True)
            case Telling.USAGE:
                return Usage(prompt=prompt, cached=task.cached_tokens, completion=output)
            case Telling.TIMINGS:
                return Usage(
                    prompt=prompt,
                    cached=task.cached_tokens,
                    completion=output,
                    prefill_s=task.first_at_s - task.admitted_at_s,
                    decode_s=task.ended_at_s - task.first_at_s,
                )

    # Nodes

    def _build(self, plan: FleetPlan, rates: Mapping[NodeClass, float]) -> list[_Machine]:
        best = max(rates.values())
        machines: list[_Machine] = []
        for number, kind in enumerate(plan.nodes, 1):
            score: int | None = None
            if self._conditions.scores is Scores.CAPACITY:
                score = round(MAX_SCORE * rates[kind] / best)
            elif self._conditions.scores is Scores.EQUAL:
                score = MAX_SCORE // 2
            vram_percent = self._rng.uniform(80.0, 89.0)
            machines.append(_Machine(f"{kind.name}-{number}", kind, score=score, vram_percent=vram_percent))
        return machines

    def _place_of(self, lease: Lease) -> int:
        return int(lease.node.id.rpartition("-")[2]) - 1

    def _join(self, place: int, now_s: float) -> None:
        machine = self._machines[place]
        node, _ = self._fleet.register(machine.node_id, Profile(url="http://node"), Beat(), now_s)
        machine.node = node
        self._report(machine, now_s)
        self._fleet.approve(node, now_s)
        phase_s = self._rng.uniform(1.0, max(1.0, self._conditions.heartbeat_s))
        heappush(self._agenda, (now_s + phase_s, _Kind.BEAT, place))

    def _beat(self, place: int, now_s: float) -> None:
        machine = self._machines[place]
        if machine.alive:
            self._report(machine, now_s)
            heappush(self._agenda, (now_s + self._conditions.heartbeat_s, _Kind.BEAT, place))

    def _report(self, machine: _Machine, now_s: float) -> None:
        """A heartbeat. NVML's utilisation is the share of the last moments in which anything ran at all."""
        engine = machine.engine
        busy = engine.next_at_s != NEVER or now_s - engine.busy_until_s < NVML_WINDOW_S
        gpu_percent = self._rng.uniform(94.0, 100.0) if busy else self._rng.uniform(0.0, 3.0)
        beat = Beat(
            figures=Figures(gpu_percent, machine.vram_percent),
            active_requests=engine.active,
            loaded_models=(MODEL,),
            capability_score=machine.score,
            queue_depth=engine.waiting,
            kv_cache_percent=engine.memory_percent,
            max_concurrency=engine.kind.sequences if self._conditions.slots_known else None,
            interval_s=self._conditions.heartbeat_s,
        )
        assert machine.node is not None
        self._fleet.beat(machine.node, beat, now_s=now_s, unix_s=now_s)

    def _tick(self, now_s: float) -> None:
        self._fleet.tick(now_s)
        if self._waiting:
            self._serve_queues(now_s)
        heappush(self._agenda, (now_s + TICK_S, _Kind.TICK, 0))

    def _happen(self, incident: Incident, now_s: float) -> None:
        machine = self._machines[incident.node]
        match incident.kind:
            case IncidentKind.SLOWS:
                machine.engine.slow_down(incident.slowness, now_s)
                self._wake(incident.node)
            case IncidentKind.JOINS:
                self._join(incident.node, now_s)
            case IncidentKind.DIES:
                self._die(machine, now_s)

    def _die(self, machine: _Machine, now_s: float) -> None:
        """Its connections are reset; whoever has seen nothing yet is sent elsewhere."""
        machine.alive = False
        lost = [self._open.pop(task) for task in machine.engine.die()]
        reset = Outcome(OutcomeKind.FAILED, Fault.NODE, error="connection reset")
        for attempt in lost:
            self._balancer.settle(attempt.lease, reset, now_s)
        for attempt in lost:
            if math.isnan(attempt.record.first_at_s):
                self._retry(attempt, Attempt.MAYBE_EXECUTED, now_s)
            else:
                attempt.record.status = Status.FAILED
