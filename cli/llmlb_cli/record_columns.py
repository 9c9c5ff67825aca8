"""The columns of what happened and of what was looked over; those of nodes, keys and people are in ``registry``.

Sentences stand last and are cut at their end; names are cut in the middle.
"""

from __future__ import annotations

from collections.abc import Sequence

from llmlb_cli.columns import Column, Row
from llmlb_cli.registry import GREEN, RED, YELLOW, state_text
from llmlb_cli.units import ABSENT, count, instant, milliseconds, percent, size

STORE_FILES: Sequence[Column] = (
    Column("file", "FILE", shrinks=True),
    Column(
        "sound",
        "STATE",
        text=lambda value: "sound" if value else "damaged",
        tone=lambda row: GREEN if row.get("sound") else RED,
    ),
    Column("size_bytes", "SIZE", "size", text=size, right=True),
    Column("schema", "SCHEMA"),
    Column("path", "PATH", shrinks=True, wide=True),
)

BACKUPS: Sequence[Column] = (
    Column("name", "NAME", shrinks=True),
    Column("at", "MADE", text=instant),
    Column("size_bytes", "SIZE", "size", text=size, right=True),
    Column("reason", "WHY"),
    Column("path", "PATH", shrinks=True, wide=True),
)


def _clock_time(value: object) -> str:
    """``12:04:31``: what comes now needs no date."""
    return instant(value).rpartition(" ")[2]


def _result(row: Row) -> str:
    """``200``, ``502 failed``, ``cancelled``: the status, and how it ended where that is more."""
    status, outcome = row.get("status"), str(row.get("outcome") or "")
    words = (str(status) if status else "", "" if outcome == "answered" and status else outcome)
    return " ".join(word for word in words if word)


def _result_tone(row: Row) -> int:
    match row.get("outcome"):
        case "answered":
            return 0
        case "cancelled":
            return YELLOW
        case _:
            return RED


def _tokens(row: Row) -> str:
    """``512>48``: read and written; ``~48`` was counted from the stream."""
    read, written = row.get("prompt_tokens"), row.get("completion_tokens")
    if read is None and written is None:
        return "-"
    return f"{count(read)}>{'~' if row.get('estimated') else ''}{count(written)}"


def _event(row: Row) -> str:
    """``offline``; for an alert its rule as well: ``node_offline fired``."""
    return " ".join(str(word) for word in (row.get("rule"), row.get("kind")) if word)


def _about(row: Row) -> str:
    """The node, or the model that an alert is about."""
    return str(row.get("node_id") or row.get("subject") or ABSENT)


def _state(row: Row) -> str:
    """``firing``; ``acked by kim``."""
    state = str(row.get("state"))
    return f"acked by {row.get('acknowledged_by')}" if state == "acked" else state


def _severity_tone(row: Row) -> int:
    if not row.get("is_firing"):
        return 0
    return RED if row.get("severity") == "critical" else YELLOW


def _seconds(value: object) -> str:
    return milliseconds(value * 1000) if isinstance(value, int | float) else ABSENT


def _terms(terms: object) -> str:
    """``prefill 120ms, decode 2.10s``: what a cost consists of, without what adds nothing."""
    named = terms.items() if isinstance(terms, dict) else ()
    return ", ".join(f"{name} {_seconds(value)}" for name, value in named if value) or ABSENT


def _because(value: object) -> str:
    """``at capacity``, ``over the GPU threshold``: why a node was no candidate."""
    return f"over the {str(value).upper()} threshold" if value in ("gpu", "vram") else str(value).replace("_", " ")


def _verdict_tone(row: Row) -> int:
    if row.get("chosen"):
        return GREEN
    return 0 if row.get("eligible") else YELLOW


_MODEL = Column("model", "MODEL", shrinks=True)
_NODE = Column("node_id", "NODE", "node", shrinks=True)
_RESULT = Column("outcome", "RESULT", "result", cell=_result, tone=_result_tone)
_TTFT = Column("ttft_ms", "TTFT", "ttft", text=milliseconds, right=True)
_TOTAL = Column("total_ms", "TOTAL", "total", text=milliseconds, right=True)
_TOKENS = Column("completion_tokens", "TOKENS", "tokens", cell=_tokens, right=True)

REQUESTS: Sequence[Column] = (
    Column("at", "AT", text=instant),
    _MODEL,
    _NODE,
    _RESULT,
    _TTFT,
    _TOTAL,
    _TOKENS,
    Column("id", "ID", wide=True),
    Column("status", "STATUS", wide=True, right=True),
    Column("queue_ms", "QUEUE", "queue", text=milliseconds, wide=True, right=True),
    Column("reason", "REASON", wide=True),
    Column("stream", "STREAM", wide=True),
    Column("prompt_tokens", "PROMPT", "prompt", text=count, wide=True, right=True),
    Column("key_name", "KEY", "key", wide=True, shrinks=True),
    Column("key_id", "KEY ID", wide=True),
    Column("error", "ERROR", wide=True, shrinks=True),
    Column("client_request_id", "CLIENT ID", wide=True, shrinks=True),
)

