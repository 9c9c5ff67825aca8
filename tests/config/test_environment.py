"""Reading variables: both spellings, misspellings, and what other programs put there."""

from __future__ import annotations

import pytest

from llmlb.config.environment import COMMAND_VARIABLES, read_agent_variables, read_router_variables
from llmlb.config.origins import Origin, OriginKind
from llmlb.config.settings import router_settings


def test_variable_is_read_and_remembered_as_origin() -> None:
    reading = read_router_variables({"LLMLB_PORT": "9000", "HOME": "/root"})
    assert reading.values == {"server.port": 9000}
    assert reading.origins == {"server.port": Origin(OriginKind.ENVIRONMENT, "LLMLB_PORT")}


@pytest.mark.parametrize("variable", ["LOAD_BALANCER_MODE", "LLMLB_LOAD_BALANCER_MODE"])
def test_mode_has_two_variables(variable: str) -> None:
    assert read_router_variables({variable: "round_robin"}).values == {"load_balancer.mode": "round_robin"}


def test_prefixed_mode_wins_and_the_other_one_is_mentioned() -> None:
    reading = read_router_variables({"LOAD_BALANCER_MODE": "metrics", "LLMLB_LOAD_BALANCER_MODE": "adaptive"})
    assert reading.values == {"load_balancer.mode": "adaptive"}
    assert reading.warnings == (
        "environment variable LOAD_BALANCER_MODE: ignored, because LLMLB_LOAD_BALANCER_MODE is set as well",
    )


def test_equal_values_in_both_mode_variables_are_no_matter() -> None:
    reading = read_router_variables({"LOAD_BALANCER_MODE": "metrics", "LLMLB_LOAD_BALANCER_MODE": "metrics"})
    assert reading.warnings == ()


@pytest.mark.parametrize("blank", ["", "  "])
def test_empty_variable_counts_as_not_set(blank: str) -> None:
    reading = read_router_variables({"LLMLB_PORT": blank, "LLMLB_QUEUE_ZEBRA": blank})
    assert (dict(reading.values), reading.problems) == ({}, ())


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("LLMLB_PORT", "http", 'server.port: "http" is not a whole number: give 0..65535, for example 8080'),
        ("LLMLB_GPU_THRESHOLD", "80%", '"80%" is not a number: give 0..100 %, for example 80'),
        ("LLMLB_GPU_TRESHOLD", "80", 'unknown; did you mean "LLMLB_GPU_THRESHOLD"?'),
        ("LLMLB_SERVER_PORT", "80", 'unknown; did you mean "LLMLB_PORT"?'),
        ("LLMLB_HEALTH_NODE_TIMEOUT", "60", 'unknown; did you mean "LLMLB_NODE_TIMEOUT"?'),
        ("LLMLB_QUEUE_WAITS", "60", 'unknown; did you mean "LLMLB_QUEUE_WAIT"?'),
        ("LLMLB_NODES_GPU1_API_KEY", "k", "unknown; nodes have no variables, write [nodes.ID] in config.toml"),
        ("LLMLB_METRICS_ZEBRA", "60", "unknown; [metrics] has LLMLB_METRICS_PUBLIC"),
    ],
)
def test_mistake_is_named_with_its_variable_and_remedy(variable: str, value: str, problem: str) -> None:
    (found,) = read_router_variables({variable: value}).problems
    assert found.startswith(f"environment variable {variable}: ")
    assert found.endswith(problem)


@pytest.mark.parametrize("variable", ["LLMLB_TEST_ENGINE", "LLMLB_FOO", "LLMLBX_PORT", "PORT", *COMMAND_VARIABLES])
def test_variable_of_somebody_else_is_left_alone(variable: str) -> None:
    assert read_router_variables({variable: "x"}).problems == ()


def test_no_command_variable_is_a_setting() -> None:
    assert not COMMAND_VARIABLES & {name for each in router_settings().values() for name in each.variables}


def test_service_links_of_kubernetes_do_not_stop_the_start() -> None:
    reading = read_router_variables(
        {
            "LLMLB_PORT": "tcp://10.0.0.1:8080",
            "LLMLB_PORT_8080_TCP": "tcp://10.0.0.1:8080",
            "LLMLB_PORT_8080_TCP_ADDR": "10.0.0.1",
            "LLMLB_SERVICE_HOST": "10.0.0.1",
            "LLMLB_SERVICE_PORT": "8080",
            "LLMLB_SERVICE_PORT_HTTP": "8080",
            "LLMLB_SERVER_PORT": "tcp://10.0.0.1:8080",
            "LLMLB_SERVER_SERVICE_HOST": "10.0.0.1",
            "LLMLB_SERVER_PORT_8080_TCP_PROTO": "tcp",
        }
    )
    assert (dict(reading.values), reading.problems) == ({}, ())
    (warning,) = reading.warnings
    assert warning.startswith("environment variable LLMLB_PORT: ignored")
    assert "enableServiceLinks" in warning


def test_secret_from_a_variable_is_not_repeated() -> None:
    (problem,) = read_router_variables({"LLMLB_JWT_SECRET": "hunter2\x1b" * 5}).problems
    assert "hunter2" not in problem


def test_name_that_is_not_text_can_still_be_complained_about() -> None:
    problems = read_router_variables({"LLMLB_QUEUE_\udcff": "1"}).problems
    assert "".join(problems).isprintable()


def test_agent_reads_its_own_variables() -> None:
    reading = read_agent_variables({"XLLM_HEARTBEAT_SECS": "15", "LLMLB_URL": "http://r:8080", "XLLM_TOKEN": "nt_x"})
    assert reading.values == {"agent.heartbeat": 15, "agent.router": "http://r:8080", "agent.token": "nt_x"}


def test_misspelt_variable_of_the_agent_is_named() -> None:
    reading = read_agent_variables({"XLLM_HEARTBEAT_SEC": "15", "XLLM_CUDA_GRAPH": "1"})
    assert reading.problems == (
        'environment variable XLLM_HEARTBEAT_SEC: unknown; did you mean "XLLM_HEARTBEAT_SECS"?',
    )


def test_heartbeats_of_one_second_need_dev() -> None:
    (problem,) = read_agent_variables({"XLLM_HEARTBEAT_SECS": "1"}).problems
    assert problem.endswith("1 is out of range: give 10..60 s, for example 30; 1..10 s needs --dev")
    assert read_agent_variables({"XLLM_HEARTBEAT_SECS": "1"}, dev=True).values == {"agent.heartbeat": 1}
