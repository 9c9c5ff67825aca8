"""Joining the sources: which one wins, where a value came from, and that nothing is dropped in silence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.config.loading import (
    Loaded,
    Origin,
    OriginKind,
    StoredValue,
    apply_stored,
    load_agent_settings,
    load_settings,
    show_settings,
)
from llmlb.config.settings import NodeSettings, Settings
from llmlb.errors import ConfigurationError

_NOTHING: Mapping[str, str] = {}


def _load(
    directory: Path,
    *,
    file: str | None = None,
    environ: Mapping[str, str] = _NOTHING,
    flags: Mapping[str, object] = _NOTHING,
    dev: bool = False,
) -> Loaded:
    """Loads in `directory` as working and data directory, where `file` becomes config.toml."""
    if file is not None:
        (directory / "config.toml").write_text(file)
        (directory / "config.toml").chmod(0o600)
    return load_settings(data_dir=directory, environ=environ, working_dir=directory, flags=flags, dev=dev)


def _refused(directory: Path, **sources: object) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        _load(directory, **sources)  # type: ignore[arg-type]  # passed on as they came
    return refused.value.message.splitlines()


def test_without_any_source_everything_is_the_default(tmp_path: Path) -> None:
    loaded = _load(tmp_path)
    assert loaded.settings == Settings()
    assert (loaded.file, loaded.warnings) == (None, ())
    assert {str(origin) for origin in loaded.origins.values()} == {"default"}


_PORTS = st.integers(0, 65_535)


@given(file=st.none() | _PORTS, variable=st.none() | _PORTS, flag=st.none() | _PORTS)
def test_flag_wins_over_variable_over_file_over_default(
    file: int | None, variable: int | None, flag: int | None
) -> None:
    with TemporaryDirectory() as name:
        loaded = _load(
            Path(name),
            file=None if file is None else f"[server]\nport = {file}\n",
            environ={} if variable is None else {"LLMLB_PORT": str(variable)},
            flags={"server.port": flag},
        )
    given = [each for each in (flag, variable, file, 8080) if each is not None]
    assert loaded.settings.server.port == given[0]
    kinds = zip((flag, variable, file, 8080), ("flag", "environment", "file", "default"), strict=True)
    assert loaded.origins["server.port"].kind == next(kind for value, kind in kinds if value is not None)


def test_origin_names_line_variable_and_flag(tmp_path: Path) -> None:
    loaded = _load(
        tmp_path,
        file="[queue]\nwait = 5\n[nodes.a]\napi_key = 'k'\n",
        environ={"LLMLB_GPU_THRESHOLD": "70"},
        flags={"log.level": "debug", "server.tls_key": None},
    )
    assert loaded.origins["queue.wait"] == Origin(OriginKind.FILE, f"{tmp_path}/config.toml:2")
    assert loaded.origins["nodes.a.api_key"].detail == f"{tmp_path}/config.toml:4"
    assert loaded.origins["nodes.a.ca_file"].kind is OriginKind.DEFAULT
    assert loaded.origins["load_balancer.gpu_threshold"].detail == "LLMLB_GPU_THRESHOLD"
    assert loaded.origins["log.level"] == Origin(OriginKind.FLAG, "--log-level")
    assert loaded.settings.nodes == {"a": NodeSettings(api_key="k")}


def test_named_file_wins_over_the_working_directory_over_the_data_directory(tmp_path: Path) -> None:
    named, working, data = tmp_path / "named.toml", tmp_path / "work/config.toml", tmp_path / "data/config.toml"
    for port, file in enumerate((named, working, data), start=1):
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"[server]\nport = {port}\n")

    def port_with(config_file: Path | None) -> int:
        loaded = load_settings(data_dir=data.parent, environ={}, working_dir=working.parent, config_file=config_file)
        return loaded.settings.server.port

    assert (port_with(named), port_with(None)) == (1, 2)
    working.unlink()
    assert port_with(None) == 3


def test_link_to_nowhere_is_no_absent_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").symlink_to(tmp_path / "nowhere")
    assert "there is no such file" in _refused(tmp_path)[0]


def test_mistakes_of_all_sources_are_told_at_once(tmp_path: Path) -> None:
    lines = _refused(
        tmp_path,
        file="[server]\nport = -1\n[auth]\njwt_secret = 'short'\n",
        environ={"LLMLB_NODE_TIMEOUT": "1", "LLMLB_QUEUE_WIAT": "3"},
        flags={"server.workers": 4, "log.format": "xml", "server.prot": 1},
    )
    file = f"{tmp_path}/config.toml"
    assert lines == [
        f"{file}:2: server.port: -1 is out of range: give 0..65535, for example 8080",
        "environment variable LLMLB_NODE_TIMEOUT: health.node_timeout: 1 is out of range: "
        "give 30..300 s, for example 60",
        'environment variable LLMLB_QUEUE_WIAT: unknown; did you mean "LLMLB_QUEUE_WAIT"?',
        'flag --log-format: log.format: "xml" is unknown: give one of text, json',
        'flag for server.prot: no such setting; did you mean "server.port"?',
        "flag --workers: server.workers: the router runs as one process, more workers do not work yet: set it to 1",
        f"{file}:4: auth.jwt_secret: has less than 32 bytes: make it longer, or leave it out to get one",
    ]


def test_value_out_of_range_is_refused_even_where_a_stronger_source_hides_it(tmp_path: Path) -> None:
    lines = _refused(tmp_path, file="[server]\nport = -1\n", flags={"server.port": 1})
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("sources", "place"),
    [
        ({"file": "[server]\nhost = '0.0.0.0'"}, "config.toml:2: server.host: "),
        ({"environ": {"LLMLB_HOST": "0.0.0.0"}}, "environment variable LLMLB_HOST: server.host: "),
        ({"flags": {"server.host": "0.0.0.0"}}, "flag --host: server.host: "),
    ],
)
def test_dev_on_an_address_that_others_can_reach_is_refused(
    tmp_path: Path, sources: dict[str, object], place: str
) -> None:
    (line,) = _refused(tmp_path, dev=True, **sources)
    assert place in line
    assert line.endswith("use 127.0.0.1")


def test_dev_allows_shorter_times_from_every_source(tmp_path: Path) -> None:
    loaded = _load(
        tmp_path,
        file="[health]\nnode_timeout = 2\n",
        environ={"LLMLB_HEALTH_CHECK_INTERVAL": "0.2"},
        flags={"timeouts.first_byte": 0.5},
        dev=True,
    )
    assert (loaded.settings.health.node_timeout_s, loaded.settings.health.check_interval_s) == (2.0, 0.2)
    assert (loaded.settings.timeouts.first_byte_s, loaded.warnings, loaded.dev) == (0.5, (), True)


def test_timeout_below_two_heartbeats_only_warns(tmp_path: Path) -> None:
    (warning,) = _load(tmp_path, environ={"LLMLB_NODE_TIMEOUT": "30"}).warnings
    assert "below two heartbeat intervals" in warning


@pytest.mark.parametrize(
    ("given", "read"),
    [("10.0.0.1,10.0.0.2", ("10.0.0.1", "10.0.0.2")), (["10.0.0.1"], ("10.0.0.1",)), ("", ())],
)
def test_flag_may_be_text_or_have_its_type_already(tmp_path: Path, given: object, read: tuple[str, ...]) -> None:
    loaded = _load(tmp_path, flags={"server.trusted_proxies": given})
    assert loaded.settings.server.trusted_proxies == read


def test_flag_without_a_declared_name_is_shown_by_its_key(tmp_path: Path) -> None:
    loaded = _load(tmp_path, flags={"server.fast_path": False})
    assert str(loaded.origins["server.fast_path"]) == "flag --fast-path"


def _stored(**changes: tuple[object, object]) -> dict[str, StoredValue]:
    return {f"load_balancer.{name}": StoredValue(value, base) for name, (value, base) in changes.items()}


def test_live_change_wins_over_every_source(tmp_path: Path) -> None:
    loaded = _load(tmp_path, flags={"load_balancer.gpu_threshold": 70})
    after, dropped = apply_stored(loaded, _stored(gpu_threshold=(55, 70), mode=("adaptive", "metrics")))
    assert (after.settings.load_balancer.gpu_threshold, after.settings.load_balancer.mode) == (55.0, "adaptive")
    assert (str(after.origins["load_balancer.mode"]), dropped) == ("stored", ())
    assert loaded.settings.load_balancer.mode == "metrics"


def test_live_change_ends_when_the_configured_value_changes(tmp_path: Path) -> None:
    changes = _stored(gpu_threshold=(55, 80), vram_threshold=(60, 90))
    after, dropped = apply_stored(_load(tmp_path, environ={"LLMLB_GPU_THRESHOLD": "75"}), changes)
    assert dropped == ("load_balancer.gpu_threshold",)
    assert (after.settings.load_balancer.gpu_threshold, after.settings.load_balancer.vram_threshold) == (75.0, 60.0)
    assert after.origins["load_balancer.gpu_threshold"].kind is OriginKind.ENVIRONMENT


def test_live_change_survives_the_same_value_coming_from_elsewhere(tmp_path: Path) -> None:
    loaded = _load(tmp_path, file="[load_balancer]\ngpu_threshold = 80.0\n")
    after, dropped = apply_stored(loaded, _stored(gpu_threshold=(55, 80)))
    assert (after.settings.load_balancer.gpu_threshold, dropped) == (55.0, ())


@pytest.mark.parametrize(
    ("key", "value", "base"),
    [
        ("load_balancer.zebra", 1, 2),
        ("load_balancer.gpu_threshold", 101, 80),
        ("load_balancer.gpu_threshold", "55", 80),
        ("load_balancer.gpu_threshold", 55, None),
        ("load_balancer.mode", "round-robin", "metrics"),
        ("auth.admin_password", "hunter2hunter2", ""),
    ],
)
def test_live_change_that_is_not_allowed_any_more_is_dropped(
    tmp_path: Path, key: str, value: object, base: object
) -> None:
    after, dropped = apply_stored(_load(tmp_path), {key: StoredValue(value, base)})
    assert (after.settings, dropped) == (Settings(), (key,))


@given(base=st.integers(0, 100), configured=st.integers(0, 100), value=st.integers(0, 100))
def test_live_change_holds_exactly_while_the_configured_value_is_its_base(
    base: int, configured: int, value: int
) -> None:
    nowhere = Path("/nonexistent")
    loaded = load_settings(data_dir=nowhere, environ={"LLMLB_GPU_THRESHOLD": str(configured)}, working_dir=nowhere)
    after, dropped = apply_stored(loaded, _stored(gpu_threshold=(value, base)))
    assert after.settings.load_balancer.gpu_threshold == (value if base == configured else configured)
    assert bool(dropped) == (base != configured)


def test_listing_shows_every_value_with_its_origin_and_hides_secrets(tmp_path: Path) -> None:
    secret = "s" * 40
    loaded = _load(
        tmp_path, file=f"[auth]\njwt_secret = '{secret}'\n[nodes.a]\napi_key = 'k-1'\n", flags={"server.port": 1}
    )
    shown = {each.key: (each.value, str(each.origin)) for each in show_settings(loaded)}
    assert shown["server.port"] == ("1", "flag --port")
    assert shown["auth.jwt_secret"] == ("(hidden)", f"file {tmp_path}/config.toml:2")
    assert shown["nodes.a.api_key"][0] == "(hidden)"
    assert shown["nodes.a.max_concurrency"] == ("(unset)", "default")
    assert shown["load_balancer.mode"] == ('"metrics"', "default")
    assert secret not in repr(loaded)
    assert "k-1" not in repr(loaded)


def test_agent_takes_flag_over_variable_over_default() -> None:
    environ = {"XLLM_HEARTBEAT_SECS": "20", "LLMLB_URL": "http://from-variable:8080"}
    settings = load_agent_settings(environ=environ, flags={"agent.router": "http://from-flag:8080"})
    assert (settings.heartbeat_s, settings.router_url, settings.engine_url) == (20, "http://from-flag:8080", "")


def test_agent_takes_the_gpus_of_its_engine_as_a_list() -> None:
    assert load_agent_settings(environ={"XLLM_GPUS": "0, 2"}).gpus == ("0", "2")
    assert load_agent_settings(environ={}, flags={"agent.gpus": "1"}).gpus == ("1",)


def test_agent_tells_all_mistakes_at_once() -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_agent_settings(
            environ={"XLLM_HEARTBEAT_SECS": "5", "XLLM_NODEID": "a"},
            flags={"agent.engine_url": "localhost:1", "agent.node_id": None, "agent.zebra": 1},
        )
    assert refused.value.message.splitlines() == [
        "environment variable XLLM_HEARTBEAT_SECS: agent.heartbeat: 5 is out of range: give 10..60 s, "
        "for example 30; 1..10 s needs --dev",
        'environment variable XLLM_NODEID: unknown; did you mean "XLLM_NODE_ID"?',
        "flag for agent.zebra: no such setting",
        'flag --engine-url: agent.engine_url: "localhost:1" is no address: write it as http://HOST:PORT',
    ]
