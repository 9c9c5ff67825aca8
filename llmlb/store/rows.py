"""What the store keeps, as plain values: one class per kind of row, whose ``__slots__`` are named like the columns.

Every instant is in unix seconds (wall clock), every ``*_json`` field is a JSON text, every tuple a sequence
of texts. This module imports nothing heavy: anybody may know the shapes without loading the database.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRow:
    """A node as the operator left it and as it last described itself.

    address: the pinned ``ip:port`` that approval resolved, "" before it.  token_hash: SHA-256 hex of its
    token.  approval: pending or approved.  state: pending, online or offline.  score: the operator's override
    of reported_score.  max_concurrency: the operator's limit.  api_key: the engine's own key, never listed.
    revision: grows by one with every change an operator can see; ``If-Match`` compares it.
    """

    id: str
    url: str
    address: str = ""
    token_hash: str = ""
    approval: str = "pending"
    state: str = "pending"
    draining: bool = False
    machine_name: str = ""
    name: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    engine: str = ""
    gpus_json: str = "[]"
    score: int | None = None
    reported_score: int | None = None
    max_concurrency: int | None = None
    api_key: str = ""
    heartbeat_secs: float = 30.0
    agent_version: str = ""
    agentless: bool = False
    loaded_models: tuple[str, ...] = ()
    available_models: tuple[str, ...] = ()
    registered_at: float = 0.0
    approved_at: float | None = None
    revision: int = 1
    boot_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCounters:
    """A node's totals since it registered, and its last words. Absolute values: writing twice is harmless.

    response_ms_sum over response_count answers gives the mean response time, likewise for the first token.
    figures_json: the last heartbeat's figures, for the first screen after a restart.
    """

    id: str
    total_requests: int = 0
    failed_requests: int = 0
    heartbeats: int = 0
    timeouts: int = 0
    response_ms_sum: float = 0.0
    response_count: int = 0
    ttft_ms_sum: float = 0.0
    ttft_count: int = 0
    last_seen_unix: float | None = None
    figures_json: str = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRow:
    """A client's API key. The key itself is known to its holder alone.

    hint: the key's last four characters.  scopes: of api, metrics, admin.  models: None allows every model.
    """

    id: str
    name: str
    key_hash: str
    hint: str
    scopes: tuple[str, ...]
    created_at: float
    expires_at: float | None = None
    models: tuple[str, ...] | None = None
    requests_per_minute: int | None = None
    max_concurrency: int | None = None
    revoked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRow:
    """A person who may log in.

    role: admin or viewer.  token_version: part of every session; adding one ends all sessions of the user.
    """

    id: str
    username: str
    password_hash: str
    role: str
    created_at: float
    last_login: float | None = None
    token_version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinTokenRow:
    """A permission to register nodes, where the operator demands one. max_uses: None is unlimited."""

    id: str
    name: str
    token_hash: str
    hint: str
    created_at: float
    expires_at: float | None = None
    max_uses: int | None = None
    uses: int = 0
    revoked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """Who did what to what, from where. id: given by the store, growing; 0 in a row not yet stored."""

    at: float
    actor: str
    action: str
    target: str = ""
    detail: str = ""
    address: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyRow:
    """What was said in one request, where the operator switched that on. at: when the request arrived.

    prompt, answer: as they passed the router, None where there was none.  *_cut: only the beginning is here.
    """

    request_id: str
    at: float
    prompt: bytes | None = field(default=None, repr=False)
    answer: bytes | None = field(default=None, repr=False)
    prompt_cut: bool = False
    answer_cut: bool = False

    @property
    def size_bytes(self) -> int:
        return len(self.prompt or b"") + len(self.answer or b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """Something that happened to the fleet. id: given by the store, growing; 0 in an event not yet stored."""

    at: float
    kind: str
    node_id: str = ""
    cause: str = ""
    actor: str = ""
    detail_json: str = "{}"
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long the store keeps what only grows. Days, rows, bytes and backup files; all but backups at least 1."""

    request_days: int = 7
    request_rows: int = 200_000
    body_days: int = 1
    body_bytes: int = 1024**3
    event_days: int = 30
    event_rows: int = 200_000
    audit_days: int = 365
    audit_rows: int = 1_000_000
    backups: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStats:
    """How the write-behind fares. dropped_*: rows that were given up since the start; they are gone for good.

    error: the last failure of a batch in words, "" after one that succeeded.
    """

    waiting_calls: int
    buffered_rows: int
    dropped_requests: int
    dropped_bodies: int
    dropped_events: int
    dropped_counters: int
    failed_flushes: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSize:
    """Bytes on disk, write-ahead logs included."""

    main_bytes: int
    runtime_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What a check of one file found. problems: SQLite's own words, empty when the file is sound."""

    path: str
    schema: str
    problems: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        return not self.problems


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupFile:
    """A backup of the main file."""

    path: str
    at: float
    size_bytes: int
