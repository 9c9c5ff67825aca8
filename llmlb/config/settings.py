"""The settings of the router and of the agent, as one frozen value each.

``Settings`` has one attribute per section of config.toml. Attributes carry the unit (``health.node_timeout_s``) where
the file's key does not (``health.node_timeout``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import get_type_hints

from llmlb.config.alerts import AlertsSettings
from llmlb.config.bounds import (
    CircuitSettings,
    LimitsSettings,
    QueueSettings,
    RetrySettings,
    TimeoutsSettings,
)
from llmlb.config.declaration import Setting, Value, declared, setting
from llmlb.config.objectives import ObjectivesSettings
from llmlb.config.sections import (
    AuthSettings,
    HealthSettings,
    LoadBalancerSettings,
    LogFormat,
    LogLevel,
    LogSettings,
    MetricsSettings,
    ModelsSettings,
    NodeSettings,
    RecordsSettings,
    RegistrationSettings,
    ServerSettings,
    StoreSettings,
)

__all__ = [
    "AgentSettings",
    "AlertsSettings",
    "AuthSettings",
    "CircuitSettings",
    "HealthSettings",
    "LimitsSettings",
    "LoadBalancerSettings",
    "LogFormat",
    "LogLevel",
    "LogSettings",
    "MetricsSettings",
    "ModelsSettings",
    "NodeSettings",
    "ObjectivesSettings",
    "QueueSettings",
    "RecordsSettings",
    "RegistrationSettings",
    "RetrySettings",
    "ServerSettings",
    "Settings",
    "StoreSettings",
    "TimeoutsSettings",
    "agent_settings",
    "node_settings",
    "router_sections",
    "router_settings",
    "values_of",
]


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the operator may choose about a router; ``Settings()`` is the defaults.

    nodes: by node id, only those that the file names.
    """

    load_balancer: LoadBalancerSettings = field(default_factory=LoadBalancerSettings)
    health: HealthSettings = field(default_factory=HealthSettings)
    server: ServerSettings = field(default_factory=ServerSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    registration: RegistrationSettings = field(default_factory=RegistrationSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    limits: LimitsSettings = field(default_factory=LimitsSettings)
    timeouts: TimeoutsSettings = field(default_factory=TimeoutsSettings)
    retry: RetrySettings = field(default_factory=RetrySettings)
    circuit: CircuitSettings = field(default_factory=CircuitSettings)
    queue: QueueSettings = field(default_factory=QueueSettings)
    models: ModelsSettings = field(default_factory=ModelsSettings)
    records: RecordsSettings = field(default_factory=RecordsSettings)
    objectives: ObjectivesSettings = field(default_factory=ObjectivesSettings)
    alerts: AlertsSettings = field(default_factory=AlertsSettings)
    log: LogSettings = field(default_factory=LogSettings)
    nodes: Mapping[str, NodeSettings] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """Everything that may be chosen about an agent; set by variable or flag, never by file."""

    router_url: str = setting(
        "http://localhost:8080",
        key="router",
        env=("LLMLB_URL",),
        flag="--router-url",
        help="The router to register at.",
    )
    engine_url: str = setting(
        "",
        env=("XLLM_ENGINE_URL",),
        flag="--engine-url",
        help="The engine beside the agent; empty: the first that answers on localhost at 11434, 8000, 1234, "
        "30000 or 8081.",
    )
    advertise_url: str = setting(
        "",
        env=("XLLM_ADVERTISE_URL",),
        flag="--advertise-url",
        help="The engine's address as the router reaches it; empty: worked out from the engine's and the route.",
    )
    node_id: str = setting(
        "",
        env=("XLLM_NODE_ID",),
        flag="--node-id",
        help="The node's id; empty: the host name, with the port added when that is taken.",
    )
    token: str = setting(
        "",
        secret=True,
        env=("XLLM_TOKEN",),
        help="The node's token; empty: the one kept from the last registration. Without a node id it stands for "
        "the node it was made for.",
    )
    join_token: str = setting(
        "",
        secret=True,
        env=("LLMLB_JOIN_TOKEN",),
        flag="--join-token",
        help="Lets the node register where the router demands one.",
    )
    engine_api_key: str = setting(
        "",
        secret=True,
        env=("XLLM_ENGINE_API_KEY",),
        help="The engine's own API key, where it demands one.",
    )
    machine_name: str = setting(
        "", env=("XLLM_MACHINE_NAME",), flag="--machine-name", help="The machine's name; empty: the host name."
    )
    heartbeat_s: int = setting(
        30,
        key="heartbeat",
        unit="s",
        low=10,
        high=60,
        dev_low=1,
        env=("XLLM_HEARTBEAT_SECS",),
        flag="--heartbeat",
        help="The interval of the heartbeats.",
    )
    use_engine_slots: bool = setting(
        False,
        env=("XLLM_USE_ENGINE_SLOTS",),
        flag="--use-engine-slots",
        help="Report the engine's slots as the node's max_concurrency.",
    )
    capability_score: int | None = setting(
        None,
        unit="points",
        low=0,
        high=1_000_000,
        env=("XLLM_CAPABILITY_SCORE",),
        flag="--capability-score",
        help="How capable the node is; unset: worked out from its GPUs.",
    )
    gpus: tuple[str, ...] = setting(
        (),
        env=("XLLM_GPUS",),
        flag="--gpus",
        form="indices from 0, separated by commas",
        help="The GPUs that the engine uses; none: all of the machine.",
    )
    ca_file: str = setting(
        "",
        env=("LLMLB_CA_FILE",),
        flag="--ca-file",
        help="PEM file with the authority that signed an https router's certificate; empty: the system's.",
    )


@cache
def router_sections() -> Mapping[str, type]:
    """The sections of config.toml that have fixed keys, by name: all but ``nodes``."""
    hints = get_type_hints(Settings)
    return {each.name: hints[each.name] for each in fields(Settings) if each.name != "nodes"}


@cache
def router_settings() -> Mapping[str, Setting]:
    """Every setting of the router by its dotted key, in the order of the reference; those of ``nodes`` excepted."""
    return {each.key: each for section, owner in router_sections().items() for each in declared(section, owner)}


@cache
def node_settings() -> Mapping[str, Setting]:
    """The settings of one node by name; their section reads ``nodes.<id>``."""
    return {each.name: each for each in declared("nodes.<id>", NodeSettings)}


@cache
def agent_settings() -> Mapping[str, Setting]:
    """Every setting of the agent by its dotted key."""
    return {each.key: each for each in declared("agent", AgentSettings)}


def values_of(settings: Settings) -> dict[str, Value]:
    """Every value by its dotted key, secrets included; ``nodes.<id>.<name>`` for the nodes that are named."""
    return dict(_values_of(settings))


def _values_of(settings: Settings) -> Iterator[tuple[str, Value]]:
    for each in router_settings().values():
        yield each.key, getattr(getattr(settings, each.section), each.attribute)
    for node_id, node in settings.nodes.items():
        for each in node_settings().values():
            yield f"nodes.{node_id}.{each.name}", getattr(node, each.attribute)
