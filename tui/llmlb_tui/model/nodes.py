"""One node as the console shows it, read from the router's JSON."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from llmlb.core.health import NodeState
from llmlb_tui.model.node_fields import NodeFields, read_fields
from llmlb_tui.model.reading import instant
from llmlb_tui.model.text import clean
from llmlb_tui.model.words import KnownWords, Words, read_words


class Mood(StrEnum):
    """What the state column says: the state, or the operator's pause."""

    ONLINE = "Online"
    PENDING = "Pending"
    OFFLINE = "Offline"
    DRAIN = "Drain"


_STATES = {state.value: state for state in NodeState}
_EXCLUSIONS = frozenset({"gpu", "vram", "active"})
_KEPT_STATUSES = 1_000
MAX_ID_CHARACTERS = 63


class Status(Struct, frozen=True, eq=False):
    """How a node stands; most share one. is_measured, is_vram_measured: those figures say something about now.

    attention: the lower, the more it needs a person: 0 offline, 1 kept from work by its load or its failures,
    2 pending, 3 draining, 4 none of these.
    """

    state: NodeState
    draining: bool
    late: bool
    excluded_by: tuple[str, ...]
    circuit: str
    mood: Mood
    attention: int
    is_measured: bool
    is_vram_measured: bool


class NodeRow:
    """A node's present figures. Never changed; a new view makes a new row.

    Percentages 0..100, degrees Celsius, milliseconds, seconds; None where unknown. Of a thousand nodes that move every
    second few are shown: what only a shown row needs is read when it is asked for.
    """

    __slots__ = (
        "_given", "_known_words", "_read_at_unix_s", "_words", "active", "avg_ms", "gpu", "heartbeats", "id", "status",
        "temp", "vram",
    )  # fmt: skip

    def __init__(
        self, given: NodeFields, node_id: str, status: Status, known_words: KnownWords | None, now_unix_s: float
    ) -> None:
        self._given = given
        self._words: Words | None = None
        self._known_words = known_words
        self._read_at_unix_s = now_unix_s
        self.id = node_id
        self.status = status
        self.gpu = given.gpu_usage if status.is_measured else None
        self.vram = given.vram_usage if status.is_vram_measured else None
        self.temp = given.temperature if status.is_measured else None
        self.active = given.active_requests or 0
        self.avg_ms = given.avg_response_time_ms
        self.heartbeats = given.heartbeats or 0

    # How it stands

    @property
    def state(self) -> NodeState:
        return self.status.state

    @property
    def draining(self) -> bool:
        return self.status.draining

    @property
    def late(self) -> bool:
        return self.status.late

    @property
    def excluded_by(self) -> tuple[str, ...]:
        return self.status.excluded_by

    @property
    def circuit(self) -> str:
        return self.status.circuit

    @property
    def mood(self) -> Mood:
        return self.status.mood

    @property
    def attention(self) -> int:
        return self.status.attention

    @property
    def is_in_trouble(self) -> bool:
        """Shown with an exclamation mark."""
        return self.status.attention <= 1

    # Its figures

    @property
    def cpu(self) -> float | None:
        return self._given.cpu_usage

    @property
    def memory(self) -> float | None:
        return self._given.memory_usage

    @property
    def total(self) -> int:
        return self._given.total_requests or 0

    @property
    def failed(self) -> int:
        return self._given.failed_requests or 0

    @property
    def ttft_ms(self) -> float | None:
        return self._given.avg_ttft_ms

    @property
    def timeouts(self) -> int:
        return self._given.timeouts or 0

    @property
    def score(self) -> int:
        return self._given.capability_score or 0

    @property
    def revision(self) -> int:
        return self._given.revision or 0

    @property
    def last_seen_unix_s(self) -> float | None:
        return instant(self._given.last_seen)

    def seen_s(self, now_unix_s: float) -> float | None:
        """Seconds since the last heartbeat, by the router's clock."""
        last_seen_unix_s = self.last_seen_unix_s
        return None if last_seen_unix_s is None else max(0.0, now_unix_s - last_seen_unix_s)

    def up_s(self, now_unix_s: float) -> float | None:
        """Seconds since it came Online, counting on since it was told; None unless it is."""
        up_s = self._given.uptime_seconds
        if up_s is None or self.status.state is not NodeState.ONLINE:
            return None
        return max(0.0, up_s + now_unix_s - self._read_at_unix_s)

    # Its words

    @property
    def known_words(self) -> KnownWords | None:
        """What was read of its words so far, here or of an earlier row."""
        return self._known_words

    @property
    def words(self) -> Words:
        if self._words is None:
            self._known_words = read_words(self._given, self._known_words)
            self._words = self._known_words.words
        return self._words

    @property
    def max_concurrency(self) -> int | None:
        return self.words.limit

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


def read_node(value: object, now_unix_s: float) -> NodeRow | None:
    """A node of ``/v0/nodes``; None for what has no usable id.

    now_unix_s: the router's clock when the value was made: uptimes count on from there.
    """
    return make_row(read_fields(value), now_unix_s, None)


def make_row(given: NodeFields, now_unix_s: float, before: NodeRow | None) -> NodeRow | None:
    """As ``read_node``. before: the node's last row, so that words are cleaned once and not with every heartbeat."""
    if before is None:
        node_id = clean(given.id, MAX_ID_CHARACTERS)
        return NodeRow(given, node_id, status_of(given), None, now_unix_s) if node_id else None
    return NodeRow(given, before.id, status_of(given), before.known_words, now_unix_s)


_statuses: dict[object, Status] = {}


def status_of(given: NodeFields) -> Status:
    """How the node stands; the same object for all that stand the same."""
    key = (
        given.state, given.draining, given.late, given.excluded_by, given.circuit, given.metrics_available,
        given.vram_metrics_available,
    )  # fmt: skip
    known = _statuses.get(key)
    if known is None:
        if len(_statuses) >= _KEPT_STATUSES:
            _statuses.clear()
        known = _statuses[key] = _status(given)
    return known


def _status(given: NodeFields) -> Status:
    # What is no known state is shown as the one in which nothing is expected of the node.
    state = _STATES.get(given.state or "", NodeState.OFFLINE)
    draining, late = given.draining is True, given.late is True
    excluded_by = tuple(name for name in given.excluded_by or () if name in _EXCLUSIONS)
    circuit = clean(given.circuit, 40) or "closed"
    troubled = late or bool(excluded_by) or circuit != "closed"
    # What a node measured before it fell silent says nothing about now.
    is_heard = state is not NodeState.OFFLINE
    is_measured = given.metrics_available is not False
    tells_vram = given.vram_metrics_available
    return Status(
        state,
        draining,
        late,
        excluded_by,
        circuit,
        _mood(state, draining),
        _attention(state, draining, troubled=troubled),
        is_measured=is_heard and is_measured,
        # A router of before that field tells of both at once.
        is_vram_measured=is_heard and (is_measured if tells_vram is None else tells_vram),
    )


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
