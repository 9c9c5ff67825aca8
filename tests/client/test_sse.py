"""A feed yields the same events wherever the network cuts it."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.client.sse import MAX_EVENT_BYTES, EventParser, ServerEvent
from llmlb.errors import ClientError

FEED = (
    ": connected\n\n"
    'id: 7\nevent: snapshot\ndata: {"nodes": []}\n\n'
    "retry: 500\n\n"
    'id: 8\r\nevent: node\r\ndata: {"id": "node-1",\r\ndata:  "name": "é"}\r\n\r\n'
    "data: 1\n\n"
).encode()
EVENTS = [
    ServerEvent("7", "snapshot", {"nodes": []}),
    ServerEvent("8", "node", {"id": "node-1", "name": "é"}),
    ServerEvent("8", "message", 1),
]


def parsed(pieces: list[bytes]) -> list[ServerEvent]:
    parser = EventParser()
    return [event for piece in pieces for event in parser.feed(piece)]


def test_every_single_cut_yields_the_same_events() -> None:
    for cut in range(len(FEED) + 1):
        assert parsed([FEED[:cut], FEED[cut:]]) == EVENTS


@given(st.lists(st.integers(min_value=0, max_value=len(FEED)), max_size=12))
def test_any_cuts_yield_the_same_events(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(FEED)]
    assert parsed([FEED[start:end] for start, end in pairwise(edges)]) == EVENTS


@given(st.lists(st.tuples(st.sampled_from(["node", "fleet", "gossip"]), st.integers() | st.text())))
def test_what_a_router_writes_is_what_a_client_reads(events: list[tuple[str, object]]) -> None:
    feed = "".join(f"id: {n}\nevent: {kind}\ndata: {json.dumps(data)}\n\n" for n, (kind, data) in enumerate(events))
    assert parsed([feed.encode()]) == [ServerEvent(str(n), kind, data) for n, (kind, data) in enumerate(events)]


def test_an_unfinished_event_is_not_an_event() -> None:
    assert parsed([b"data: 1\n"]) == []


def test_an_event_that_is_not_json_is_a_client_error() -> None:
    with pytest.raises(ClientError, match="not JSON"):
        parsed([b"data: {\n\n"])


@pytest.mark.parametrize("endless", [b"x" * 1_000_000, b"data: " + b"x" * 1_000_000 + b"\n"], ids=["line", "event"])
def test_an_endless_event_does_not_fill_the_memory(endless: bytes) -> None:
    parser = EventParser()
    for _ in range(MAX_EVENT_BYTES // len(endless)):
        parser.feed(endless)
    with pytest.raises(ClientError, match="above"):
        parser.feed(endless)
