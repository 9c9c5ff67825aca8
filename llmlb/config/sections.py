"""The sections of config.toml that say what the router is and does; ``bounds`` holds those that limit it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from llmlb.config.declaration import setting


class LogLevel(StrEnum):
    """The least important line that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a log line is written."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class LoadBalancerSettings:
    """How a node is chosen."""

    mode: str = setting(
        "metrics",
        env=("LLMLB_LOAD_BALANCER_MODE", "LOAD_BALANCER_MODE"),
        live=True,
        form="metrics, round_robin, adaptive, module:Class",
        help="How a node is chosen. A policy of your own is named as module:Class or by its entry point.",
    )
    gpu_threshold: float = setting(
        80.0,
        unit="%",
        low=0,
        high=100,
        env=("LLMLB_GPU_THRESHOLD",),
        live=True,
        help="A node whose GPU is busier gets work only when no other node can take it.",
    )
    vram_threshold: float = setting(
        90.0,
        unit="%",
        low=0,
        high=100,
        env=("LLMLB_VRAM_THRESHOLD",),
        live=True,
        help="A node whose GPU memory is fuller gets work only when no other node can take it.",
    )
    active_request_threshold: int = setting(
        10,
        unit="requests",
        low=0,
        high=100_000,
        env=("LLMLB_ACTIVE_REQ_THRESHOLD",),
        live=True,
        help="A node with more requests in flight gets work only when no other node can take it.",
    )


@dataclass(frozen=True, slots=True)
class HealthSettings:
    """When a node counts as late, and when as gone."""

    check_interval_s: float = setting(
        10.0,
        key="check_interval",
        unit="s",
        low=1,
        high=60,
        dev_low=0.2,
        help="A node is late, and gets no new work, once its heartbeat is older than its own interval plus this.",
    )
    node_timeout_s: float = setting(
        60.0,
        key="node_timeout",
        unit="s",
        low=30,
        high=300,
        dev_low=2,
        env=("LLMLB_NODE_TIMEOUT",),
        help="A node that has been silent for so long is Offline. Choose at least two heartbeat intervals.",
    )


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where the router listens, and how it treats connections."""

    host: str = setting(
        "127.0.0.1",
        env=("LLMLB_HOST",),
        flag="--host",
        form="an address or a host name",
        help="The address to listen on; 0.0.0.0 or :: for every interface.",
    )
    port: int = setting(
        8080,
        low=0,
        high=65_535,
        env=("LLMLB_PORT",),
        flag="--port",
        help="The port to listen on; 0 takes a free one.",
    )
    tls_cert: str = setting(
        "", flag="--tls-cert", help="PEM file with the certificate and its chain; empty: plain HTTP."
    )
    tls_key: str = setting("", flag="--tls-key", help="PEM file with the certificate's private key.")
    trusted_proxies: tuple[str, ...] = setting(
        (),
        form="addresses and networks",
        help="Your own proxies, whose X-Forwarded-For is believed. "
        "A proxied request never counts as coming from this machine.",
    )
    workers: int = setting(
        1,
        low=1,
        high=64,
        env=("LLMLB_WORKERS",),
        flag="--workers",
        help="Processes that share the port. The router runs as one process: only 1 is accepted.",
    )
    keep_alive_s: float = setting(
        75.0,
        key="keep_alive",
        unit="s",
        low=1,
        high=3600,
        dev_low=0.1,
        help="How long an idle client connection is kept open.",
    )
    fast_path: bool = setting(
        True,
        help="Serve plain inference requests straight from the connection. "
        "false sends every request through ASGI: same answers, slower.",
    )
    connections: int = setting(
        12_000, unit="connections", low=10, high=1_000_000, help="Most client connections open at once."
    )


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where the router remembers, and for how long."""

    url: str = setting(
        "",
        env=("LLMLB_DATABASE_URL",),
        form="sqlite:///PATH",
        help="The database; empty: a SQLite file in the data directory.",
    )
    backups: int = setting(7, unit="files", low=0, high=365, help="Daily backups that are kept; 0 makes none.")
    request_days: int = setting(7, unit="days", low=1, high=3650, help="How long request records are kept.")
    request_rows: int = setting(
        200_000,
        unit="records",
        low=1000,
        high=100_000_000,
        help="Most request records that are kept; the oldest go first.",
    )
    event_days: int = setting(30, unit="days", low=1, high=3650, help="How long node events are kept.")
    event_rows: int = setting(
        200_000,
        unit="events",
        low=1000,
        high=100_000_000,
        help="Most node events that are kept; the oldest go first.",
    )
    audit_days: int = setting(365, unit="days", low=1, high=36_500, help="How long the audit trail is kept.")
    audit_rows: int = setting(
        1_000_000,
        unit="entries",
        low=1000,
        high=100_000_000,
        help="Most entries of the audit trail that are kept; the oldest go first.",
    )


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """Who may log in."""

    admin_username: str = setting(
        "admin",
        env=("LLMLB_ADMIN_USERNAME",),
        help="Name of the first administrator, made at the first start.",
    )
    admin_password: str = setting(
        "",
        secret=True,
        env=("LLMLB_ADMIN_PASSWORD",),
        form="none that everybody tries",
        help="The first administrator's password; empty: generated at the first start and printed once.",
    )
    jwt_secret: str = setting(
        "",
        secret=True,
        env=("LLMLB_JWT_SECRET",),
        form="at least 32 bytes",
        help="Signs logins; empty: generated and kept in the data directory.",
    )
    session_hours: int = setting(12, unit="h", low=1, high=720, help="How long a login lasts.")


