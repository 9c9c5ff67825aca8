"""What hardly ever changes about a node: read of nodes that are looked at, and cleaned once."""

from __future__ import annotations

import json
from operator import attrgetter
from typing import NamedTuple

from msgspec import Raw

from llmlb_tui.model.node_fields import SELDOM, NodeFields
from llmlb_tui.model.reading import Fields, names, number, rows
from llmlb_tui.model.text import clean


class Words(NamedTuple):
    """models: loaded ones first.  gpus: one text per card.  limit: its ``max_concurrency``."""

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


class KnownWords(NamedTuple):
    """Words with the values they were made from."""

    values: object
    words: Words


_values_of = attrgetter(*SELDOM)


def read_words(given: NodeFields, known: KnownWords | None) -> KnownWords:
    """known: of the last time; answered again where nothing has changed since."""
    values = _values_of(given)
    if known is not None and known.values == values:
        return known
    return KnownWords(values, _words(dict(zip(SELDOM, map(_plain, values), strict=True))))


def _plain(value: object) -> object:
    """A value, decoded; what is broken in it is replaced, or nothing."""
    if not isinstance(value, Raw):
        return value
    try:
        return json.loads(bytes(value).decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _words(values: Fields) -> Words:
    loaded, available = names(values["loaded_models"]), names(values["available_models"])
    limit = number(values["max_concurrency"])
    return Words(
        url=clean(values["url"]),
        machine=clean(values["machine_name"]),
        name=clean(values["name"]),
        note=clean(values["note"]),
        tags=names(values["tags"]),
        loaded=loaded,
        available=available,
        models=tuple(dict.fromkeys((*loaded, *available))),
        gpus=_gpus(values["gpus"]),
        limit=None if limit is None else int(limit),
    )


def _gpus(value: object) -> tuple[str, ...]:
    """``H100 80GB``: one text per card."""
    return tuple(
        f"{clean(card.get('model'))} {_gigabytes(card.get('vram_total_mb'))}".strip() for card in rows(value)[:64]
    )


def _gigabytes(megabytes: object) -> str:
    size = number(megabytes)
    return f"{size / 1024:.0f}GB" if size else ""
