"""What a filter can ask of the rows of a list, under the names that the command line has for its columns.

at:2026-11-18    an instant is a text; at<10m what was within the last ten minutes, at>1d what is older than a day
tokens>1k        figures, with < and > and a unit where they have one

The language itself is ``llmlb.client.filters``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from llmlb.client.filters import MILLISECONDS, PLAIN, SECONDS, Figure, Texts, Vocabulary
from llmlb_tui.model.alerts import Alert
from llmlb_tui.model.events import Event
from llmlb_tui.model.formats import instant_text
from llmlb_tui.model.reading import Fields, instant, names, number
from llmlb_tui.model.text import clean


class RowSubject(NamedTuple):
    """A request or a key as a filter looks at it. now_unix_s: the router's clock, for ages."""

    fields: Fields
    now_unix_s: float


class EventSubject(NamedTuple):
    """An event as a filter looks at it. now_unix_s: the router's clock, for ages."""

    event: Event
    now_unix_s: float


class AlertSubject(NamedTuple):
    """An alert as a filter looks at it. now_unix_s: the router's clock, for ages and silences."""

    alert: Alert
    now_unix_s: float


def _text(name: str) -> Texts[RowSubject]:
    def texts(subject: RowSubject) -> tuple[str, ...]:
        value = subject.fields.get(name)
        if isinstance(value, bool):
            return _truth(value)
        if isinstance(value, list):
            return names(value)
        return (text,) if (text := clean(value)) else ()

    return texts


def _truth(value: bool) -> tuple[str, ...]:
    return ("yes", "true") if value else ("no", "false")


def _figure(name: str, units: Mapping[str, float]) -> Figure[RowSubject]:
    return Figure(lambda subject: number(subject.fields.get(name)), units)


def _age(name: str) -> Figure[RowSubject]:
    def age_s(subject: RowSubject) -> float | None:
        at_unix_s = instant(subject.fields.get(name))
        return None if at_unix_s is None else subject.now_unix_s - at_unix_s

    return Figure(age_s, SECONDS)


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
    "at": _age("at"),
}

REQUESTS: Vocabulary[RowSubject] = Vocabulary(
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
    "at": _of_event(lambda event: instant_text(event.at_unix_s)),
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


def _of_alert(get: Callable[[Alert], str]) -> Texts[AlertSubject]:
    return lambda subject: (text,) if (text := get(subject.alert)) else ()


def _instant_text(get: Callable[[Alert], float | None]) -> Texts[AlertSubject]:
    return lambda subject: (text,) if (text := instant_text(get(subject.alert))) else ()


def _since(get: Callable[[Alert], float | None]) -> Figure[AlertSubject]:
    return Figure(
        lambda subject: None if (at_unix_s := get(subject.alert)) is None else subject.now_unix_s - at_unix_s, SECONDS
    )


_ALERT_INSTANTS: Mapping[str, Callable[[Alert], float | None]] = {
    "fired_at": lambda alert: alert.fired_at_unix_s,
    "since": lambda alert: alert.fired_at_unix_s,
    "resolved_at": lambda alert: alert.resolved_at_unix_s,
    "silenced_until": lambda alert: alert.silenced_until_unix_s,
}
_ALERT_TEXTS: Mapping[str, Texts[AlertSubject]] = {
    "id": _of_alert(lambda alert: alert.id),
    "severity": _of_alert(lambda alert: alert.severity),
    "rule": _of_alert(lambda alert: alert.rule),
    "subject": _of_alert(lambda alert: alert.subject),
    "state": lambda subject: (subject.alert.state(subject.now_unix_s),),
    "is_firing": lambda subject: _truth(subject.alert.is_firing),
    **{name: _instant_text(get) for name, get in _ALERT_INSTANTS.items()},
    "cause": _of_alert(lambda alert: alert.cause),
    "hint": _of_alert(lambda alert: alert.hint),
    "node_id": _of_alert(lambda alert: alert.node_id),
    "acknowledged_by": _of_alert(lambda alert: alert.acknowledged_by),
    "silenced_by": _of_alert(lambda alert: alert.silenced_by),
}

ALERTS: Vocabulary[AlertSubject] = Vocabulary(
    named=lambda subject: [text for texts in _ALERT_TEXTS.values() for text in texts(subject)],
    texts={**_ALERT_TEXTS, "about": _ALERT_TEXTS["subject"]},
    figures={name: _since(get) for name, get in _ALERT_INSTANTS.items()},
    states={},
)

_KEY_TEXTS = {name: _text(name) for name in ("id", "name", "hint", "scopes", "created_at", "expires_at", "models")}

KEYS: Vocabulary[RowSubject] = Vocabulary(
    named=lambda subject: [text for texts in _KEY_TEXTS.values() for text in texts(subject)],
    texts=_KEY_TEXTS | {"created": _KEY_TEXTS["created_at"], "expires": _KEY_TEXTS["expires_at"]},
    figures={
        "created_at": _age("created_at"),
        "created": _age("created_at"),
        "requests_per_minute": _figure("requests_per_minute", PLAIN),
        "max_concurrency": _figure("max_concurrency", PLAIN),
    },
    states={},
)
