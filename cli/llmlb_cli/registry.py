"""The columns of each noun: the one place that decides what a list shows."""

from __future__ import annotations

from collections.abc import Sequence

from llmlb_cli.columns import Column, Row
from llmlb_cli.units import ABSENT, count, degrees, duration, instant, listed, milliseconds, percent

RED, YELLOW, GREEN = 31, 33, 32


def state_text(row: Row) -> str:
    """``Online``, with the flags that keep a node from work: ``Online,Drain``, ``Online,Late``, ``Online,Excluded``."""
    flags = (("draining", "Drain"), ("late", "Late"), ("excluded_by", "Excluded"))
    words = [str(row.get("state") or "unknown").capitalize(), *(word for field, word in flags if row.get(field))]
    return ",".join(words)


def _state_tone(row: Row) -> int:
    match row.get("state"):
        case "offline":
            return RED
        case "online" if not (row.get("draining") or row.get("late") or row.get("excluded_by")):
            return GREEN
        case _:
            return YELLOW


def _measured(field: str) -> Column:
    """A figure of the GPU that is 0.0 where the node measures nothing: there it is unknown, not zero."""
    names = {"gpu_usage": ("GPU", "gpu"), "vram_usage": ("VRAM", "vram")}
    header, short = names[field]
    return Column(field, header, short, text=percent, get=lambda row: _if_measured(row, field), right=True)


def _if_measured(row: Row, field: str) -> object:
    is_measured = row.get("metrics_available", True)
    if field == "vram_usage":
        is_measured = row.get("vram_metrics_available", is_measured)
    return row.get(field) if is_measured else None


def _active_text(row: Row) -> str:
    limit = row.get("max_concurrency")
    active = count(row.get("active_requests"))
    return f"{active}/{limit}" if limit is not None else active


def _seen_text(row: Row) -> str:
    seen = row.get("seen_seconds")
    return duration(seen) if seen is not None else ABSENT


NODES: Sequence[Column] = (
    Column("id", "NODE", shrinks=True),
    Column("state", "STATE", cell=state_text, tone=_state_tone),
    _measured("gpu_usage"),
    _measured("vram_usage"),
    Column("temperature", "TEMP", "temp", text=degrees, right=True),
    Column("active_requests", "ACTIVE", "active", cell=_active_text, right=True),
    Column("total_requests", "TOTAL", "total", text=count, right=True),
    Column("avg_response_time_ms", "AVG", "avg", text=milliseconds, right=True),
    Column("last_seen", "SEEN", "seen", cell=_seen_text, right=True),
    Column("uptime_seconds", "UP", "up", text=duration, right=True, ticks=True),
    Column("heartbeats", "BEATS", "beats", text=count, right=True),
    Column("avg_ttft_ms", "TTFT", "ttft", text=milliseconds, wide=True, right=True),
    Column("failed_requests", "FAILED", "failed", text=count, wide=True, right=True),
    Column("timeouts", "TIMEOUTS", text=count, wide=True, right=True),
    Column("capability_score", "SCORE", "score", text=count, wide=True, right=True),
    Column("circuit", "CIRCUIT", wide=True),
    Column("excluded_by", "EXCLUDED", "excluded", text=listed, wide=True),
    Column("machine_name", "MACHINE", "machine", wide=True, shrinks=True),
    Column("name", "NAME", wide=True, shrinks=True),
    Column("url", "URL", wide=True, shrinks=True),
    Column("loaded_models", "LOADED", "loaded", text=listed, wide=True, shrinks=True),
    Column("tags", "TAGS", text=listed, wide=True, shrinks=True),
)

API_KEYS: Sequence[Column] = (
    Column("id", "ID", shrinks=True),
    Column("name", "NAME", shrinks=True),
    Column("hint", "HINT"),
    Column("scopes", "SCOPES", text=listed),
    Column("created_at", "CREATED", "created", text=instant),
    Column("expires_at", "EXPIRES", "expires", text=lambda value: instant(value) if value else "never"),
    Column("models", "MODELS", text=lambda value: "all" if value is None else listed(value), wide=True, shrinks=True),
    Column("requests_per_minute", "PER MINUTE", wide=True, right=True),
    Column("max_concurrency", "AT ONCE", wide=True, right=True),
)

JOIN_TOKENS: Sequence[Column] = (
    Column("id", "ID", shrinks=True),
    Column("name", "NAME", shrinks=True),
    Column("hint", "HINT"),
    Column("uses", "USES", text=count, right=True),
    Column("max_uses", "AT MOST", "max", text=lambda value: "any" if value is None else count(value), right=True),
    Column("created_at", "CREATED", "created", text=instant),
    Column("expires_at", "EXPIRES", "expires", text=lambda value: instant(value) if value else "never"),
)

USERS: Sequence[Column] = (
    Column("username", "USER", "name", shrinks=True),
    Column("role", "ROLE"),
    Column("created_at", "CREATED", "created", text=instant),
    Column("last_login", "LAST LOGIN", text=lambda value: instant(value) if value else "never"),
)

OUTCOMES: Sequence[Column] = (
    Column("id", "ID", shrinks=True),
    Column("outcome", "OUTCOME", tone=lambda row: RED if row.get("error") else GREEN),
    Column("detail", "DETAIL"),
)

EXCLUSIONS: Sequence[Column] = (
    Column("id", "NODE", shrinks=True),
    Column("state", "STATE"),
    _measured("gpu_usage"),
    _measured("vram_usage"),
    Column("active_requests", "ACTIVE", "active", text=count, right=True),
    Column("excluded_by", "EXCLUDED", "excluded", text=listed),
    Column("change", "CHANGE"),
)

SETTINGS: Sequence[Column] = (
    Column("key", "KEY"),
    Column("value", "VALUE", shrinks=True),
    Column("origin", "ORIGIN", shrinks=True),
)

HISTORY: Sequence[Column] = (
    Column("at", "AT", text=instant),
    Column("gpu_usage", "GPU", text=percent, right=True),
    Column("vram_usage", "VRAM", text=percent, right=True),
    Column("active_requests", "ACTIVE", text=count, right=True),
)
