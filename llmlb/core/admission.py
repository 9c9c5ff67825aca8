"""Waiting for capacity: one bounded queue per model, first come first served inside a key, fair across keys."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from llmlb.core.choice import InferenceRequest


class RefusalKind(StrEnum):
    """Why a request cannot be placed."""

    MODEL_NOT_FOUND = "model_not_found"
    NO_NODE_AVAILABLE = "no_node_available"
    QUEUE_FULL = "queue_full"
    QUEUE_TIMEOUT = "queue_timeout"
    NODE_NOT_AVAILABLE = "pinned_node_not_available"
    OBJECTIVE_OUT_OF_REACH = "objective_out_of_reach"


class Waiter(Protocol):
    """Who waits behind a ticket; told once."""

    def refused(self, kind: RefusalKind) -> None: ...


@dataclass(slots=True, eq=False)
class Ticket:
    """A request's place in the queue. Instants are monotonic seconds; position counts from 1 at arrival."""

    request: InferenceRequest
    waiter: Waiter
    queued_at_s: float
    deadline_at_s: float
    position: int


class ModelQueue:
    """The tickets of one model. Keys take turns; each turn serves the key's oldest ticket."""

    __slots__ = ("_by_key", "_length")

    def __init__(self) -> None:
        self._by_key: OrderedDict[str, deque[Ticket]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Ticket]:
        for tickets in self._by_key.values():
            yield from tickets

    def push(self, ticket: Ticket) -> None:
        self._by_key.setdefault(ticket.request.key_id, deque()).append(ticket)
        self._length += 1

    def head(self) -> Ticket | None:
        """Whose turn it is."""
        for tickets in self._by_key.values():
            return tickets[0]
        return None

    def pop(self) -> Ticket:
        """Serve the head; its key goes to the end of the round. Raises KeyError when nobody waits."""
        key_id, tickets = self._by_key.popitem(last=False)
        ticket = tickets.popleft()
        if tickets:
            self._by_key[key_id] = tickets
        self._length -= 1
        return ticket

    def remove(self, ticket: Ticket) -> bool:
        """Take a ticket out, wherever it stands. False when it is not here."""
        tickets = self._by_key.get(ticket.request.key_id)
        if tickets is None or ticket not in tickets:
            return False
        tickets.remove(ticket)
        if not tickets:
            del self._by_key[ticket.request.key_id]
        self._length -= 1
        return True

    def expired(self, now_s: float) -> list[Ticket]:
        """Remove and return those whose deadline has passed."""
        overdue = [ticket for ticket in self if ticket.deadline_at_s <= now_s]
        for ticket in overdue:
            self.remove(ticket)
        return overdue
