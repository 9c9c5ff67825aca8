"""What only a request's own page shows. The store keeps it as one text, so that a record tells the same from there."""

from __future__ import annotations

from collections import Counter

import msgspec
from msgspec import Struct

from llmlb.core.lineup import NAMED_NODES, Lineup
from llmlb.core.record import ExchangeRecord
from llmlb.wire.records import LeftOutView


class Details(Struct, frozen=True, gc=False, omit_defaults=True):
    """The fields of ``wire.records.RequestDetail`` by their names, but for what has a column of its own."""

    key_name: str = ""
    endpoint: str = ""
    address: str = ""
    cancelled_phase: str | None = None
    queue_position: int = 0
    overhead_ms: float | None = None
    events: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    lineup: Lineup | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Details).decode


def details_of(record: ExchangeRecord) -> Details:
    """Called for every record: ten attributes and no loop."""
    phase = record.cancelled_phase
    return Details(
        record.key_name,
        record.endpoint,
        record.address,
        None if phase is None else phase._value_,
        record.queue_position,
        round(record.overhead_s * 1000, 2),
        record.events,
        record.bytes_in,
        record.bytes_out,
        record.lineup,
    )


def text_of(details: Details) -> str:
    """As the store keeps them."""
    return _encode(details).decode()


def read_details(text: str) -> Details:
    """What ``text_of`` wrote; what cannot be read any more is unknown, and the rest of its record is worth showing."""
    try:
        return _decode(text)
    except msgspec.DecodeError:
        return Details()


def detail_fields(details: Details) -> dict[str, object]:
    """The fields that ``RequestDetail`` adds to a line of the list, but for costs and contents."""
    return {
        "endpoint": details.endpoint,
        "address": details.address,
        "cancelled_phase": details.cancelled_phase,
        "queue_position": details.queue_position,
        "overhead_ms": details.overhead_ms,
        "events": details.events,
        "bytes_in": details.bytes_in,
        "bytes_out": details.bytes_out,
        **({} if details.lineup is None else _lineup_fields(details.lineup)),
    }


def _lineup_fields(lineup: Lineup) -> dict[str, object]:
    named: list[LeftOutView] = []
    counts: Counter[str] = Counter()
    for part in (lineup.serving, lineup.others):
        pairs = zip(part.node_ids, part.reasons, strict=False)
        named += [LeftOutView(node_id=node_id, because=because) for node_id, because in pairs]
        counts.update(part.counts)
    # Unary plus leaves out what is 0.
    return {"eligible": lineup.eligible, "left_out": named[:NAMED_NODES], "left_out_counts": dict(+counts)}
