"""Many records in one blob, readable for ever."""

from __future__ import annotations

from base64 import b64decode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from store.sample import FULL, told

from llmlb.core.record import ExchangeOutcome, ExchangeRecord, RecordFilter
from llmlb.store.packs import UNREADABLE, pack, trace_of, traces_of, unpack, unpack_readable

BARE = ExchangeRecord(id="r-bare", at_unix_s=1.5)

GOLDEN = b64decode(
    "kt4AH6JpZKZyLWZ1bGypYXRfdW5peF9zy0HZVPxAAAAAqGVuZHBvaW50tC92MS9jaGF0L2NvbXBsZXRpb25zpW1vZGVsoW2mc3Ry"
    "ZWFtw6ZrZXlfaWSiazGoa2V5X25hbWWiY2mnYWRkcmVzc6kxOTIuMC4yLjexY2xpZW50X3JlcXVlc3RfaWSmdGhlaXJzp25vZGVf"
    "aWSmbm9kZS0xpnJlYXNvbqVyZXRyeaZzdGF0dXPMyKdvdXRjb21lqWNhbmNlbGxlZK9jYW5jZWxsZWRfcGhhc2Wpc3RyZWFtaW5n"
    "pWVycm9ytHRoZSBjbGllbnQgd2VudCBhd2F5p3F1ZXVlX3PLP+AAAAAAAACucXVldWVfcG9zaXRpb24DpnR0ZnRfc8s/0AAAAAAA"
    "AKljb250ZW50X3PLP+gAAAAAAACndG90YWxfc8s/+AAAAAAAAKplbmRlZF9hdF9zy0BTQAAAAAAAqm92ZXJoZWFkX3PLP8AAAAAA"
    "AACtcHJvbXB0X3Rva2VucwexY29tcGxldGlvbl90b2tlbnMJsHRva2Vuc19lc3RpbWF0ZWTDpmV2ZW50cwmoYnl0ZXNfaW7NBdyp"
    "Ynl0ZXNfb3V0zQu4qGF0dGVtcHRzkYWnbm9kZV9pZKZub2RlLTKmcmVhc29urGxlYXN0X2FjdGl2ZaVjYXVzZadyZWZ1c2VkpnN0"
    "YXR1cwCnc2Vjb25kc8s/4AAAAAAAAKVjb3N0c5GDp25vZGVfaWSmbm9kZS0xp3RvdGFsX3PLP/QAAAAAAACldGVybXOCpXF1ZXVl"
    "yz/wAAAAAAAApmRlY29kZcs/0AAAAAAAAKZsaW5ldXCDqGVsaWdpYmxlAqdzZXJ2aW5ng6hub2RlX2lkc5Gmbm9kZS0zp3JlYXNv"
    "bnORqGRyYWluaW5npmNvdW50c4KoZHJhaW5pbmcBq2F0X2NhcGFjaXR5AKZvdGhlcnODqG5vZGVfaWRzkaZub2RlLTSncmVhc29u"
    "c5GtbW9kZWxfbWlzc2luZ6Zjb3VudHOBrW1vZGVsX21pc3NpbmcB3gAComlkpnItYmFyZalhdF91bml4X3PLP/gAAAAAAAA="
)
"""``FULL`` and ``BARE`` as they are kept since there are packs: never to be written anew, files are full of these."""


def test_packs_that_were_written_before_are_read_for_ever() -> None:
    assert [told(record) for record in unpack(GOLDEN)] == [told(FULL), told(BARE)]


def test_a_record_comes_back_whole_but_for_the_instant_that_meant_something_before_the_restart_only() -> None:
    [read] = unpack(pack([FULL]))
    assert told(read) == told(FULL)
    assert (FULL.ended_at_s, read.ended_at_s) == (77.0, 0.0), "the one in memory is still needed"
    defaults = told(BARE)
    at_default = {name for name, value in told(read).items() if name in defaults and value == defaults[name]}
    assert at_default == {"ended_at_s", "prompt", "answer"}, "or the comparison would say little"


def test_fields_that_another_version_has_or_lacks_do_not_matter() -> None:
    other = [{"id": "r1", "at_unix_s": 1, "colour": {"deep": [1, 2]}, "model": "m", "lineup": {"eligible": 1, "x": []}}]
    [read] = unpack(msgspec.msgpack.encode(other))
    assert (read.id, read.at_unix_s, read.model, read.endpoint, read.attempts) == ("r1", 1.0, "m", "", ())


def test_what_a_pack_does_not_tell_costs_no_room() -> None:
    assert len(pack([BARE])) < 40


@pytest.mark.parametrize("fields", [{"model": "\ud800"}, {"prompt_tokens": 2**64}], ids=["surrogate", "huge"])
def test_a_record_that_cannot_be_encoded_says_so(fields: dict[str, object]) -> None:
    with pytest.raises((ValueError, OverflowError)):
        pack([msgspec.structs.replace(BARE, **fields)])


def test_of_a_pack_with_an_unknown_outcome_the_other_records_are_read() -> None:
    parts = [{"id": "r1", "at_unix_s": 1.0}, {"id": "r2", "at_unix_s": 1.0, "outcome": "postponed"}, {"id": "r3"}]
    blob = msgspec.msgpack.encode(parts)
    with pytest.raises(UNREADABLE):
        unpack(blob)
    assert [record.id for record in unpack_readable(blob)] == ["r1"]


@given(st.binary(max_size=60), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4))
def test_no_damage_raises_anything_else(noise: bytes, changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(GOLDEN)
    for position, byte in changes:
        damaged[position % len(damaged)] = byte
    for blob in (noise, bytes(damaged), b"\xdd\xff\xff\xff\xff" + noise, bytes(damaged)[: len(noise) * 10]):
        try:
            unpack(blob)
        except UNREADABLE:
            unpack_readable(blob)


TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)


@given(TEXTS, TEXTS, TEXTS, st.integers(0, 599), st.sampled_from(ExchangeOutcome))
def test_every_trace_of_a_filter_is_in_a_pack_with_a_match(
    model: str, node_id: str, key_id: str, status: int, outcome: ExchangeOutcome
) -> None:
    match = ExchangeRecord("r1", 1.0, model=model, node_id=node_id, key_id=key_id, status=status, outcome=outcome)
    blob = pack([BARE, match])
    filters = RecordFilter(model, node_id, key_id, outcome.value, status)
    assert filters.admits(match)
    assert all(trace in blob for trace in traces_of(filters))
    assert trace_of("id", "r1") in blob


def test_a_value_that_stands_in_another_field_is_no_trace() -> None:
    blob = pack([ExchangeRecord("r1", 1.0, model="m", error="node-1", status=200)])
    assert all(trace not in blob for trace in traces_of(RecordFilter(node_id="node-1", status=503)))
    assert traces_of(RecordFilter(model="", status=0, outcome="failed")) == [], "these are not in a pack"
