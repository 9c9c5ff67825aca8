"""Waiting for capacity: one bounded queue per model, first come first served inside a key, fair across keys.

Fair means in tokens, not in requests: the key that has been served least goes next, so a key with many long requests
cannot crowd out one with a few short ones. A key that comes, or comes back, starts level with the least served of
those that wait: nobody saves up turns. Source: virtual token counters, arXiv 2401.00588.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from heapq import heappop, heappush
from typing import Protocol

from llmlb.core.choice import InferenceRequest, Policy
from llmlb.core.outcome import Usage

BYTES_PER_TOKEN = 4
OUTPUT_WEIGHT = 2
"""A token that is written keeps an engine busier than one that is read; the source's own figure."""
_SPARE_COUNTERS = 64


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
    """A request's place in the queue. Instants are monotonic seconds; position counts from 1 at arrival.

    in_vain: what the waiter is told when the deadline passes.  policy: the one it asked for, None for the mode's own.
    """

    request: InferenceRequest
    waiter: Waiter
    queued_at_s: float
    deadline_at_s: float
    position: int
    in_vain: RefusalKind = RefusalKind.QUEUE_TIMEOUT
    policy: Policy | None = None


class ModelQueue:
    """The tickets of one model. The key that was served least goes next, with its oldest ticket. O(log keys)."""

    __slots__ = ("_by_key", "_length", "_order", "_served", "_turn", "_turns")

    def __init__(self) -> None:
        self._by_key: dict[str, deque[Ticket]] = {}
        self._served: dict[str, float] = {}
        """Tokens by key; kept for keys that do not wait while it is more than the least of those that do."""
        self._order: list[tuple[float, int, str]] = []
        """A heap of (served, turn, key); an entry whose turn is not the key's present one is void."""
        self._turns: dict[str, int] = {}
        self._turn = 0
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Ticket]:
        for tickets in self._by_key.values():
            yield from tickets

    def push(self, ticket: Ticket) -> None:
        key_id = ticket.request.key_id
        tickets = self._by_key.get(key_id)
        if tickets is None:
            self._served[key_id] = max(self._served.get(key_id, 0.0), self._least_served())
            tickets = self._by_key[key_id] = deque()
            self._line_up(key_id)
        tickets.append(ticket)
        self._length += 1

    def head(self) -> Ticket | None:
        """Whose turn it is."""
        key_id = self._next_key()
        return None if key_id is None else self._by_key[key_id][0]

    def pop(self) -> Ticket:
        """Serve the head, and charge its key for the prompt. Raises KeyError when nobody waits."""
        key_id = self._next_key()
        if key_id is None:
            raise KeyError("nobody waits")
        tickets = self._by_key[key_id]
        ticket = tickets.popleft()
        self._length -= 1
        self._served[key_id] += prompt_tokens(ticket.request)
        if tickets:
            self._line_up(key_id)
        else:
            self._leave(key_id)
        return ticket

    def charge(self, key_id: str, tokens: float) -> None:
        """Count tokens against a key beyond the prompts of its tickets: its answers, once they are known."""
        if tokens <= 0:
            return
        self._served[key_id] = max(self._served.get(key_id, 0.0), self._least_served()) + tokens
        if key_id in self._by_key:
            self._line_up(key_id)
        else:
            self._prune()

    def remove(self, ticket: Ticket) -> bool:
        """Take a ticket out, wherever it stands. False when it is not here."""
        key_id = ticket.request.key_id
        tickets = self._by_key.get(key_id)
        if tickets is None or ticket not in tickets:
            return False
        tickets.remove(ticket)
        self._length -= 1
        if not tickets:
            self._leave(key_id)
        return True

    def expired(self, now_s: float) -> list[Ticket]:
        """Remove and return those whose deadline has passed."""
        overdue = [ticket for ticket in self if ticket.deadline_at_s <= now_s]
        for ticket in overdue:
            self.remove(ticket)
        return overdue

    def _line_up(self, key_id: str) -> None:
        self._turn += 1
        self._turns[key_id] = self._turn
        heappush(self._order, (self._served[key_id], self._turn, key_id))
        if len(self._order) > 2 * len(self._by_key) + _SPARE_COUNTERS:
            self._order = sorted((self._served[key], turn, key) for key, turn in self._turns.items())

    def _leave(self, key_id: str) -> None:
        del self._by_key[key_id]
        del self._turns[key_id]
        self._prune()

    def _next_key(self) -> str | None:
        order = self._order
        while order:
            _, turn, key_id = order[0]
            if self._turns.get(key_id) == turn:
                return key_id
            heappop(order)
        return None

    def _least_served(self) -> float:
        return self._order[0][0] if self._next_key() is not None else 0.0

    def _prune(self) -> None:
        """Keys at or below the least served start level with it anyway: their counters need not be kept."""
        if len(self._served) <= 2 * len(self._by_key) + _SPARE_COUNTERS:
            return
        least = self._least_served()
        waiting = self._by_key
        self._served = {key: served for key, served in self._served.items() if key in waiting or served > least}


def prompt_tokens(request: InferenceRequest) -> float:
    """What a prompt counts before anybody has read it."""
    text_bytes = request.body_bytes if request.prompt is None else request.prompt.text_bytes
    return 1.0 + text_bytes / BYTES_PER_TOKEN


def answer_tokens(usage: Usage | None) -> float:
    """What an answer counts; nothing where its length is not known."""
    return 0.0 if usage is None or usage.completion is None else float(OUTPUT_WEIGHT * usage.completion)
