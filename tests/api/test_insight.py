"""The router in figures."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from api.rig import Rig, play
from hypothesis import given
from hypothesis import strategies as st

from llmlb import __version__
from llmlb.api import insight
from llmlb.api.insight import fleet_view, quantile_s
from llmlb.core.admission import RefusalKind
from llmlb.core.balancer import Queued
from llmlb.core.choice import InferenceRequest
from llmlb.core.lease import Lease
from llmlb.core.record import ExchangeOutcome, ExchangeRecord
from llmlb.telemetry.histogram import Histogram
from llmlb.wire.insight import RouterStatus

BOUNDS_S = (0.001, 0.002, 0.005, 0.01)


class Patient:
    """A queued request that nobody serves in these tests."""

    def refused(self, kind: RefusalKind) -> None:
        raise AssertionError(kind)


def test_status_is_the_router_on_one_screen(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.online("node-1", max_concurrency=1)
        await rig.register("node-2")
        rig.clock.pass_s(5)
        assert isinstance(rig.services.balancer.offer(InferenceRequest("m"), rig.clock.now_s), Lease)
        waiting = rig.services.balancer.offer(InferenceRequest("m"), rig.clock.now_s, waiter=Patient())
        assert isinstance(waiting, Queued)
        shown = (await rig.ask("GET", "/v0/status", token=rig.viewer)).json()
        assert set(shown) == set(RouterStatus.model_fields)
        assert (shown["version"], shown["status"], shown["uptime_seconds"]) == (__version__, "ready", 5.0)
        assert (shown["in_flight"], shown["queued"], shown["queue"]) == (1, 1, {"m": 1})
        assert shown["nodes"] == {"total": 2, "pending": 1, "online": 1, "offline": 0, "draining": 0, "late": 0}
        assert shown["rates"]["p95_ms"] is None, "nothing was measured"
        rig.calls.draining = True
        assert (await rig.ask("GET", "/v0/status", token=rig.viewer)).json()["status"] == "draining"

    play(tmp_path, scenario)


def test_rates_are_of_the_last_minute(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        now_s, now_unix_s = rig.clock.monotonic(), rig.clock.now_unix_s
        answered = ExchangeRecord(
            "r", now_unix_s, model="m", outcome=ExchangeOutcome.ANSWERED, total_s=2.0, ended_at_s=now_s
        )
        for _ in range(10):
            rig.services.requests.add(answered)
        rig.clock.pass_s(1)
        rates = fleet_view(rig.services)["rates"]
        assert isinstance(rates, dict)
        assert rates["requests_per_second"] == 1.0
        assert rates["p50_ms"] == pytest.approx(2000, rel=0.1)
        rig.clock.pass_s(120)
        rates = fleet_view(rig.services)["rates"]
        assert isinstance(rates, dict)
        assert (rates["requests_per_second"], rates["p50_ms"]) == (0.0, None)

    play(tmp_path, scenario)


def test_rates_of_models_and_nodes_are_told_while_they_have_traffic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(insight, "MODELS_WITH_RATES", 2)

    async def scenario(rig: Rig) -> None:
        for number, model in enumerate(("idle", "some", "most", "some", "most", "most")):
            ended = ExchangeRecord(str(number), 0.0, model=model, node_id=f"of-{model}", completion_tokens=20)
            ended.ended_at_s = rig.clock.monotonic()
            rig.services.requests.add(ended)
        rig.clock.pass_s(1)
        view = (await rig.ask("GET", "/v0/status", token=rig.viewer)).json()
        assert view["rates_by_model"] == {
            "most": {"requests_per_second": 0.3, "tokens_per_second": 6.0},
            "some": {"requests_per_second": 0.2, "tokens_per_second": 4.0},
        }
        assert set(view["rates_by_node"]) == {"of-idle", "of-some", "of-most"}
        rig.clock.pass_s(11)
        view = fleet_view(rig.services)
        assert (view["rates_by_model"], view["rates_by_node"]) == ({}, {})

    play(tmp_path, scenario)


def test_stats_count_selections_by_node_and_by_reason(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        path = "/v0/load-balancer/stats"
        empty = (await rig.ask("GET", path, token=rig.viewer)).json()
        assert empty["selection_time"] == {"count": 0, "mean_ms": None, "p99_ms": None}
        for node_id in ("node-1", "node-2"):
            await rig.online(node_id)
        for _ in range(4):
            rig.services.balancer.offer(InferenceRequest("m"), rig.clock.now_s)
            rig.services.metrics.selections_s.append(0.0005)
        stats = (await rig.ask("GET", path, token=rig.viewer)).json()
        assert stats["total_selections"] == 4
        assert {node: sum(by_reason.values()) for node, by_reason in stats["selections"].items()} == {
            "node-1": 2,
            "node-2": 2,
        }
        assert sum(stats["reasons"].values()) == 4
        assert stats["selection_time"]["count"] == 4
        assert stats["selection_time"]["mean_ms"] == pytest.approx(0.5)

    play(tmp_path, scenario)


def test_quantile_lies_in_the_bucket_of_its_rank() -> None:
    histogram = Histogram(BOUNDS_S)
    for value_s in [0.0005] * 98 + [0.0015, 0.004]:
        histogram.observe(value_s)
    assert quantile_s(histogram, 0.5) <= 0.001
    assert 0.001 < quantile_s(histogram, 0.99) <= 0.002
    assert 0.002 < quantile_s(histogram, 1.0) <= 0.005


def test_quantile_beyond_the_last_bound_is_that_bound() -> None:
    histogram = Histogram(BOUNDS_S)
    histogram.observe(5.0)
    assert quantile_s(histogram, 0.99) == 0.01


@given(st.lists(st.floats(0, 0.02), min_size=1), st.floats(0.01, 1.0))
def test_quantiles_grow_and_stay_within_the_bounds(values_s: list[float], q: float) -> None:
    histogram = Histogram(BOUNDS_S)
    for value_s in values_s:
        histogram.observe(value_s)
    found = [quantile_s(histogram, share) for share in sorted((0.01, q, 1.0))]
    assert all(0 <= lower <= upper <= BOUNDS_S[-1] for lower, upper in pairwise(found))
