"""The end of a chunked body is found over any split, and bad framing is refused."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.proxy.chunked import BadChunk, ChunkScanner

NEXT = b"POST /v1/ HTTP/1.1\r\n"


def framed(parts: list[bytes], extension: bytes = b"", trailer: bytes = b"") -> bytes:
    chunks = b"".join(b"%x%b\r\n%b\r\n" % (len(part), extension, part) for part in parts)
    return chunks + b"0\r\n" + trailer + b"\r\n"


@given(
    parts=st.lists(st.binary(min_size=1, max_size=40), max_size=5),
    extension=st.sampled_from([b"", b";a=b", b" ; x"]),
    trailer=st.sampled_from([b"", b"X-T: 1\r\n"]),
    cuts=st.lists(st.integers(0, 400), max_size=6),
)
def test_the_end_is_found_wherever_the_input_is_cut(
    parts: list[bytes], extension: bytes, trailer: bytes, cuts: list[int]
) -> None:
    message = framed(parts, extension, trailer)
    data = message + NEXT
    scanner, used = ChunkScanner(), 0
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for start, end in pairwise(edges):
        if not scanner.done:
            used += scanner.feed(data[start:end])
    assert scanner.done
    assert used == len(message)
    assert scanner.body_bytes == sum(map(len, parts))


@pytest.mark.parametrize(
    "data",
    [
        b"0x5\r\nhello\r\n",
        b"+5\r\nhello\r\n",
        b"-1\r\n",
        b" 5\r\nhello\r\n",
        b"5\nhello\r\n",
        b"5;\n\r\nhello\r\n",
        b"5\r\nhelloXX",
        b"5\r\nhello\n",
        b"f" * 20 + b"\r\n",
        b"\r\n",
        b"0\r\nbad trailer\r\n\r\n",
        b"1" * 5000,
    ],
)
def test_bad_framing_is_refused(data: bytes) -> None:
    with pytest.raises(BadChunk):
        ChunkScanner().feed(data)
