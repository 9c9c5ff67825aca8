"""Each check finds its fault, says how to mend it, and keeps silent where nothing is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest
from doctor.clean import (
    CLEAN,
    FLEET,
    NODES,
    with_answer,
    with_data,
    with_fleet,
    with_machine,
    with_node,
    with_settings,
)
from hypothesis import given
from hypothesis import strategies as st

from llmlb.config.bounds import TimeoutsSettings
from llmlb.config.sections import HealthSettings, ModelsSettings, ServerSettings
from llmlb.config.settings import Settings
from llmlb.doctor.checks import CHECKS, diagnose
from llmlb.doctor.world import Engine, NodeState, World

VLLM, OLLAMA, POLLED, PENDING = NODES
DOWN = replace(with_answer(problem="connection refused"), fleet=None, no_fleet="the router does not answer")

SEEDED: dict[str, tuple[World, str]] = {
    "configuration": (with_machine(settings=None, problems=("server.port: 99999 is out of range",)), "99999"),
    "configuration_doubts": (with_machine(warnings=("health.node_timeout is below two intervals",)), "below two"),
    "open_door": (with_settings(Settings(server=ServerSettings(host="0.0.0.0"))), "without TLS"),
    "certificate": (with_machine(certificate_left_s=3 * 86_400.0), "in 3 days"),
    "data_access": (with_data(mode=0o755), "755"),
    "disk_space": (with_data(free_bytes=40_000_000), "40 MB"),
    "store": (with_data(store_problem="/var/lib/llmlb/llmlb.db is damaged"), "damaged"),
    "backups": (with_data(newest_backup_age_s=5 * 86_400.0), "5 days old"),
    "first_password": (with_data(has_first_password=True), "generated password"),
    "port": (replace(DOWN, machine=with_machine(running_pid=None).machine), "another program"),
    "file_limit": (with_machine(file_limit=1024), "1024"),
    "clock_ran_back": (with_data(newest_file_ahead_s=7200.0), "7200 s newer"),
    "router_down": (replace(DOWN, machine=with_machine(running_pid=None, port_is_taken=False).machine), "no router"),
    "not_a_router": (with_answer(headers={}, status=404), "404"),
    "clock_skew": (with_answer(skew_s=-90.0), "90 s behind"),
    "proxy_in_between": (with_answer(headers={"x-llmlb-request-id": "1", "server": "nginx/1.27"}), "nginx"),
    "proxy_variable": (with_answer(proxy="proxy.example:3128"), "proxy.example:3128"),
    "version_skew": (with_fleet(version="0.9.0"), "0.9.0"),
    "proxy_buffers": (with_fleet(first_event_s=None), "did not come"),
    "node_offline": (with_node(replace(VLLM, state="offline")), "its agent is silent"),
    "node_unreachable": (with_node(replace(VLLM, circuit="open", last_error="reset")), "reset"),
    "node_late": (with_node(replace(VLLM, late=True)), "late"),
    "node_pending": (with_node(replace(PENDING, waiting_s=1800.0)), "30 minutes"),
    "heartbeat_too_slow": (with_node(replace(VLLM, heartbeat_s=45.0)), "every 45 s"),
    "figures_missing": (with_node(replace(VLLM, has_figures=False)), "2 GPUs"),
    "duplicate_engine": (with_node(replace(POLLED, id="gpu-5", url=f"{VLLM.url}/v1/")), "gpu-1, gpu-5"),
    "duplicate_model": (with_node(replace(POLLED, models=("qwen3:8b", "gemma3"))), "Qwen/Qwen3-8B"),
    "model_down": (with_node(replace(VLLM, draining=True)), "Qwen/Qwen3-8B"),
    "alias": (with_settings(Settings(models=ModelsSettings(aliases={"fast": "gone"}))), "gone"),
    "gpu_threshold": (with_node(replace(VLLM, excluded_by=("gpu",))), "gpu_threshold = 80"),
    "node_times_out": (with_fleet(attempts=(("gpu-1", "no connection within 2 s"),) * 3), "3 recent tries"),
    "timeout_too_short": (with_node(replace(VLLM, ttft_ms=45_000.0)), "45.0 s"),
    "engine_wants_key": (with_node(replace(VLLM, engine=Engine(status=401))), "401"),
    "engine_broken": (with_node(replace(VLLM, engine=Engine(status=502))), "502"),
    "engine_keep_alive": (with_node(replace(VLLM, engine=Engine(closed_after_s=2.0))), "after 2.0 s"),
    "engine_proxy": (with_node(replace(VLLM, engine=Engine(headers={"via": "1.1 edge"}))), "1.1 edge"),
    "ollama_parallel": (with_node(replace(OLLAMA, max_concurrency=None)), "OLLAMA_NUM_PARALLEL"),
    "ollama_keep_alive": (
        replace(
            with_node(replace(OLLAMA, engine=Engine(is_ollama=True, is_local=True))),
            machine=with_machine(ollama={"OLLAMA_KEEP_ALIVE": "5s", "OLLAMA_NUM_PARALLEL": "4"}).machine,
        ),
        "after its last request",
    ),
}


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    found = diagnose(CLEAN)
    assert found.findings == ()
    assert set(found.checked) == set(CHECKS)
    assert found.skipped == {}


@pytest.mark.parametrize("name", CHECKS)
def test_each_check_finds_its_fault_and_names_a_remedy(name: str) -> None:
    world, words = SEEDED[name]
    mine = [finding for check, finding in diagnose(world).findings if check == name]
    assert len(mine) == 1
    assert words in mine[0].message
    assert mine[0].fix
    assert "\n" not in mine[0].fix


# A fault may have a consequence of its own: a model without its only node, a settings file that cannot be read.
CONSEQUENCES = {
    "node_offline": {"model_down"},
    "node_unreachable": {"model_down"},
    "node_late": {"model_down"},
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_fault_sets_off_no_other_check(name: str) -> None:
    world, _ = SEEDED[name]
    assert {check for check, _ in diagnose(world).findings} - CONSEQUENCES.get(name, set()) == {name}


def test_checks_without_their_ground_are_left_out_and_named() -> None:
    found = diagnose(replace(CLEAN, machine=None, fleet=None, no_machine="elsewhere", no_fleet="no login"))
    assert found.skipped["data_access"] == "elsewhere"
    assert found.skipped["gpu_threshold"] == "no login"
    assert "router_down" in found.checked
    assert set(found.checked) | set(found.skipped) == set(CHECKS)


def test_critical_findings_come_first() -> None:
    world = with_node(replace(VLLM, late=True, engine=Engine(status=502)))
    severities = [finding.severity.value for _, finding in diagnose(world).findings]
    assert severities == sorted(severities)
    assert set(severities) == {"critical", "warning"}


def _found(world: World) -> set[str]:
    return {check for check, _ in diagnose(world).findings}


@pytest.mark.parametrize(
    ("mode", "threshold", "busy", "is_found"),
    [
        ("metrics", 80.0, VLLM, True),
        ("metrics", 100.0, VLLM, False),
        ("round_robin", 80.0, VLLM, False),
        # Full in earnest: another request would not fit.
        ("metrics", 80.0, replace(VLLM, active=10), False),
        ("metrics", 80.0, replace(VLLM, active=2, max_concurrency=2), False),
        ("metrics", 80.0, replace(VLLM, active=0), False),
    ],
)
def test_the_gpu_threshold_is_blamed_only_where_it_excludes_nodes_with_room(
    mode: str, threshold: float, busy: NodeState, is_found: bool
) -> None:
    nodes = (replace(busy, excluded_by=("gpu",)), *NODES[1:])
    world = with_fleet(mode=mode, gpu_threshold=threshold, nodes=nodes)
    assert ("gpu_threshold" in _found(world)) is is_found


def test_past_choices_show_the_gpu_threshold_while_nothing_runs() -> None:
    assert _found(with_fleet(selections={"overloaded_fallback": 60, "least_active": 40})) == {"gpu_threshold"}
    assert _found(with_fleet(selections={"overloaded_fallback": 6, "least_active": 4})) == set()


def test_one_model_on_all_nodes_under_both_names_is_no_split() -> None:
    names = ("qwen3:8b", "Qwen/Qwen3-8B")
    nodes = (replace(VLLM, models=names), replace(OLLAMA, models=names))
    assert "duplicate_model" not in _found(replace(CLEAN, fleet=replace(FLEET, nodes=nodes)))


def test_an_alias_hidden_by_a_model_is_never_followed() -> None:
    world = with_settings(Settings(models=ModelsSettings(aliases={"gemma3": "llama-3.2-1b"})))
    assert "never followed" in diagnose(world).findings[0][1].message


def test_a_known_proxy_is_in_order() -> None:
    behind = replace(SEEDED["proxy_in_between"][0], machine=None, no_machine="elsewhere")
    assert _found(behind) == {"proxy_in_between"}
    known = with_settings(Settings(server=ServerSettings(trusted_proxies=("10.0.0.1",))))
    assert _found(replace(known, router=behind.router)) == set()


@pytest.mark.parametrize(
    ("limit", "variables", "is_found"),
    [
        (4, {"OLLAMA_NUM_PARALLEL": "4"}, False),
        (8, {"OLLAMA_NUM_PARALLEL": "4"}, True),
        (2, {}, True),
        (1, {}, False),
        (8, None, False),
        (None, {"OLLAMA_NUM_PARALLEL": "4"}, True),
    ],
)
def test_ollamas_own_limit_is_compared_where_it_can_be_read(
    limit: int | None, variables: dict[str, str] | None, is_found: bool
) -> None:
    node = replace(OLLAMA, max_concurrency=limit, engine=Engine(is_ollama=True, is_local=True))
    world = replace(with_node(node), machine=with_machine(ollama=variables).machine)
    assert ("ollama_parallel" in _found(world)) is is_found


def test_a_shorter_keep_alive_of_the_router_is_in_order() -> None:
    world = with_node(replace(VLLM, engine=Engine(closed_after_s=2.0)))
    short = with_settings(Settings(timeouts=TimeoutsSettings(node_keep_alive_s=1.0)))
    assert _found(replace(world, machine=short.machine)) == set()


def test_an_announced_keep_alive_counts_where_the_engine_was_not_watched() -> None:
    assert _found(with_node(replace(VLLM, engine=Engine(headers={"keep-alive": "timeout=2, max=9"})))) == {
        "engine_keep_alive"
    }


def test_a_router_of_another_address_is_told_as_such() -> None:
    world = replace(DOWN, machine=with_machine().machine)
    assert [check for check, _ in diagnose(world).findings] == ["port"]
    assert "process 4321" in diagnose(world).findings[0][1].message


def test_an_expired_certificate_is_worse_than_one_that_ends_soon() -> None:
    (_, finding), *_ = diagnose(with_machine(certificate_left_s=-10.0)).findings
    assert finding.severity.value == "critical"


def test_an_online_node_that_only_we_cannot_reach_is_a_finding_on_the_routers_machine_alone() -> None:
    world = with_node(replace(VLLM, engine=Engine(problem="connection refused")))
    assert _found(world) == {"node_unreachable"}
    assert _found(replace(world, machine=None, no_machine="elsewhere")) == set()


def test_a_slow_timeout_is_compared_with_the_settings_in_force() -> None:
    world = with_settings(Settings(health=HealthSettings(node_timeout_s=30.0)))
    assert _found(world) == {"heartbeat_too_slow"}


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_a_node_calls_itself_the_checks_go_through(model: str, error: str) -> None:
    node = NodeState(id="x", url=error, circuit="open", models=(model, error), last_error=error, engine=Engine())
    diagnose(with_node(node))
