"""What happened, as the console tells it: the router's changes and its own, in a ring of ten thousand."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from copy import copy
from itertools import islice
from typing import NamedTuple

from llmlb_tui.model.reading import fields, instant, number, rows
from llmlb_tui.model.text import clean

LISTED = 10_000
DAY_S = 86_400


class Tone(NamedTuple):
    """How an event is shown. word: short, for the line.  sign: which mood or mark it resembles.  fix: what to do."""

    word: str
    sign: str
    fix: str = ""


_TONES: dict[str, Tone] = {
    "registered": Tone("Pending", "waiting", "waiting for approval (a approve, x reject)"),
    "moved": Tone("Moved", "trouble", "approve it again if the new address is right"),
    "approved": Tone("Approved", "good"),
    "rejected": Tone("Rejected", "good", "approve lifts the refusal before its 24 h are over"),
    "deleted": Tone("Deleted", "good"),
    "edited": Tone("Edited", "good"),
    "draining": Tone("Drain", "paused", "u gives it work again"),
    "undrained": Tone("Undrained", "good"),
    "online": Tone("Online", "good"),
    "late": Tone("Late", "warning", "it gets no new work until it beats; look at its agent"),
    "offline": Tone("Offline", "trouble", "look at its engine, its agent and the network between"),
    "expired": Tone("Dropped", "good", "it may register again"),
    "duplicate_instance": Tone("Twin", "trouble", "two processes claim this node; stop one of them"),
    "circuit_opened": Tone("Ejected", "warning", "its last answers failed; it is probed and comes back by itself"),
    "circuit_half_open": Tone("Probe", "waiting"),
    "circuit_closed": Tone("Back", "good"),
    "model_withheld": Tone("Model", "warning", "it denied having that model; it is not asked for it for a while"),
    "panic_began": Tone("Panic", "trouble", "most nodes fail; circuits are ignored so that requests find somebody"),
    "panic_ended": Tone("Calm", "good"),
    "mass_silence_began": Tone("Silence", "trouble", "most nodes fell silent at once: suspect this router's network"),
    "mass_silence_ended": Tone("Heard", "good"),
    "settings": Tone("Changed", "good", "T shows the thresholds"),
    "fired": Tone("Alert", "trouble", "A lists the alerts"),
    "resolved": Tone("Resolved", "good"),
    "acknowledged": Tone("Acked", "good"),
    "silenced": Tone("Silenced", "good"),
    "reconnected": Tone("Live", "good"),
    "session": Tone("Login", "good"),
    "disconnected": Tone("Lost", "trouble", "r tries again at once"),
    "done": Tone("Done", "good"),
    "failed": Tone("Failed", "trouble"),
}
_UNKNOWN = Tone("Event", "good")


class Event(NamedTuple):
    """One line of the feed. number: counts up in this console; what was before it began has 0 and less.

    subject: the node, or what it is about.  rule: of an alert, "" for all else.  is_dated: it was on another day than
    the console learned of it, so its date is shown.
    """

    number: int
    id: str
    at_unix_s: float
    kind: str
    subject: str
    node_id: str
    cause: str
    actor: str
    rule: str = ""
    is_dated: bool = False

    @property
    def told(self) -> str:
        """The cause; of an alert, behind the rule that it is about."""
        return f"{self.rule}: {self.cause}" if self.rule else self.cause

    @property
    def tone(self) -> Tone:
        return _TONES.get(self.kind, _UNKNOWN)


class EventRing:
    """The newest events; the oldest fall out. Reading one by its place is O(n) at worst and O(1) at the ends."""

    def __init__(self, listed: int = LISTED) -> None:
        self._events: deque[Event] = deque(maxlen=listed)
        self._next = 1
        self._past_id = 0
        self.has_past = False
        """Whether it was told what was before this console began."""
        self.seen = 0
        """The number of the newest event that somebody has looked at."""

    def __len__(self) -> int:
        return len(self._events)

    def copy(self) -> EventRing:
        twin = copy(self)
        twin._events = self._events.copy()
        return twin

    @property
    def newest(self) -> int:
        """The number of the newest event, 0 before the first."""
        return self._next - 1

    @property
    def unread(self) -> int:
        return self.newest - self.seen

    def add(
        self,
        kind: str,
        cause: str,
        *,
        at_unix_s: float,
        subject: str,
        node_id: str = "",
        actor: str = "",
        id: str = "",
        rule: str = "",
    ) -> None:
        """Something happened. An event that the past holds already is left out: a feed may repeat it."""
        if 0 < _id_number(id) <= self._past_id:
            return
        self._events.append(Event(self._next, id, at_unix_s, kind, subject, node_id, cause, actor, rule))
        self._next += 1

    def learn_past(self, past: Iterable[Event], *, upto_id: str = "") -> None:
        """Put what was before this console began before all else.

        past: newest first.  upto_id: of the snapshot that the feed began with: what came behind it, it tells itself.
        """
        known = [number for event in self._events if (number := _id_number(event.id))]
        newest = min([_id_number(upto_id) or math.inf, *(number - 1 for number in known)])
        number = 0
        for event in past:
            if len(self._events) == self._events.maxlen:
                break
            if _id_number(event.id) <= newest:
                self._past_id = max(self._past_id, _id_number(event.id))
                self._events.appendleft(event._replace(number=number))
                number -= 1
        self.has_past = True

    def last(self, limit: int, *, skipped: int = 0) -> list[Event]:
        """Up to ``limit`` events, newest first, after leaving out the newest ``skipped``."""
        return list(islice(reversed(self._events), skipped, skipped + limit))

    def of_node(self, node_id: str, limit: int) -> list[Event]:
        return list(islice((event for event in reversed(self._events) if event.node_id == node_id), limit))

    def newest_first(self) -> Iterator[Event]:
        return reversed(self._events)

    def mark_read(self) -> None:
        self.seen = self.newest


def _id_number(id: str) -> int:
    """A router's ids are numbers that grow; 0 for none."""
    return int(id) if id.isascii() and id.isdigit() else 0


def subject_of(kind: str, node_id: str, subject: str) -> str:
    """What an event is about, in a word. subject: of the alert that it tells of, "" for none."""
    return node_id or subject or {"settings": "thresholds"}.get(kind, "fleet")


def read_past(answer: object, now_unix_s: float) -> list[Event]:
    """The events of ``/v0/events/recent``, in their order; what is none is left out."""
    found: list[Event] = []
    for row in rows(answer)[:LISTED]:
        kind, node_id = clean(row.get("kind")), clean(row.get("node_id"))
        at_unix_s, id = instant(row.get("at")), row.get("id")
        if not kind or at_unix_s is None or type(id) is not int or id < 0:
            continue
        found.append(
            Event(
                0,
                str(id),
                at_unix_s,
                kind,
                subject_of(kind, node_id, clean(row.get("subject"))),
                node_id,
                clean(row.get("cause")),
                clean(row.get("actor")).removeprefix("user:"),
                clean(row.get("rule")),
                is_dated=at_unix_s // DAY_S != now_unix_s // DAY_S,
            )
        )
    return found


def read_change(value: object) -> tuple[str, str, str, str, float | None]:
    """A feed event's ``change``: kind, node id, cause, actor, instant; an empty kind where there is none."""
    change = fields(value)
    return (
        clean(change.get("kind")),
        clean(change.get("node_id")),
        clean(change.get("cause")),
        clean(change.get("actor")).removeprefix("user:"),
        number(change.get("at_unix_s")),
    )
