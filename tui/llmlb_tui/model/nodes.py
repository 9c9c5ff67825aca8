"""One node as the console shows it, read from the router's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from operator import attrgetter
from types import SimpleNamespace
from typing import NamedTuple, Protocol, cast

from llmlb.core.health import NodeState
from llmlb_tui.model.reading import count, fields, instant, names, number, rows
from llmlb_tui.model.text import clean


class Mood(StrEnum):
    """What the state column says: the state, or the operator's pause."""

    ONLINE = "Online"
    PENDING = "Pending"
    OFFLINE = "Offline"
    DRAIN = "Drain"


_STATES: Mapping[object, NodeState] = {state.value: state for state in NodeState}
_EXCLUSIONS = frozenset({"gpu", "vram", "active"})
MAX_ID_CHARACTERS = 63


class Words(NamedTuple):
    """What hardly ever changes about a node. models: loaded ones first.  limit: its ``max_concurrency``."""

    url: str
    machine: str
    name: str
    note: str
    tags: tuple[str, ...]
    loaded: tuple[str, ...]
    available: tuple[str, ...]
    models: tuple[str, ...]
    gpus: tuple[str, ...]
    limit: int | None


class Status(NamedTuple):
    """How a node stands; it seldom changes either. is_measured: its figures say something about now."""

    state: NodeState
    draining: bool
    late: bool
    excluded_by: tuple[str, ...]
    circuit: str
    mood: Mood
    attention: int
    is_measured: bool


_WORD_FIELDS = (
    "url", "machine_name", "name", "note", "tags", "loaded_models", "available_models", "gpus", "max_concurrency",
)  # fmt: skip
_STATUS_FIELDS = ("state", "draining", "late", "excluded_by", "circuit", "metrics_available")
_FIGURE_FIELDS = (
    "id", "gpu_usage", "vram_usage", "temperature", "cpu_usage", "memory_usage", "active_requests", "total_requests",
    "failed_requests", "avg_response_time_ms", "avg_ttft_ms", "last_seen", "uptime_seconds", "heartbeats", "timeouts",
    "capability_score", "revision", "history",
)  # fmt: skip
_word_values = attrgetter(*_WORD_FIELDS)
_status_values = attrgetter(*_STATUS_FIELDS)


class NodeFields(Protocol):
    """What a router says of a node, by the names of its JSON; None where it says nothing. Nothing of it is checked."""

    id: object
    gpu_usage: object
    vram_usage: object
    temperature: object
    cpu_usage: object
    memory_usage: object
    active_requests: object
    total_requests: object
    failed_requests: object
    avg_response_time_ms: object
    avg_ttft_ms: object
    last_seen: object
    uptime_seconds: object
    heartbeats: object
    timeouts: object
    capability_score: object
    revision: object
    history: object

    def seldom(self, name: str) -> object:
        """A field of a node's words or of its status. As attributes these only compare, with those of the same kind."""


class JsonFields(SimpleNamespace):
    """The fields of a node that was decoded as any JSON is."""

    def seldom(self, name: str) -> object:
        return getattr(self, name)


def json_fields(value: object) -> NodeFields:
    """The fields of a decoded node; none of what is no object."""
    get = fields(value).get
    names = (*_FIGURE_FIELDS, *_WORD_FIELDS, *_STATUS_FIELDS)
    return cast(NodeFields, JsonFields(**{name: get(name) for name in names}))


class Memory(NamedTuple):
    """What was made of each node, and the values it was made from: a heartbeat seldom brings new ones."""

    words: dict[str, tuple[object, Words]]
    statuses: dict[str, tuple[object, Status]]

    def forget(self, node_id: str) -> None:
        self.words.pop(node_id, None)
        self.statuses.pop(node_id, None)


def new_memory() -> Memory:
    """One that remembers nothing yet."""
    return Memory({}, {})


