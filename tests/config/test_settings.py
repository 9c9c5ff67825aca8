"""The declarations as a whole: figures promised to operators, and rules that every setting keeps."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields

import pytest

from llmlb.config.declaration import Kind, Setting
from llmlb.config.settings import (
    NodeSettings,
    Settings,
    agent_settings,
    node_settings,
    router_sections,
    router_settings,
    values_of,
)


def _every_setting() -> Iterator[Setting]:
    yield from router_settings().values()
    yield from node_settings().values()
    yield from agent_settings().values()


@pytest.mark.parametrize("each", _every_setting(), ids=lambda each: each.key)
def test_every_number_has_a_range_that_holds_its_default(each: Setting) -> None:
    if each.kind not in (Kind.INTEGER, Kind.NUMBER):
        assert each.rule.low is None
        return
    low, high, default = each.rule.low, each.rule.high, each.default
    assert low is not None
    assert high is not None
    assert low < high
    if default is not None:
        assert isinstance(default, int | float)
        assert low <= default <= high
    if each.rule.dev_low is not None:
        assert each.rule.dev_low < low


@pytest.mark.parametrize("each", _every_setting(), ids=lambda each: each.key)
def test_every_setting_explains_itself_in_a_sentence(each: Setting) -> None:
    assert each.rule.help[0].isalpha()
    assert each.rule.help.endswith(".")
    assert "|" not in each.rule.help


@pytest.mark.parametrize("each", _every_setting(), ids=lambda each: each.key)
def test_every_duration_in_seconds_carries_its_unit_in_the_attribute(each: Setting) -> None:
    assert (each.rule.unit == "s") == each.attribute.endswith("_s")
    assert (each.rule.unit == "bytes") == each.attribute.endswith("_bytes")


def test_no_two_settings_share_a_variable_or_a_flag() -> None:
    for settings in (router_settings(), agent_settings()):
        variables = [name for each in settings.values() for name in each.variables]
        flags = [each.rule.flag for each in settings.values() if each.rule.flag]
        assert len(set(variables)) == len(variables)
        assert len(set(flags)) == len(flags)


@pytest.mark.parametrize(
    ("variable", "key", "default", "allowed"),
    [
        ("LOAD_BALANCER_MODE", "load_balancer.mode", "metrics", "metrics, round_robin, adaptive, module:Class"),
        ("LLMLB_LOAD_BALANCER_MODE", "load_balancer.mode", "metrics", None),
        ("LLMLB_GPU_THRESHOLD", "load_balancer.gpu_threshold", 80, "0..100 %"),
        ("LLMLB_VRAM_THRESHOLD", "load_balancer.vram_threshold", 90, "0..100 %"),
        ("LLMLB_ACTIVE_REQ_THRESHOLD", "load_balancer.active_request_threshold", 10, "0..100000 requests"),
        ("LLMLB_HEALTH_CHECK_INTERVAL", "health.check_interval", 10, "1..60 s"),
        ("LLMLB_NODE_TIMEOUT", "health.node_timeout", 60, "30..300 s"),
        ("LLMLB_HOST", "server.host", "127.0.0.1", None),
        ("LLMLB_PORT", "server.port", 8080, None),
        ("LLMLB_WORKERS", "server.workers", 1, None),
        ("LLMLB_DATABASE_URL", "store.url", "", None),
        ("LLMLB_ADMIN_USERNAME", "auth.admin_username", "admin", None),
        ("LLMLB_ADMIN_PASSWORD", "auth.admin_password", "", None),
        ("LLMLB_JWT_SECRET", "auth.jwt_secret", "", None),
        ("LLMLB_SERVER_TLS_CERT", "server.tls_cert", "", None),
        ("LLMLB_TIMEOUTS_FIRST_BYTE", "timeouts.first_byte", 60, None),
        ("LLMLB_LIMITS_BODY_BYTES", "limits.body_bytes", 33_554_432, None),
    ],
)
def test_name_that_operators_rely_on_has_not_changed(
    variable: str, key: str, default: object, allowed: str | None
) -> None:
    setting = router_settings()[key]
    assert variable in setting.variables
    assert setting.default == default
    assert allowed in (None, setting.range_text())


def test_agent_reads_the_variables_that_operators_rely_on() -> None:
    by_variable = {name: each for each in agent_settings().values() for name in each.variables}
    heartbeat = by_variable["XLLM_HEARTBEAT_SECS"]
    assert (heartbeat.default, heartbeat.range_text()) == (30, "10..60 s")
    assert heartbeat.range_text(dev=True) == "1..60 s"
    assert by_variable["XLLM_TOKEN"].rule.secret
    assert by_variable["LLMLB_URL"].default == "http://localhost:8080"


def test_every_secret_is_declared_secret() -> None:
    secret = {each.key for each in _every_setting() if each.rule.secret}
    assert secret == {
        "alerts.webhook",
        "auth.admin_password",
        "auth.jwt_secret",
        "nodes.<id>.api_key",
        "agent.token",
        "agent.join_token",
        "agent.engine_api_key",
    }


def test_values_of_the_defaults_are_the_declared_defaults() -> None:
    assert values_of(Settings()) == {key: each.default for key, each in router_settings().items()}


def test_values_of_a_named_node_are_listed_under_its_id() -> None:
    settings = Settings(nodes={"gpu.a": NodeSettings(max_concurrency=4)})
    assert values_of(settings)["nodes.gpu.a.max_concurrency"] == 4


def test_settings_cannot_be_changed_in_place() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().server.port = 1  # type: ignore[misc]  # that it is refused is the point


def test_sections_are_the_attributes_of_the_settings() -> None:
    assert [*router_sections(), "nodes"] == [each.name for each in fields(Settings)]


def test_importing_the_settings_loads_nothing_heavy() -> None:
    """Every command imports them; each of these modules costs more than the settings themselves."""
    script = "import sys, llmlb.config.settings, llmlb.config.paths, llmlb.config.secrets_file; print(*sys.modules)"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    heavy = {"pydantic", "asyncio", "tomllib", "platformdirs", "difflib", "secrets", "logging", "typer"}
    assert not heavy & set(output.split())
