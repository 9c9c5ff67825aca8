"""Request records as the runtime file keeps them: many in one blob, which costs a tenth of a row for each."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from llmlb.core.record import ExchangeRecord, RecordFilter

RECORDS_PER_PACK = 256
"""Encoding so many holds the interpreter for a fifth of a millisecond, decoding them for half of one."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[ExchangeRecord]).decode
_decode_one = msgspec.msgpack.Decoder(ExchangeRecord).decode
_split = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode

_FIELDS, _DEFAULTS = ExchangeRecord.__struct_fields__, ExchangeRecord.__struct_defaults__
_DEFAULT_OF = dict(zip(_FIELDS[-len(_DEFAULTS) :], _DEFAULTS, strict=True))

UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)
"""What ``unpack`` raises."""


def pack(records: Sequence[ExchangeRecord]) -> bytes:
    """A MessagePack list of maps by the names of the fields; what is at its default is left out.

    Raises ValueError or OverflowError where one cannot be encoded: a lone surrogate, an integer beyond 64 bits.
    """
    return _encode(records)


def unpack(blob: bytes) -> list[ExchangeRecord]:
    """What ``pack`` wrote, in this version or another: fields unknown here are skipped, absent ones at their default.

    ended_at_s is 0: it was counted from a start that may be over. Raises one of ``UNREADABLE``.
    """
    return _without_monotonic(_decode(blob))


def unpack_readable(blob: bytes) -> list[ExchangeRecord]:
    """Of a pack that ``unpack`` refuses, the records that can be read; none where it is no pack at all."""
    try:
        parts = _split(blob)
    except UNREADABLE:
        return []
    records = []
    for part in parts:
        try:
            records.append(_decode_one(part))
        except UNREADABLE:
            continue
    return _without_monotonic(records)


def traces_of(filters: RecordFilter) -> list[bytes]:
    """What occurs in every pack that holds a match: looking for it is many times faster than decoding.

    A value that is the default of its field leaves no trace.
    """
    wanted = {name: getattr(filters, name) for name in ("model", "node_id", "key_id", "outcome", "status")}
    return [trace_of(name, value) for name, value in wanted.items() if value is not None and value != _DEFAULT_OF[name]]


def trace_of(name: str, value: str | int) -> bytes:
    """A field that is not at its default, as it stands in a pack."""
    return _encode(name) + _encode(value)


def _without_monotonic(records: list[ExchangeRecord]) -> list[ExchangeRecord]:
    for record in records:
        record.ended_at_s = 0.0
    return records
