"""Records and results made by hand, for tests that need no server."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import replace

from llmlb.loadtest.evidence import Evidence, Yardstick, overhead_of
from llmlb.loadtest.gates import parse_gate
from llmlb.loadtest.honesty import judge
from llmlb.loadtest.percentiles import Sample
from llmlb.loadtest.plan import ClosedLoop, Plan, Slo
from llmlb.loadtest.record import Label, Record, Routing, Tokens
from llmlb.loadtest.result import Phase, Result
from llmlb.loadtest.taxonomy import Ending
from llmlb.loadtest.timeline import timeline
from llmlb.loadtest.verdicts import verdicts


def record(
    index: int = 0,
    *,
    at_s: float = 0.0,
    sent_s: float | None = None,
    ttft_s: float | None = 0.1,
    gaps_s: Sequence[float] = (0.01, 0.01),
    ending: Ending = Ending.OK,
    node: str = "",
    reason: str = "",
    attempts: int = 1,
    tokens: Tokens | None = None,
    e2e_s: float | None = None,
    label: Label | None = None,
    connect_s: float = 0.0,
) -> Record:
    """A request scheduled at ``at_s``; its times count from there."""
    sent_at_s = at_s if sent_s is None else sent_s
    first_at_s = None if ttft_s is None else at_s + ttft_s
    events = 0 if first_at_s is None else len(gaps_s) + 1
    ended_at_s = at_s + (e2e_s if e2e_s is not None else (0.05 if ttft_s is None else ttft_s) + math.fsum(gaps_s))
    return Record(
        label=label or Label(index),
        ending=ending,
        detail="" if ending.is_ok else f"made to end as {ending}",
        status=200 if ending.is_ok else 503,
        scheduled_at_s=at_s,
        slot_at_s=at_s,
        sent_at_s=sent_at_s if math.isfinite(sent_at_s) else None,
        head_at_s=sent_at_s + 0.001,
        first_content_at_s=first_at_s,
        first_answer_at_s=first_at_s,
        ended_at_s=ended_at_s,
        connect_s=connect_s,
        content_gaps_s=array("d", gaps_s if first_at_s is not None else ()),
        events=events,
        finish_reason="stop" if ending.is_ok else "",
        tokens=tokens or Tokens(prompt=10, completion=events),
        routing=Routing(node=node, reason=reason, attempts=attempts, queue_ms=1.0, overhead_ms=0.5),
    )


def fleet_records() -> list[Record]:
    """Sixty requests over three nodes, two of them failed; everything by formula."""
    records = []
    for index in range(60):
        ttft_s = 0.1 + 0.002 * (index % 20)
        failed = index in (7, 40)
        records.append(
            replace(
                record(
                    index,
                    at_s=0.05 * index,
                    ttft_s=None if failed else ttft_s,
                    gaps_s=(0.01, 0.02, 0.01),
                    ending=Ending.HTTP_503 if failed else Ending.OK,
                    node="" if failed else f"node-{1 + index % 3}",
                    reason="" if failed else ("retry" if index % 10 == 1 else "least_active"),
                    attempts=2 if index % 10 == 1 else 1,
                ),
                detail="HTTP 503: no node | could <b>take</b> it" if failed else "",
            )
        )
    return records


def result(
    records: Sequence[Record] | None = None,
    *,
    gates: Sequence[str] = (),
    plan: Plan | None = None,
    phases: bool = False,
    interrupted: bool = False,
    cpu_s: float = 0.1,
) -> Result:
    """A whole result from records, as ``run`` would put it together."""
    records = fleet_records() if records is None else records
    plan = plan or Plan(
        load=ClosedLoop(users=4, requests=60),
        slo=Slo(ttft_s=0.13),
        gates=tuple(parse_gate(gate) for gate in gates),
    )
    ours = [each for each in records if each.label.arm == 0]
    theirs = [each for each in records if each.label.arm == 1]
    yardstick = Yardstick.of(plan)
    summary = yardstick.measure(ours, ("node-1", "node-2", "node-3"))
    honesty = judge(
        summary.times["lag"],
        summary.times["ttft"],
        loop_lags_ms=Sample([0.5, 1.0]),
        cpu_s=cpu_s,
        window_s=3.0,
        sockets=4,
    )
    paired = yardstick.pair(records, {})
    return Result(
        plan=plan,
        run_id="0badcafe",
        target_url="http://127.0.0.1:8080",
        opponent_urls=("http://127.0.0.1:8000",) if theirs else (),
        side_names=("http://127.0.0.1:8080", *(["http://127.0.0.1:8000"] if theirs else [])),
        model="tiny",
        started_at_unix_s=1_750_000_000.0,
        environment={"llmlb": "0", "python": "3", "system": "Linux", "cpus": 2, "event_loop": "asyncio"},
        records=tuple(records),
        summary=summary,
        phases=(Phase("1 user", summary), Phase("2 users", summary)) if phases else (),
        opponent=yardstick.measure(theirs, ()) if theirs else None,
        pairing=paired,
        capacity=None,
        honesty=honesty,
        verdicts=verdicts(plan.gates, Evidence(ours, summary, honesty, yardstick, overhead_of(paired, yardstick))),
        timeline=timeline(records),
        interrupted=interrupted,
    )