REQUEST_TAIL: Sequence[Column] = (
    Column("at", "AT", text=_clock_time),
    *(column for column in REQUESTS if column.key != "at" and not column.wide),
)

ATTEMPTS: Sequence[Column] = (
    Column("node_id", "TRIED", "node", shrinks=True),
    Column("reason", "REASON"),
    Column("status", "STATUS", right=True),
    Column("seconds", "TOOK", text=_seconds, right=True),
    Column("cause", "FAILED BECAUSE"),
)

COSTS: Sequence[Column] = (
    Column("node_id", "CANDIDATE", "node", shrinks=True),
    Column("total_s", "COST", "cost", text=_seconds, right=True),
    Column("terms", "COST OF", text=_terms),
)

LEFT_OUT: Sequence[Column] = (
    Column("node_id", "LEFT OUT", "node", shrinks=True),
    Column("because", "BECAUSE", text=_because),
)

EVENTS: Sequence[Column] = (
    Column("at", "AT", text=instant),
    Column("kind", "EVENT", "event", cell=_event),
    Column("node_id", "ABOUT", "node", cell=_about, shrinks=True),
    Column("actor", "BY", "by", shrinks=True),
    Column("type", "TYPE", wide=True),
    Column("id", "ID", wide=True, right=True),
    Column("cause", "CAUSE"),
)

EVENT_TAIL: Sequence[Column] = (
    Column("at", "AT", text=_clock_time),
    *(column for column in EVENTS if column.key in ("kind", "node_id", "cause")),
)

ALERTS: Sequence[Column] = (
    Column("id", "ID"),
    Column("severity", "SEVERITY", tone=_severity_tone),
    Column("rule", "RULE"),
    Column("subject", "ABOUT", "about", shrinks=True),
    Column("state", "STATE", cell=_state),
    Column("fired_at", "SINCE", "since", text=instant, wide=True),
    Column("resolved_at", "OVER", text=instant, wide=True),
    Column("silenced_until", "QUIET UNTIL", text=instant, wide=True),
    Column("cause", "CAUSE"),
    Column("hint", "WHAT TO DO", wide=True),
)

AUDIT: Sequence[Column] = (
    Column("at", "AT", text=instant),
    Column("actor", "WHO", "who", shrinks=True),
    Column("action", "ACTION"),
    Column("target", "TARGET", shrinks=True),
    Column("address", "FROM", "from", wide=True),
    Column("id", "ID", wide=True, right=True),
    Column("detail", "DETAIL"),
)

MODELS: Sequence[Column] = (
    Column("name", "MODEL", shrinks=True),
    Column("ready", "READY", text=count, right=True, tone=lambda row: 0 if row.get("ready") else RED),
    Column("nodes", "NODES", cell=lambda row: _length(row.get("nodes")), right=True),
    Column("loaded", "LOADED", text=count, right=True),
)

MODEL_NODES: Sequence[Column] = (
    Column("id", "NODE", shrinks=True),
    Column("state", "STATE", cell=state_text),
    Column("ready", "READY"),
    Column("loaded", "LOADED"),
    Column("active_requests", "ACTIVE", "active", text=count, right=True),
    Column("circuit", "CIRCUIT"),
)

VERDICTS: Sequence[Column] = (
    Column("id", "NODE", shrinks=True),
    Column("cost_seconds", "COST", "cost", text=_seconds, right=True),
    Column("verdict", "VERDICT", tone=_verdict_tone),
    Column("state", "STATE"),
    Column("active_requests", "ACTIVE", "active", text=count, right=True),
    Column("capability_score", "SCORE", "score", text=count, right=True),
    Column("gpu_usage", "GPU", "gpu", text=percent, right=True),
    Column("vram_usage", "VRAM", "vram", text=percent, right=True),
    Column("max_concurrency", "LIMIT", "limit", text=count, right=True),
    Column("circuit", "CIRCUIT", wide=True),
    Column("in_flight", "OURS", wide=True, text=count, right=True),
    Column("cost_terms", "COST OF", text=_terms, wide=True),
)


def _length(value: object) -> str:
    return str(len(value)) if isinstance(value, list) else "-"


CONTEXTS: Sequence[Column] = (
    Column("current", " ", text=lambda value: "*" if value else " "),
    Column("name", "CONTEXT", shrinks=True),
    Column("url", "URL", shrinks=True),
    Column("user", "USER", shrinks=True),
    Column("login", "LOGIN"),
    Column("login_expires_at", "UNTIL", "until", text=instant),
    Column("default_output", "OUTPUT", "output", wide=True),
    Column("confirm", "CONFIRM", wide=True),
    Column("color", "COLOR", wide=True),
    Column("ca_file", "CA FILE", wide=True, shrinks=True),
)

FINDINGS: Sequence[Column] = (
    Column("severity", "SEVERITY", tone=lambda row: RED if row.get("severity") == "critical" else YELLOW),
    Column("check", "CHECK"),
    Column("subject", "ABOUT", "about", shrinks=True),
    Column("message", "WHAT IS WRONG"),
    Column("fix", "FIX"),
)
