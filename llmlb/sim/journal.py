"""What the engine was asked and how each request ended."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from llmlb.sim.order import JsonObject

_MOST_RECORDS = 10_000


class Ending(StrEnum):
    """How a request ended, or that it has not."""

    RUNNING = "running"
    COMPLETED = "completed"
    REFUSED = "refused"
    """An error answer: the request was wrong, or the model is unknown."""
    ABORTED = "aborted"
    """The client went away first."""
    FAILED = "failed"
    """A planned fault struck."""


@dataclass(slots=True)
class RequestRecord:
    """One inference request. Times in milliseconds since it arrived, None until they happened.

    received_at_s: Unix time.  client_request_id: the ``x-request-id`` that came with it.
    head: the request head as it came, if heads are recorded.
    """

    id: str
    path: str
    received_at_s: float
    client_request_id: str = ""
    model: str = ""
    is_stream: bool = False
    outcome: Ending = Ending.RUNNING
    status: int = 0
    fault: str = ""
    first_token_ms: float | None = None
    total_ms: float | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    head: bytes = b""

    def as_json(self) -> JsonObject:
        fields = {name: getattr(self, name) for name in self.__slots__ if name != "head"}
        if self.head:
            fields["head"] = self.head.decode("latin-1")
        return fields


class Journal:
    """The latest records, oldest first; the number kept is bounded."""

    def __init__(self) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=_MOST_RECORDS)
        self._count = 0

    @property
    def records(self) -> list[RequestRecord]:
        return list(self._records)

    @property
    def count(self) -> int:
        """Requests ever heard, forgotten ones included."""
        return self._count

    def open(self, path: str, received_at_s: float) -> RequestRecord:
        self._count += 1
        record = RequestRecord(id=f"sim{self._count:08d}", path=path, received_at_s=received_at_s)
        self._records.append(record)
        return record

    def clear(self) -> None:
        self._records.clear()