@dataclass(frozen=True, slots=True)
class RegistrationSettings:
    """Which nodes may register, and how many."""

    require_join_token: bool = setting(False, help="Refuse registrations without a join token (header X-Join-Token).")
    allow_address_change: bool = setting(
        False, help="Let an approved node come back under another host without a new approval."
    )
    max_nodes: int = setting(1000, unit="nodes", low=1, high=100_000, help="Most nodes in all.")
    max_pending: int = setting(100, unit="nodes", low=1, high=100_000, help="Most nodes that wait for approval.")
    per_minute: int = setting(
        10,
        unit="registrations",
        low=1,
        high=100_000,
        help="Registrations a minute from one address; this machine's own and those with a join token do not count.",
    )
    pending_hours: int = setting(
        24,
        unit="h",
        low=1,
        high=8760,
        help="A node that waits for approval without a heartbeat is dropped after this.",
    )


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Who may read /metrics."""

    public: bool = setting(
        False,
        help="Let everybody read /metrics. Otherwise this machine, and API keys with the scope metrics.",
    )


@dataclass(frozen=True, slots=True)
class ModelsSettings:
    """Names of models."""

    aliases: Mapping[str, str] = setting(
        {}, form="alias = model", help="Further names for models. Tried after the exact name, and only once."
    )


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """What the operator fixes for one node by file, under [nodes.<id>]."""

    api_key: str = setting(
        "", secret=True, help="Sent to this node's engine as Authorization: Bearer; empty: none is sent."
    )
    ca_file: str = setting(
        "", help="PEM file with the authority that signed an https engine's certificate; empty: the system's."
    )
    max_concurrency: int | None = setting(
        None,
        unit="requests",
        low=1,
        high=100_000,
        help="Most requests at once; unset: what the node reports.",
    )
    capability_score: int | None = setting(
        None,
        unit="points",
        low=0,
        high=1_000_000,
        help="How capable the node is; unset: what the node reports.",
    )


@dataclass(frozen=True, slots=True)
class RecordsSettings:
    """What a request record holds."""

    bodies: bool = setting(False, help="Store prompts and completions with the request records.")
    body_days: int = setting(
        1,
        unit="days",
        low=1,
        high=3650,
        help="How long prompts and completions are kept, where they are stored.",
    )
    body_bytes: int = setting(
        64 * 1024,
        unit="bytes",
        low=1024,
        high=4 * 1024 * 1024,
        help="How much of each prompt and each completion is stored; the rest is cut off.",
    )
    total_bytes: int = setting(
        1024**3,
        unit="bytes",
        low=1024 * 1024,
        high=1024**4,
        help="How much all stored prompts and completions may take; the oldest go first.",
    )


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is logged, and how."""

    level: LogLevel = setting(  # noqa: RUF009  it declares, as all the others do
        LogLevel.INFO, flag="--log-level", help="The least important line that is logged."
    )
    format: LogFormat = setting(  # noqa: RUF009  likewise
        LogFormat.TEXT, flag="--log-format", help="text for people, json for collectors."
    )
    access: bool = setting(True, help="One line for each inference request.")
