"""What a filter can ask of a request and of an event, under the names that the command line has for its columns.

at:2026-11-18    an instant is a text; at<10m what was within the last ten minutes, at>1d what is older than a day
tokens>1k        figures, with < and > and a unit where they have one

The language itself is ``llmlb.client.filters``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from llmlb.client.filters import MILLISECONDS, PLAIN, SECONDS, Figure, Texts, Vocabulary
from llmlb.clock import rfc3339
from llmlb_tui.model.events import Event
from llmlb_tui.model.reading import Fields, instant, number
from llmlb_tui.model.text import clean


class RequestSubject(NamedTuple):
    """A request as a filter looks at it. now_unix_s: the router's clock, for ages."""

    fields: Fields
    now_unix_s: float


class EventSubject(NamedTuple):
    """An event as a filter looks at it. now_unix_s: the router's clock, for ages."""

    event: Event
    now_unix_s: float


def _text(name: str) -> Texts[RequestSubject]:
    def texts(subject: RequestSubject) -> tuple[str, ...]:
        value = subject.fields.get(name)
        if isinstance(value, bool):
            return ("yes", "true") if value else ("no", "false")
        return (text,) if (text := clean(value)) else ()

    return texts


def _figure(name: str, units: Mapping[str, float]) -> Figure[RequestSubject]:
    return Figure(lambda subject: number(subject.fields.get(name)), units)


def _age_s(subject: RequestSubject) -> float | None:
    at_unix_s = instant(subject.fields.get("at"))
    return None if at_unix_s is None else subject.now_unix_s - at_unix_s


_REQUEST_TEXTS = {
    name: _text(name)
    for name in ("at", "model", "node_id", "outcome", "id", "reason", "stream", "estimated", "key_name", "key_id",
                 "error", "client_request_id")
}  # fmt: skip
_REQUEST_FIGURES = {
    "ttft_ms": _figure("ttft_ms", MILLISECONDS),
    "total_ms": _figure("total_ms", MILLISECONDS),
    "queue_ms": _figure("queue_ms", MILLISECONDS),
    "status": _figure("status", PLAIN),
    "prompt_tokens": _figure("prompt_tokens", PLAIN),
    "completion_tokens": _figure("completion_tokens", PLAIN),
    "at": Figure(_age_s, SECONDS),
}

REQUESTS: Vocabulary[RequestSubject] = Vocabulary(
    named=lambda subject: [text for texts in _REQUEST_TEXTS.values() for text in texts(subject)],
    texts=_REQUEST_TEXTS
    | {
        "node": _REQUEST_TEXTS["node_id"],
        "result": _REQUEST_TEXTS["outcome"],
        "key": _REQUEST_TEXTS["key_name"],
    },
    figures=_REQUEST_FIGURES
    | {
        "ttft": _REQUEST_FIGURES["ttft_ms"],
        "total": _REQUEST_FIGURES["total_ms"],
        "queue": _REQUEST_FIGURES["queue_ms"],
        "prompt": _REQUEST_FIGURES["prompt_tokens"],
        "tokens": _REQUEST_FIGURES["completion_tokens"],
    },
    states={},
)


def _of_event(get: Callable[[Event], str]) -> Texts[EventSubject]:
    return lambda subject: (text,) if (text := get(subject.event)) else ()


def _type_of(event: Event) -> str:
    if event.rule:
        return "alert"
    if event.kind == "settings":
        return "settings"
    return "node" if event.node_id else "fleet"


_EVENT_TEXTS = {
    "at": _of_event(lambda event: rfc3339(event.at_unix_s)),
    "kind": _of_event(lambda event: event.kind),
    "type": _of_event(_type_of),
    "what": _of_event(lambda event: event.tone.word),
    "node_id": _of_event(lambda event: event.node_id),
    "subject": _of_event(lambda event: event.subject),
    "rule": _of_event(lambda event: event.rule),
    "cause": _of_event(lambda event: event.cause),
    "actor": _of_event(lambda event: event.actor),
}

EVENTS: Vocabulary[EventSubject] = Vocabulary(
    named=lambda subject: [text for texts in _EVENT_TEXTS.values() for text in texts(subject)],
    texts=_EVENT_TEXTS | {"event": _EVENT_TEXTS["kind"], "node": _EVENT_TEXTS["node_id"], "by": _EVENT_TEXTS["actor"]},
    figures={
        "at": Figure(lambda subject: subject.now_unix_s - subject.event.at_unix_s, SECONDS),
        "id": Figure(lambda subject: float(subject.event.id) if subject.event.id.isdecimal() else None, PLAIN),
    },
    states={},
)
