"""One node as the console shows it, read from the router's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from llmlb.core.health import NodeState
from llmlb_tui.model.reading import Fields, count, fields, instant, names, number, rows
from llmlb_tui.model.text import clean


class Mood(StrEnum):
    """What the state column says: the state, or the operator's pause."""

    ONLINE = "Online"
    PENDING = "Pending"
    OFFLINE = "Offline"
    DRAIN = "Drain"


_STATES = {state.value: state for state in NodeState}
_EXCLUSIONS = frozenset({"gpu", "vram", "active"})
MAX_ID_CHARACTERS = 63


@dataclass(slots=True, eq=False)
class NodeRow:
    """A node's present figures. Written once by ``read_node`` and never changed; a new view makes a new row.

    Percentages 0..100, degrees Celsius, milliseconds, seconds; None where unknown. attention: the lower, the more it
    needs a person: 0 offline, 1 kept from work by its load or its failures, 2 pending, 3 draining, 4 none of these.
    """

    id: str
    state: NodeState
    draining: bool
    late: bool
    url: str
    machine: str
    name: str
    tags: tuple[str, ...]
    note: str
    gpu: float | None
    vram: float | None
    temp: float | None
    cpu: float | None
    memory: float | None
    active: int
    total: int
    failed: int
    avg_ms: float | None
    ttft_ms: float | None
    last_seen_unix_s: float | None
    online_since_unix_s: float | None
    heartbeats: int
    timeouts: int
    score: int
    max_concurrency: int | None
    loaded: tuple[str, ...]
    available: tuple[str, ...]
    gpus: tuple[str, ...]
    circuit: str
    excluded_by: tuple[str, ...]
    revision: int
    mood: Mood
    attention: int

    @property
    def is_in_trouble(self) -> bool:
        """Shown with an exclamation mark."""
        return self.attention <= 1

    @property
    def models(self) -> tuple[str, ...]:
        """Loaded ones first."""
        return tuple(dict.fromkeys((*self.loaded, *self.available)))

    def seen_s(self, now_unix_s: float) -> float | None:
        """Seconds since the last heartbeat, by the router's clock."""
        return None if self.last_seen_unix_s is None else max(0.0, now_unix_s - self.last_seen_unix_s)

    def up_s(self, now_unix_s: float) -> float | None:
        """Seconds since it came Online; None unless it is."""
        return None if self.online_since_unix_s is None else max(0.0, now_unix_s - self.online_since_unix_s)


def read_node(value: object, now_unix_s: float) -> NodeRow | None:
    """A node of ``/v0/nodes`` or of the feed; None for what has no usable id.

    now_unix_s: the router's clock when the value was made: uptimes become instants, so that they count on here.
    """
    node = fields(value)
    node_id = clean(node.get("id"), MAX_ID_CHARACTERS)
    if not node_id:
        return None
    state = _STATES.get(str(node.get("state")), NodeState.OFFLINE)
    draining, late = node.get("draining") is True, node.get("late") is True
    # What a node measured before it fell silent says nothing about now.
    measured = node.get("metrics_available") is not False and state is not NodeState.OFFLINE
    excluded = _excluded(node.get("excluded_by"))
    circuit = clean(node.get("circuit")) or "closed"
    limit = number(node.get("max_concurrency"))
    return NodeRow(
        id=node_id,
        state=state,
        draining=draining,
        late=late,
        url=clean(node.get("url")),
        machine=clean(node.get("machine_name")),
        name=clean(node.get("name")),
        tags=names(node.get("tags")),
        note=clean(node.get("note")),
        gpu=number(node.get("gpu_usage")) if measured else None,
        vram=number(node.get("vram_usage")) if measured else None,
        temp=number(node.get("temperature")) if measured else None,
        cpu=number(node.get("cpu_usage")),
        memory=number(node.get("memory_usage")),
        active=count(node.get("active_requests")),
        total=count(node.get("total_requests")),
        failed=count(node.get("failed_requests")),
        avg_ms=number(node.get("avg_response_time_ms")),
        ttft_ms=number(node.get("avg_ttft_ms")),
        last_seen_unix_s=instant(node.get("last_seen")),
        online_since_unix_s=_online_since(node, state, now_unix_s),
        heartbeats=count(node.get("heartbeats")),
        timeouts=count(node.get("timeouts")),
        score=count(node.get("capability_score")),
        max_concurrency=None if limit is None else int(limit),
        loaded=names(node.get("loaded_models")),
        available=names(node.get("available_models")),
        gpus=_gpus(node),
        circuit=circuit,
        excluded_by=excluded,
        revision=count(node.get("revision")),
        mood=_mood(state, draining),
        attention=_attention(state, draining, troubled=late or bool(excluded) or circuit != "closed"),
    )


def _excluded(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        return ()
    return tuple(name for name in value if isinstance(name, str) and name in _EXCLUSIONS)


def _online_since(node: Fields, state: NodeState, now_unix_s: float) -> float | None:
    up_s = number(node.get("uptime_seconds"))
    # Whole seconds: the same instant computed twice must not look like a change.
    return None if up_s is None or state is not NodeState.ONLINE else float(round(now_unix_s - up_s))


def _gpus(node: Fields) -> tuple[str, ...]:
    """``H100 80GB``: one text per card."""
    cards = rows(node.get("gpus"))
    if not cards:
        return ()
    return tuple(f"{clean(card.get('model'))} {_gigabytes(card.get('vram_total_mb'))}".strip() for card in cards[:64])


def _gigabytes(megabytes: object) -> str:
    size = number(megabytes)
    return f"{size / 1024:.0f}GB" if size else ""


def _mood(state: NodeState, draining: bool) -> Mood:
    match state:
        case NodeState.PENDING:
            return Mood.PENDING
        case NodeState.OFFLINE:
            return Mood.OFFLINE
        case NodeState.ONLINE:
            return Mood.DRAIN if draining else Mood.ONLINE


def _attention(state: NodeState, draining: bool, *, troubled: bool) -> int:
    if state is NodeState.OFFLINE:
        return 0
    if state is NodeState.PENDING:
        return 2
    if troubled:
        return 1
    return 3 if draining else 4
