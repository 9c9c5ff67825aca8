"""Rows as a file: JSON or CSV, with the same fields."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from llmlb.errors import ConfigurationError
from llmlb_tui.model.alerts import Alert
from llmlb_tui.model.events import Event
from llmlb_tui.model.formats import instant_text
from llmlb_tui.model.nodes import NodeRow

Row = Mapping[str, object]


def node_fields(node: NodeRow) -> dict[str, object]:
    """A node under the names that the router gives its fields."""
    return {
        "id": node.id,
        "state": node.state.value,
        "draining": node.draining,
        "late": node.late,
        "url": node.url,
        "machine_name": node.machine,
        "name": node.name,
        "tags": list(node.tags),
        "note": node.note,
        "gpu_usage": node.gpu,
        "vram_usage": node.vram,
        "temperature": node.temp,
        "cpu_usage": node.cpu,
        "memory_usage": node.memory,
        "active_requests": node.active,
        "total_requests": node.total,
        "failed_requests": node.failed,
        "avg_response_time_ms": node.avg_ms,
        "avg_ttft_ms": node.ttft_ms,
        "last_seen": instant_text(node.last_seen_unix_s) or None,
        "heartbeats": node.heartbeats,
        "timeouts": node.timeouts,
        "capability_score": node.score,
        "max_concurrency": node.max_concurrency,
        "loaded_models": list(node.loaded),
        "available_models": list(node.available),
        "circuit": node.circuit,
        "excluded_by": list(node.excluded_by),
        "revision": node.revision,
    }


def event_fields(event: Event) -> dict[str, object]:
    return {
        "id": event.id,
        "at": instant_text(event.at_unix_s),
        "kind": event.kind,
        "subject": event.subject,
        "node_id": event.node_id,
        "rule": event.rule,
        "cause": event.cause,
        "actor": event.actor,
        "fix": event.tone.fix,
    }


def alert_fields(alert: Alert) -> dict[str, object]:
    """An alert under the names that the router gives its fields."""
    values = alert._asdict()
    del values["is_critical"]
    return {**values, "severity": alert.severity, "is_firing": alert.is_firing}


def as_json(rows: Iterable[Row]) -> str:
    return json.dumps(list(rows), indent=2, ensure_ascii=False) + "\n"


def as_csv(rows: Sequence[Row]) -> str:
    """RFC 4180 with a header line. A text that a spreadsheet would run as a formula gets a leading quote."""
    target = io.StringIO()
    names = list(rows[0]) if rows else []
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in names])
    return target.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        text = " ".join(str(each) for each in value)
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, int | float):
        return str(value)
    else:
        text = str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def write_rows(rows: Sequence[Row], *, noun: str, kind: str, at_unix_s: float, folder: Path, name: str = "") -> Path:
    """Write the rows to a new file that only its owner reads, and answer its path.

    name: of the file; without one it is named after the noun and the instant. Raises ConfigurationError.
    """
    stamp = instant_text(at_unix_s).replace(":", "").replace("-", "")
    path = folder / (name or f"llmlb-{noun}-{stamp}.{kind}")
    text = as_csv(rows) if kind == "csv" else as_json(rows)
    try:
        # An existing file is never overwritten by a key.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror or error}") from error
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    return path