class NodeRow:
    """A node's present figures. Never changed; a new view makes a new row.

    Percentages 0..100, degrees Celsius, milliseconds, seconds; None where unknown. Figures that
    only a shown row needs are read when they are asked for: of a thousand nodes that move every second few are shown.
    attention: the lower, the more it needs a person: 0 offline, 1 kept from work by its load or its failures,
    2 pending, 3 draining, 4 none of these.
    """

    __slots__ = (
        "_given", "_read_at_unix_s", "active", "attention", "circuit", "draining", "excluded_by", "gpu", "heartbeats",
        "id", "late", "mood", "state", "temp", "vram", "words",
    )  # fmt: skip

    def __init__(self, given: NodeFields, node_id: str, words: Words, status: Status, now_unix_s: float) -> None:
        self._given = given
        self._read_at_unix_s = now_unix_s
        self.id = node_id
        self.words = words
        self.state, self.draining, self.late, self.excluded_by, self.circuit, self.mood, self.attention, measured = (
            status
        )
        self.gpu = number(given.gpu_usage) if measured else None
        self.vram = number(given.vram_usage) if measured else None
        self.temp = number(given.temperature) if measured else None
        self.active = count(given.active_requests)
        self.heartbeats = count(given.heartbeats)

    @property
    def is_in_trouble(self) -> bool:
        """Shown with an exclamation mark."""
        return self.attention <= 1

    @property
    def cpu(self) -> float | None:
        return number(self._given.cpu_usage)

    @property
    def memory(self) -> float | None:
        return number(self._given.memory_usage)

    @property
    def total(self) -> int:
        return count(self._given.total_requests)

    @property
    def failed(self) -> int:
        return count(self._given.failed_requests)

    @property
    def avg_ms(self) -> float | None:
        return number(self._given.avg_response_time_ms)

    @property
    def ttft_ms(self) -> float | None:
        return number(self._given.avg_ttft_ms)

    @property
    def timeouts(self) -> int:
        return count(self._given.timeouts)

    @property
    def score(self) -> int:
        return count(self._given.capability_score)

    @property
    def max_concurrency(self) -> int | None:
        return self.words.limit

    @property
    def revision(self) -> int:
        return count(self._given.revision)

    @property
    def last_seen_unix_s(self) -> float | None:
        return instant(self._given.last_seen)

    @property
    def url(self) -> str:
        return self.words.url

    @property
    def machine(self) -> str:
        return self.words.machine

    @property
    def name(self) -> str:
        return self.words.name

    @property
    def note(self) -> str:
        return self.words.note

    @property
    def tags(self) -> tuple[str, ...]:
        return self.words.tags

    @property
    def loaded(self) -> tuple[str, ...]:
        return self.words.loaded

    @property
    def available(self) -> tuple[str, ...]:
        return self.words.available

    @property
    def models(self) -> tuple[str, ...]:
        return self.words.models

    @property
    def gpus(self) -> tuple[str, ...]:
        return self.words.gpus

    def seen_s(self, now_unix_s: float) -> float | None:
        """Seconds since the last heartbeat, by the router's clock."""
        last_seen_unix_s = self.last_seen_unix_s
        return None if last_seen_unix_s is None else max(0.0, now_unix_s - last_seen_unix_s)

    def up_s(self, now_unix_s: float) -> float | None:
        """Seconds since it came Online, counting on since it was told; None unless it is."""
        up_s = number(self._given.uptime_seconds)
        if up_s is None or self.state is not NodeState.ONLINE:
            return None
        return max(0.0, up_s + now_unix_s - self._read_at_unix_s)


def read_node(value: object, now_unix_s: float) -> NodeRow | None:
    """A node of ``/v0/nodes``; None for what has no usable id.

    now_unix_s: the router's clock when the value was made: uptimes count on from there.
    """
    return make_row(json_fields(value), now_unix_s, new_memory())


def make_row(given: NodeFields, now_unix_s: float, known: Memory) -> NodeRow | None:
    """As ``read_node``. known: what was read before, so that words are cleaned once and not with every heartbeat."""
    node_id = clean(given.id, MAX_ID_CHARACTERS)
    if not node_id:
        return None
    word_values, status_values = _word_values(given), _status_values(given)
    words = known.words.get(node_id)
    if words is None or words[0] != word_values:
        words = known.words[node_id] = (word_values, _words(given))
    status = known.statuses.get(node_id)
    if status is None or status[0] != status_values:
        status = known.statuses[node_id] = (status_values, _status(given))
    return NodeRow(given, node_id, words[1], status[1], now_unix_s)


def _words(given: NodeFields) -> Words:
    get = given.seldom
    loaded, available = names(get("loaded_models")), names(get("available_models"))
    limit = number(get("max_concurrency"))
    return Words(
        url=clean(get("url")),
        machine=clean(get("machine_name")),
        name=clean(get("name")),
        note=clean(get("note")),
        tags=names(get("tags")),
        loaded=loaded,
        available=available,
        models=tuple(dict.fromkeys((*loaded, *available))),
        gpus=_gpus(get("gpus")),
        limit=None if limit is None else int(limit),
    )


def _status(given: NodeFields) -> Status:
    get = given.seldom
    state = _state(get("state"))
    draining, late = get("draining") is True, get("late") is True
    excluded_by = _excluded(get("excluded_by"))
    circuit = clean(get("circuit"), 40) or "closed"
    troubled = late or bool(excluded_by) or circuit != "closed"
    return Status(
        state,
        draining,
        late,
        excluded_by,
        circuit,
        _mood(state, draining),
        _attention(state, draining, troubled=troubled),
        # What a node measured before it fell silent says nothing about now.
        is_measured=get("metrics_available") is not False and state is not NodeState.OFFLINE,
    )


def _state(value: object) -> NodeState:
    """What is no known state is shown as the one in which nothing is expected of the node."""
    return _STATES.get(value, NodeState.OFFLINE) if isinstance(value, str) else NodeState.OFFLINE


def _excluded(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        return ()
    return tuple(name for name in value if isinstance(name, str) and name in _EXCLUSIONS)


def _gpus(value: object) -> tuple[str, ...]:
    """``H100 80GB``: one text per card."""
    cards = rows(value)
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
