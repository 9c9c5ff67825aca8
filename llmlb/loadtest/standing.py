"""How the gates of a run stand while it is going on. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from llmlb.loadtest.evidence import Evidence, Yardstick, overhead_of
from llmlb.loadtest.gates import Gate
from llmlb.loadtest.honesty import judge
from llmlb.loadtest.percentiles import Sample
from llmlb.loadtest.record import Record
from llmlb.loadtest.verdicts import Verdict, verdicts


def standing(
    gates: Sequence[Gate], yardstick: Yardstick, records: Sequence[Record], nodes: Sequence[str]
) -> tuple[Verdict, ...]:
    """One verdict per gate over the requests that have ended; the run's end has the last word.

    nodes: those that could have served.
    """
    ours = [record for record in records if record.label.arm == 0]
    summary = yardstick.measure(ours, nodes)
    times = summary.times
    honesty = judge(times["lag"], times["ttft"], loop_lags_ms=Sample(()), cpu_s=0.0, window_s=0.0, sockets=0)
    overhead = overhead_of(yardstick.pair(records, {}), yardstick)
    return verdicts(gates, Evidence(ours, summary, honesty, yardstick, overhead))
