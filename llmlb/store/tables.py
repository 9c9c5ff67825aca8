"""The tables: what the migrations must add up to, and what the queries are written against."""

from __future__ import annotations

import json

from sqlalchemy import Boolean, Column, Dialect, Float, Index, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.types import TypeDecorator


class Texts(TypeDecorator[tuple[str, ...]]):
    """A tuple of texts, kept as a JSON list."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...] | None:
        return None if value is None else tuple(json.loads(value))


MAIN = MetaData()
"""The tables of ``llmlb.db``: what an operator acknowledged."""

RUNTIME = MetaData()
"""The tables of ``runtime.db``: what only describes the past."""


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _integer(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, Integer, nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> Column[float]:
    return Column(name, Float, nullable=nullable)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


nodes = Table(
    "nodes",
    MAIN,
    Column("id", Text, primary_key=True),
    *map(_text, ("url", "address", "token_hash", "approval", "state")),
    _flag("draining"),
    *map(_text, ("machine_name", "name")),
    Column("tags", Texts, nullable=False),
    *map(_text, ("note", "engine", "gpus_json")),
    _integer("score", nullable=True),
    _integer("reported_score", nullable=True),
    _integer("max_concurrency", nullable=True),
    _text("api_key"),
    Column("heartbeat_secs", Float, nullable=False),
    _text("agent_version"),
    _flag("agentless"),
    Column("loaded_models", Texts, nullable=False),
    Column("available_models", Texts, nullable=False),
    _instant("registered_at"),
    _instant("approved_at", nullable=True),
    _integer("revision"),
    _text("boot_id"),
)

rejections = Table("rejections", MAIN, Column("node_id", Text, primary_key=True), _instant("until_unix"))

api_keys = Table(
    "api_keys",
    MAIN,
    Column("id", Text, primary_key=True),
    _text("name"),
    Column("key_hash", Text, nullable=False, unique=True),
    _text("hint"),
    Column("scopes", Texts, nullable=False),
    _instant("created_at"),
    _instant("expires_at", nullable=True),
    Column("models", Texts, nullable=True),
    _integer("requests_per_minute", nullable=True),
    _integer("max_concurrency", nullable=True),
    _flag("revoked"),
)

users = Table(
    "users",
    MAIN,
    Column("id", Text, primary_key=True),
    Column("username", Text, nullable=False, unique=True),
    *map(_text, ("password_hash", "role")),
    _instant("created_at"),
    _instant("last_login", nullable=True),
    _integer("token_version"),
)

join_tokens = Table(
    "join_tokens",
    MAIN,
    Column("id", Text, primary_key=True),
    _text("name"),
    Column("token_hash", Text, nullable=False, unique=True),
    _text("hint"),
    _instant("created_at"),
    _instant("expires_at", nullable=True),
    _integer("max_uses", nullable=True),
    _integer("uses"),
    _flag("revoked"),
)

settings = Table("settings", MAIN, Column("key", Text, primary_key=True), _text("value_json"), _text("base_json"))

revoked_sessions = Table("revoked_sessions", MAIN, Column("jti", Text, primary_key=True), _instant("expires_at"))

audit = Table(
    "audit",
    MAIN,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _instant("at"),
    *map(_text, ("actor", "action", "target", "detail", "address")),
    Index("audit_by_time", "at"),
    sqlite_autoincrement=True,
)

meta = Table("meta", MAIN, Column("key", Text, primary_key=True), _text("value"))

request_packs = Table(
    "request_packs",
    RUNTIME,
    # The running number of a pack's last record: what lies between two numbers counts records, not packs.
    Column("number", Integer, primary_key=True),
    # Its latest arrival and its earliest.
    _instant("at"),
    _instant("from_at"),
    # How many of its records are of failed requests: that outcome is the default, and so not to be found in `records`.
    _integer("failed"),
    Column("records", LargeBinary, nullable=False),
    Index("request_packs_by_time", "at"),
)

bodies = Table(
    "bodies",
    RUNTIME,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("request_id", Text, nullable=False, unique=True),
    _instant("at"),
    _integer("size_bytes"),
    _flag("prompt_cut"),
    _flag("answer_cut"),
    Column("prompt", LargeBinary, nullable=True),
    Column("answer", LargeBinary, nullable=True),
    # Holds all that is needed to find the oldest beyond a size, without a look at the bodies.
    Index("bodies_by_time", "at", "size_bytes"),
    sqlite_autoincrement=True,
)

node_counters = Table(
    "node_counters",
    RUNTIME,
    Column("id", Text, primary_key=True),
    *map(_integer, ("total_requests", "failed_requests", "heartbeats", "timeouts")),
    Column("response_ms_sum", Float, nullable=False),
    _integer("response_count"),
    Column("ttft_ms_sum", Float, nullable=False),
    _integer("ttft_count"),
    _instant("last_seen_unix", nullable=True),
    _text("figures_json"),
)

events = Table(
    "events",
    RUNTIME,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _instant("at"),
    *map(_text, ("kind", "node_id", "cause", "actor", "detail_json")),
    Index("events_by_time", "at"),
    sqlite_autoincrement=True,
)
