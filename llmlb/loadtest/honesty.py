"""Whether this client was fast enough for its own figures to be believed. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from llmlb.loadtest.percentiles import Sample

MAX_LAG_S = 0.020
MAX_LAG_OF_TTFT = 0.05
MAX_CPU_SHARE = 0.85
MIN_CPU_WINDOW_S = 2.0
"""A run shorter than this is one burst: its CPU share says nothing about keeping up."""

_LADDER = (99.0, 95.0, 90.0, 50.0)


@dataclass(frozen=True, slots=True)
class Honesty:
    """The verdict about the client.

    lag: sent, less when it could have been sent, in seconds, at percentile lag_q (the highest that the number of
    requests carries, at most p99).  loop_lag_p99_s: lateness of the event loop.  cpu_share: of one core.
    faults: why the figures cannot be believed; empty when they can.
    """

    lag_q: float
    lag_s: float
    lag_max_s: float
    lag_limit_s: float
    loop_lag_p99_s: float
    cpu_share: float
    sockets: int
    faults: tuple[str, ...]

    @property
    def is_honest(self) -> bool:
        return not self.faults


def judge(lag: Sample, ttft: Sample, *, loop_lags_ms: Sample, cpu_s: float, window_s: float, sockets: int) -> Honesty:
    """Compares the lag with 20 ms or 5 % of the median TTFT, whichever is more, and the CPU with 85 %."""
    q = next((q for q in _LADDER if lag.carries(q)), 50.0)
    lag_s = lag.percentile(q) if len(lag) else 0.0
    measured = ttft.measured
    limit_s = max(MAX_LAG_S, MAX_LAG_OF_TTFT * Sample(measured).percentile(50) if measured else 0.0)
    cpu_share = cpu_s / window_s if window_s > 0 else 0.0
    faults = []
    if lag_s > limit_s:
        faults.append(
            f"requests left {lag_s * 1000:.0f} ms late (p{q:g}; allowed {limit_s * 1000:.0f} ms): "
            "use fewer users, a lower rate, or a less busy machine"
        )
    if cpu_share > MAX_CPU_SHARE and window_s >= MIN_CPU_WINDOW_S:
        faults.append(f"this client used {cpu_share:.0%} of a core: split the load over several clients")
    return Honesty(
        lag_q=q,
        lag_s=lag_s,
        lag_max_s=lag.maximum if len(lag) else 0.0,
        lag_limit_s=limit_s,
        loop_lag_p99_s=loop_lags_ms.percentile(99) / 1000 if len(loop_lags_ms) else 0.0,
        cpu_share=cpu_share,
        sockets=sockets,
        faults=tuple(faults),
    )
