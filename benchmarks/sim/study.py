"""Which runs are made: contenders, kinds of traffic, and the jobs behind each table. Jobs run on all processors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from benchmarks.sim.baselines import LeastActive, PeakEwma, PowerOfTwo, WeightedLeastActive
from benchmarks.sim.conditions import Conditions, Incident, IncidentKind, Scores, Telling
from benchmarks.sim.fleets import FLEETS, FleetPlan
from benchmarks.sim.generated import GENERATORS, long
from benchmarks.sim.results import Verdict, judged
from benchmarks.sim.workload import WINDOW_TOKENS, Workload, read_trace
from benchmarks.sim.world import PolicyFactory, World
from llmlb.core.choice import Policy
from llmlb.policies import POLICIES
from llmlb.policies.metrics import MetricsPolicy
from llmlb.policies.round_robin import RoundRobinPolicy

GOOD_ENOUGH = 0.95
LOWEST_LOAD, HIGHEST_LOAD, LOAD_STEP = 0.05, 1.45, 0.01
REQUESTS_PER_NODE, MOST_REQUESTS = 250, 8_000
"""So that fleets of most sizes are watched for the same time: 4,000 requests for sixteen nodes."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A policy with what the nodes tell it about their strength."""

    name: str
    title: str
    make: PolicyFactory
    scores: Scores = Scores.UNKNOWN


@dataclass(frozen=True, slots=True)
class Traffic:
    """A kind of traffic as it stands in the tables. admission: policies may refuse."""

    workload: str
    title: str
    load: float
    admission: bool = False


TRAFFICS = (
    Traffic("chat", "chat", 0.8),
    Traffic("long", "long prompts", 0.8),
    Traffic("bursts", "bursts", 0.4, admission=True),
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a workload comes from: a generator's name, or a trace. Workloads themselves are too big to hand around."""

    name: str
    requests: int
    seed: int = 1
    trace: Path | None = None
    skip: int = 0
    window: int = WINDOW_TOKENS


@dataclass(frozen=True, slots=True)
class Job:
    """One run, or with ``highest`` the search for the highest load with 95 % good. The run is of contender by name."""

    policy: str
    fleet: str
    source: Source
    conditions: Conditions = field(default_factory=Conditions)
    seed: int = 1
    highest: bool = False


def _contenders() -> dict[str, Contender]:
    rows = [
        Contender("round_robin", "round robin", lambda fleet, rng: RoundRobinPolicy()),
        Contender("metrics", "metrics", lambda fleet, rng: MetricsPolicy(lambda: fleet.thresholds), Scores.CAPACITY),
        Contender("least_active", "least active", lambda fleet, rng: LeastActive(rng)),
        Contender("power_of_two", "power of two, weighted", lambda fleet, rng: PowerOfTwo(rng), Scores.CAPACITY),
        Contender("peak_ewma", "peak EWMA of TTFT", lambda fleet, rng: PeakEwma(rng)),
        Contender("weighted", "(active+1)/score, known", lambda fleet, rng: WeightedLeastActive(rng), Scores.CAPACITY),
        Contender("adaptive", "adaptive", _product("adaptive")),
    ]
    return {row.name: row for row in rows}


def _product(mode: str) -> PolicyFactory:
    make: Callable[[], Policy] = POLICIES[mode]
    return lambda fleet, rng: make()


CONTENDERS: Mapping[str, Contender] = _contenders()


@lru_cache(maxsize=8)
def workload_of(source: Source) -> Workload:
    """Raises OSError or ValueError where a trace cannot be read."""
    if source.trace is not None:
        return read_trace(source.trace, source.name, requests=source.requests, skip=source.skip, window=source.window)
    if source.name == "long":
        return long(source.requests, source.seed, window=source.window)
    return GENERATORS[source.name](source.requests, source.seed)


def run(policy: str, plan: FleetPlan, workload: Workload, conditions: Conditions, *, seed: int = 1) -> Verdict:
    """One run of the contender of that name under exactly these conditions."""
    world = World(plan, workload, CONTENDERS[policy].make, conditions, seed=seed)
    return judged(world.run(), world.classes, workload.objective)


def highest_load(policy: str, plan: FleetPlan, workload: Workload, conditions: Conditions, *, seed: int = 1) -> float:
    """The highest load at which 95 % are good, to 0.01, by bisection: no policy is expected to get better with load."""
    low, high = LOWEST_LOAD, HIGHEST_LOAD
    while high - low > LOAD_STEP:
        load = (low + high) / 2
        good = run(policy, plan, workload, replace(conditions, load=load), seed=seed).good
        low, high = (load, high) if good >= GOOD_ENOUGH else (low, load)
    return low


def conditions_for(policy: str, *, load: float, admission: bool = False) -> Conditions:
    """The scores that the contender is meant to have; everything else as usual."""
    return Conditions(load=load, scores=CONTENDERS[policy].scores, admission=admission)


def done(jobs: Iterable[Job]) -> list[Verdict | float]:
    """Their results, in order."""
    jobs = list(jobs)
    if len(jobs) == 1:
        return [_do(jobs[0])]
    with ProcessPoolExecutor() as pool:
        return list(pool.map(_do, jobs))


def _do(job: Job) -> Verdict | float:
    act = highest_load if job.highest else run
    return act(job.policy, FLEETS[job.fleet], workload_of(job.source), job.conditions, seed=job.seed)


def requests_for(fleet: str) -> int:
    return min(MOST_REQUESTS, REQUESTS_PER_NODE * len(FLEETS[fleet].nodes))


def circumstances(usual: Conditions) -> dict[str, Conditions]:
    """What may be different from usual, by title, on the medium fleet. The incidents happen at 40 % of the run."""
    fast, medium = 0, 2
    return {
        "as usual": usual,
        "text 1.65 x longer than guessed": replace(usual, bytes_per_token=4 * 1.65),
        "text 1.65 x shorter than guessed": replace(usual, bytes_per_token=4 / 1.65),
        "each text up to 1.65 x off, either way": replace(usual, scatter=1.65),
        "scores equal": replace(usual, scores=Scores.EQUAL),
        "scores known": replace(usual, scores=Scores.CAPACITY),
        "scores unknown": replace(usual, scores=Scores.UNKNOWN),
        "slots known": replace(usual, slots_known=True),
        "heartbeats every second": replace(usual, heartbeat_s=1.0),
        "heartbeats every 5 s": replace(usual, heartbeat_s=5.0),
        "streams without usage": replace(usual, telling=Telling.COUNTED),
        "engines tell their timings": replace(usual, telling=Telling.TIMINGS),
        "a medium node becomes 10 x slower": replace(usual, incidents=(Incident(IncidentKind.SLOWS, medium, 0.4),)),
        "a fast node becomes 10 x slower": replace(usual, incidents=(Incident(IncidentKind.SLOWS, fast, 0.4),)),
        "the same, and refusing is allowed": replace(
            usual, incidents=(Incident(IncidentKind.SLOWS, fast, 0.4),), admission=True
        ),
        "a medium node joins": replace(usual, incidents=(Incident(IncidentKind.JOINS, medium, 0.4),)),
        "a medium node dies": replace(usual, incidents=(Incident(IncidentKind.DIES, medium, 0.4),)),
    }
