from __future__ import annotations

import pytest

from llmlb.errors import ConfigurationError
from llmlb.loadtest.gates import AGGREGATES, SCALARS, TIMES, Scope, parse_gate


@pytest.mark.parametrize(
    ("text", "metric", "aggregate", "operator", "value"),
    [
        ("p99_ttft>500ms", "ttft", "p99", ">", 0.5),
        ("p99.9_ttft_service >= 2s", "ttft_service", "p99.9", ">=", 2),
        ("max_stall>1m", "stall", "max", ">", 60),
        ("mean_overhead>3ms", "overhead", "mean", ">", 0.003),
        ("errors>0", "errors", "", ">", 0),
        ("error_rate>1%", "error_rate", "", ">", 0.01),
        ("goodput_rate<0.95", "goodput_rate", "", "<", 0.95),
        ("imbalance>1.3", "imbalance", "", ">", 1.3),
        ("rps!=10", "rps", "", "!=", 10),
        ("lag>20ms", "lag", "", ">", 0.02),
    ],
)
def test_gates_are_read(text: str, metric: str, aggregate: str, operator: str, value: float) -> None:
    gate = parse_gate(text)
    assert (gate.metric, gate.aggregate, gate.operator) == (metric, aggregate, operator)
    assert gate.value == pytest.approx(value)
    assert gate.fault == ""


@pytest.mark.parametrize(
    ("text", "scope", "name"),
    [
        ("node:gpu-1.p90_ttft>1s", Scope.NODE, "gpu-1"),
        ("node:a.b.c.errors>0", Scope.NODE, "a.b.c"),
        ("node:a.p99.9_ttft>1s", Scope.NODE, "a"),
        ("reason:retry.errors>0", Scope.REASON, "retry"),
        ("tenant:a.errors>0", Scope.TENANT, "a"),
    ],
)
def test_scopes_are_read_also_for_names_with_dots(text: str, scope: Scope, name: str) -> None:
    gate = parse_gate(text)
    assert (gate.scope, gate.name) == (scope, name)
    assert gate.fault == ""


@pytest.mark.parametrize(
    "text", ["", "errors", "errors>", ">5", "errors => 5", "p99_ttft>500", "p99_ttft>fast", "1x>2"]
)
def test_what_is_no_condition_is_refused_before_the_run(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_gate(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("p99_tttf>1s", "unknown metric 'tttf'; did you mean 'ttft'?"),
        ("speed>1", "unknown metric 'speed'; known are"),
        ("ttft>1s", "ttft needs one of"),
        ("p42_ttft>1s", "ttft needs one of"),
        ("min_ttft>1s", "ttft needs one of"),
        ("p90_errors>1", "errors is one figure and takes no p90"),
    ],
)
def test_a_gate_that_can_never_be_evaluated_says_why(text: str, fault: str) -> None:
    assert parse_gate(text).fault.startswith(fault)


@pytest.mark.parametrize("metric", [*SCALARS, *(f"{a}_{m}" for a in AGGREGATES for m in TIMES)])
def test_every_documented_metric_can_be_written(metric: str) -> None:
    value = "1s" if metric == "lag" or metric not in SCALARS else "1"
    assert parse_gate(f"{metric}>{value}").fault == ""


def test_infinity_trips_a_greater_than_gate() -> None:
    assert parse_gate("p99_ttft>1s").trips(float("inf"))
    assert not parse_gate("p99_ttft>1s").trips(1.0)
