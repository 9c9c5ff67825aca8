from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.loadtest.sse import MAX_EVENT_BYTES, BadStream, EventReader

STREAM = b": hello\n\ndata: one\n\nevent: x\nid: 7\ndata:two\n\ndata: a\ndata: b\n\nretry: 5\n\ndata: [DONE]\n\n"
PAYLOADS = [b"one", b"two", b"a\nb", b"[DONE]"]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_payloads_are_the_same_wherever_the_stream_is_cut(cuts: list[int], newline: bytes) -> None:
    stream = STREAM.replace(b"\n", newline)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    reader = EventReader()
    found = [p for start, end in itertools.pairwise(edges) for p in reader.feed(stream[start:end])]
    assert found + reader.drain() == PAYLOADS


def test_the_last_event_counts_without_its_blank_line() -> None:
    reader = EventReader()
    assert reader.feed(b"data: [DONE]\n") == []
    assert reader.drain() == [b"[DONE]"]


def test_a_line_that_is_no_field_is_not_an_event_stream() -> None:
    with pytest.raises(BadStream, match="no field"):
        EventReader().feed(b"<html>\n")


def test_an_endless_event_is_refused() -> None:
    reader = EventReader()
    reader.feed(b"data: ")
    with pytest.raises(BadStream, match="larger"):
        reader.feed(b"x" * (MAX_EVENT_BYTES + 1))
    many = EventReader()
    with pytest.raises(BadStream, match="lines"):
        many.feed(b"data: x\n" * 3000 + b"id: 1\n")
