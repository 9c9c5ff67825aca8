"""Heads recognised by their bytes mean what a fresh look at them would say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.errors import NodeMisbehaved
from llmlb.proxy.upstream import AnswerHeads, Framing, _size_line, chunk, parse_answer_head

LINES = (
    "content-length: 5",
    "content-length: 17",
    "Content-Length: 5",
    "content-length:5",
    "content-length: 05",
    "transfer-encoding: chunked",
    "content-type: text/event-stream",
    "connection: close",
    "x-content-length: 9",
    "set-cookie: a=b",
)
heads = st.builds(
    lambda status, lines: "\r\n".join([f"HTTP/1.1 {status} X", *lines, "", ""]).encode(),
    st.sampled_from([200, 204, 304, 404]),
    st.lists(st.sampled_from(LINES), max_size=4),
)


@given(st.lists(heads, min_size=1, max_size=6), st.binary(max_size=4))
def test_what_was_seen_before_changes_nothing(seen: list[bytes], body: bytes) -> None:
    reader = AnswerHeads()
    for head in seen:
        try:
            fresh = parse_answer_head(head)
        except NodeMisbehaved:
            with pytest.raises(NodeMisbehaved):
                reader.read(head + body)
        else:
            assert reader.read(head + body) == (fresh, len(head))


@given(heads, st.integers(0, 200))
def test_a_part_of_a_head_is_not_mistaken_for_one(head: bytes, cut: int) -> None:
    reader = AnswerHeads()
    for text in (
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    ):
        reader.read(text)
    assert reader.read(head[: min(cut, len(head) - 1)]) is None


def test_a_second_length_is_looked_at_every_time() -> None:
    reader = AnswerHeads()
    twice = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\ncontent-length:5\r\n\r\n"
    assert reader.read(twice % 5) == (parse_answer_head(twice % 5), len(twice % 5))
    with pytest.raises(NodeMisbehaved):
        reader.read(twice % 6)


def test_only_the_length_differs() -> None:
    reader = AnswerHeads()
    text = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\nx: y\r\n\r\n"
    lengths = []
    for length in (5, 1234, 0):
        found = reader.read(text % length + b"{}")
        assert found is not None
        assert found[0].framing is Framing.LENGTH
        lengths.append(found[0].content_length)
    assert lengths == [5, 1234, 0]


@given(st.integers(1, 1 << 20))
def test_a_read_that_is_one_chunk_is_known_by_its_length(size: int) -> None:
    data = chunk(bytes(size))
    assert data.startswith(_size_line(len(data)))
    assert len(_size_line(len(data))) == len(b"%x\r\n" % size)


@pytest.mark.parametrize("length", [*range(6), 21])
def test_no_chunk_is_so_long(length: int) -> None:
    assert _size_line(length) == b""
