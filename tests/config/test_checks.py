"""Contradictions and shapes that no single range can exclude."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.config.assembly import assemble
from llmlb.config.checks import find_agent_problems, find_problems, find_warnings, is_loopback
from llmlb.config.declaration import Value
from llmlb.config.settings import AgentSettings


def _problems(key: str, value: Value, *, dev: bool = False) -> list[str]:
    return [text for found, text in find_problems(assemble({key: value}), dev=dev) if found == key]


@pytest.mark.parametrize(
    "mode", ["metrics", "round_robin", "adaptive", "mine", "my_policies.fair:Fair", "my.policies:_F1"]
)
def test_mode_may_be_built_in_or_a_policy_of_ones_own(mode: str) -> None:
    assert _problems("load_balancer.mode", mode) == []


@pytest.mark.parametrize("mode", ["", "1st", "a:b:c", "a:", ":b", "a b", "os.system('x')", "módulo", "../x"])
def test_mode_of_another_shape_is_refused(mode: str) -> None:
    (problem,) = _problems("load_balancer.mode", mode)
    assert "give metrics, round_robin, adaptive or module:Class" in problem


def test_mode_with_a_dash_suggests_the_one_that_was_meant() -> None:
    (problem,) = _problems("load_balancer.mode", "round-robin")
    assert problem.endswith('did you mean "round_robin"?')


@pytest.mark.parametrize("url", ["pager.example/hook", "ftp://pager.example", "https:///T0/hook-secret", "http:// x"])
def test_webhook_of_another_shape_is_refused_without_repeating_it(url: str) -> None:
    (problem,) = _problems("alerts.webhook", url)
    assert "write https://HOST/PATH" in problem
    assert url not in problem


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::", "::1", "fe80::1%eth0", "gpu-01.lan", "localhost"])
def test_address_or_host_name_is_accepted(host: str) -> None:
    assert _problems("server.host", host) == []


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("", "is no host"),
        ("*", "is no host"),
        ("0.0.0.0:8080", "the port goes to server.port"),
        ("http://127.0.0.1", "is no host"),
        ("300.1.1.1", "is no host"),
        ("a b", "is no host"),
        ("a" * 254, "is no host"),
        ("[::1]", "has brackets: write ::1"),
    ],
)
def test_host_of_another_shape_is_refused(host: str, words: str) -> None:
    (problem,) = _problems("server.host", host)
    assert words in problem


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST", "::ffff:127.0.0.1"])
def test_dev_listens_on_loopback(host: str) -> None:
    assert is_loopback(host)
    assert _problems("server.host", host, dev=True) == []


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1", "localhost.evil.example", "2130706433"]
)
def test_dev_refuses_an_address_that_others_can_reach(host: str) -> None:
    assert not is_loopback(host)
    assert len(_problems("server.host", host, dev=True)) == 1


def test_dev_refusal_names_the_way_out() -> None:
    (problem,) = _problems("server.host", "0.0.0.0", dev=True)
    assert problem == "0.0.0.0 can be reached from other machines, and --dev has open doors: use 127.0.0.1"


def test_more_than_one_worker_is_refused_with_a_clear_line() -> None:
    (problem,) = _problems("server.workers", 2)
    assert problem == "the router runs as one process, more workers do not work yet: set it to 1"


@pytest.mark.parametrize(("given", "missing"), [("tls_cert", "tls_key"), ("tls_key", "tls_cert")])
def test_half_of_a_key_pair_is_refused(given: str, missing: str) -> None:
    (problem,) = _problems(f"server.{given}", "x.pem")
    assert f"give server.{missing} as well" in problem


def test_whole_key_pair_is_accepted() -> None:
    assert [*find_problems(assemble({"server.tls_cert": "c.pem", "server.tls_key": "k.pem"}))] == []


def test_proxy_may_be_an_address_or_a_network() -> None:
    assert _problems("server.trusted_proxies", ("10.0.0.5", "10.1.2.3/16", "::1", "fd00::/8")) == []
    (problem,) = _problems("server.trusted_proxies", ("10.0.0.5", "proxy.lan"))
    assert '"proxy.lan" is no address' in problem


def test_trusting_every_proxy_is_warned_about() -> None:
    (warning,) = find_warnings(assemble({"server.trusted_proxies": ("0.0.0.0/0",)}))
    assert "every client can then claim any address" in warning


@pytest.mark.parametrize("url", ["", "sqlite:///llmlb.db", "sqlite:////var/lib/llmlb/llmlb.db"])
def test_sqlite_file_is_accepted(url: str) -> None:
    assert _problems("store.url", url) == []


@pytest.mark.parametrize("url", ["postgresql://u:hunter2@db/llmlb", "postgres://db", "postgresql+psycopg://db"])
def test_postgresql_is_refused_with_a_clear_line_and_without_its_password(url: str) -> None:
    assert _problems("store.url", url) == ["PostgreSQL does not work yet: use sqlite:///PATH, or leave it out"]


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "mysql://db", "/var/lib/llmlb.db"])
def test_other_stores_are_refused(url: str) -> None:
    (problem,) = _problems("store.url", url)
    assert problem.startswith("is no SQLite file")


@pytest.mark.parametrize("password", ["test", "admin", "Password", "changeme"])
def test_well_known_password_works_only_in_demonstrations(password: str) -> None:
    (problem,) = _problems("auth.admin_password", password)
    assert password not in problem
    assert _problems("auth.admin_password", password, dev=True) == []


def test_password_longer_than_a_kibibyte_is_refused() -> None:
    assert len(_problems("auth.admin_password", "ü" * 513)) == 1
    assert _problems("auth.admin_password", "ü" * 512) == []


@pytest.mark.parametrize(("secret", "count"), [("", 0), ("s" * 31, 1), ("s" * 32, 0), ("ü" * 16, 0)])
def test_signing_secret_has_at_least_32_bytes(secret: str, count: int) -> None:
    assert len(_problems("auth.jwt_secret", secret)) == count


@pytest.mark.parametrize("name", ["", "a b", "ad\u202emin", "x" * 65])
def test_user_name_that_could_deceive_is_refused(name: str) -> None:
    assert len(_problems("auth.admin_username", name)) == 1


def test_circuit_that_opens_longer_than_its_cap_is_refused() -> None:
    (problem,) = _problems("circuit.base", 121.0)
    assert problem == "is longer than circuit.cap: give at most 120 s, or raise circuit.cap"


def test_alias_of_itself_is_refused_and_an_alias_of_an_alias_warned_about() -> None:
    assert len(_problems("models.aliases", {"a": "a"})) == 1
    (warning,) = find_warnings(assemble({"models.aliases": {"a": "b", "b": "c"}}))
    assert warning.startswith("models.aliases: a = b is an alias of an alias")


def test_timeout_below_two_heartbeats_is_a_warning_and_no_refusal() -> None:
    settings = assemble({"health.node_timeout": 59.0})
    assert [*find_problems(settings)] == []
    (warning,) = find_warnings(settings)
    assert warning.startswith("health.node_timeout of 59 s is below two heartbeat intervals of 30 s")


def test_timeout_below_two_checks_is_a_warning() -> None:
    warnings = [*find_warnings(assemble({"health.node_timeout": 60.0, "health.check_interval": 31.0}))]
    assert warnings == ["health.node_timeout of 60 s is below two check intervals of 31 s. Raise it."]


def test_short_times_of_a_demonstration_are_not_warned_about() -> None:
    assert [*find_warnings(assemble({"health.node_timeout": 2.0, "health.check_interval": 0.2}), dev=True)] == []


@given(st.text(max_size=20))
def test_any_host_is_accepted_or_refused_printably(host: str) -> None:
    assert all(text.isprintable() for text in _problems("server.host", host, dev=True))


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (replace(AgentSettings(), router_url="router:8080"), "agent.router"),
        (replace(AgentSettings(), engine_url="localhost:11434"), "agent.engine_url"),
        (replace(AgentSettings(), advertise_url="ftp://x"), "agent.advertise_url"),
        (replace(AgentSettings(), node_id="-x"), "agent.node_id"),
        (replace(AgentSettings(), gpus=("0", "first")), "agent.gpus"),
        (replace(AgentSettings(), node_id="x" * 64), "agent.node_id"),
    ],
)
def test_agent_refuses_what_is_no_address_or_no_node_id(settings: AgentSettings, key: str) -> None:
    assert [found for found, _ in find_agent_problems(settings)] == [key]


def test_agent_accepts_its_defaults() -> None:
    assert [*find_agent_problems(AgentSettings())] == []
