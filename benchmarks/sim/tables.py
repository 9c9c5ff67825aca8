"""The tables and the picture of the benchmark's page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.sim.fleets import FLEETS
from benchmarks.sim.picture import drawn
from benchmarks.sim.report import grid, verdicts
from benchmarks.sim.results import Verdict
from benchmarks.sim.study import (
    CONTENDERS,
    TRAFFICS,
    Job,
    Source,
    Traffic,
    circumstances,
    conditions_for,
    done,
    requests_for,
    workload_of,
)

PICTURED_LOADS = tuple(tenth / 10 for tenth in range(2, 13))
PICTURED_REQUESTS = 2_000
OBJECTIVE = (
    "Good: first token within 2 s and then at most 100 ms per token. Load 1.0: all that 16 unequal nodes can carry."
)


def comparisons(seed: int) -> Iterator[str]:
    """Every kind of traffic on every fleet, all contenders; for chat also the highest load, where that is quick."""
    for traffic in TRAFFICS:
        for fleet in ("small", "medium", "large", "homogeneous"):
            source = Source(traffic.workload, requests_for(fleet), seed)
            search = fleet != "large" and traffic.workload == "chat"
            yield comparison(list(CONTENDERS), fleet, source, traffic, seed, search=search)


def comparison(
    policies: Sequence[str], fleet: str, source: Source, traffic: Traffic, seed: int, *, search: bool
) -> str:
    """One table. search: look for the highest load with 95 % good as well."""
    jobs = [
        Job(policy, fleet, source, conditions_for(policy, load=traffic.load, admission=traffic.admission), seed)
        for policy in policies
    ]
    jobs += [replace(job, highest=True) for job in jobs if search]
    results = done(jobs)
    rows: list[tuple[str, Verdict, float | None]] = []
    for number, policy in enumerate(policies):
        verdict, load = results[number], results[len(policies) + number] if search else None
        assert isinstance(verdict, Verdict)
        rows.append((CONTENDERS[policy].title, verdict, load if isinstance(load, float) else None))
    plan = FLEETS[fleet]
    rate = traffic.load * plan.capacity(workload_of(source))
    admission = ", refusing allowed" if traffic.admission else ""
    heading = (
        f"{traffic.title}, {fleet} fleet ({len(plan.nodes)} nodes), load {traffic.load:g} = {rate:.1f} requests/s"
        f"{admission}, {source.requests} requests, seed {seed}"
    )
    return verdicts(heading, rows)


def sensitivity(policies: Sequence[str], traffic: Traffic, source: Source, seed: int) -> str:
    """What unusual circumstances do to the good answers and to the p99 of the first token, on the medium fleet."""
    columns = {policy: circumstances(conditions_for(policy, load=traffic.load)) for policy in policies}
    titles = list(columns[policies[0]])
    results = iter(
        done(Job(policy, "medium", source, columns[policy][title], seed) for title in titles for policy in policies)
    )
    cells = [[f"{traffic.title}, load {traffic.load:g}", *(CONTENDERS[policy].title for policy in policies), ""]]
    for title in titles:
        row = [title]
        for _ in policies:
            verdict = next(results)
            assert isinstance(verdict, Verdict)
            row.append(f"{verdict.good:.1%} {verdict.ttft_p99_s:6.2f} s")
        cells.append([*row, ""])
    return grid("Share of good answers, TTFT p99; medium fleet", cells)


def picture(seed: int) -> str:
    """Good answers over the load, for the two kinds of steady traffic on the medium fleet."""
    panels: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for traffic in TRAFFICS[:2]:
        source = Source(traffic.workload, PICTURED_REQUESTS, seed)
        jobs = [
            Job(policy, "medium", source, conditions_for(policy, load=load), seed)
            for policy in CONTENDERS
            for load in PICTURED_LOADS
        ]
        lines: dict[str, list[tuple[float, float]]] = {}
        for job, verdict in zip(jobs, done(jobs), strict=True):
            assert isinstance(verdict, Verdict)
            lines.setdefault(CONTENDERS[job.policy].title, []).append((job.conditions.load, verdict.good))
        panels[traffic.title] = lines
    return drawn(panels, loads=(PICTURED_LOADS[0], PICTURED_LOADS[-1]), objective=OBJECTIVE)


def put_between_marks(document: Path, name: str, text: str) -> None:
    """Replace what stands between ``<!-- name -->`` and ``<!-- /name -->``. Raises ValueError without such marks."""
    before = document.read_text(encoding="utf-8")
    after, count = re.subn(
        rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", lambda found: f"{found[1]}{text}{found[2]}", before, flags=re.S
    )
    if count != 1:
        raise ValueError(f"{document}: the marks <!-- {name} --> and <!-- /{name} --> must stand there once")
    document.write_text(after, encoding="utf-8")
