"""HTTP answers as they come over the wire: whole, in pieces, broken off, and from those who speak something else."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.client.address import router_address
from llmlb.client.http1 import Answer, BrokenAnswer, exchange, read_answer

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX-A: b:c \r\n\r\nhello\nworld"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6;x=y\r\nhello\n\r\n5\r\nworld\r\n0\r\nX-T: 1\r\n\r\n"
CLOSED = b"HTTP/1.0 200 OK\r\n\r\nhello\nworld"
ANNOUNCED = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + LENGTH


class Trickle(io.RawIOBase):
    """Gives no more than so many bytes at once."""

    def __init__(self, raw: bytes, at_once: int) -> None:
        self._left, self._at_once = raw, at_once

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # a buffer is what it is given
        piece = self._left[: min(self._at_once, len(buffer))]
        self._left = self._left[len(piece) :]
        buffer[: len(piece)] = piece
        return len(piece)


def answer(raw: bytes, at_once: int = 1_000_000) -> Answer:
    return read_answer(io.BufferedReader(Trickle(raw, at_once)))


@pytest.mark.parametrize("raw", [LENGTH, CHUNKS, CLOSED, ANNOUNCED])
@pytest.mark.parametrize("at_once", [1, 2, 3, 7, 1_000_000])
def test_a_body_is_the_same_however_it_was_framed_or_cut(raw: bytes, at_once: int) -> None:
    assert answer(raw, at_once).status == 200
    assert answer(raw, at_once).read(100) == b"hello\nworld"
    assert list(answer(raw, at_once).lines(100)) == [b"hello\n", b"world"]


def test_names_of_fields_are_lower_case_and_values_bare() -> None:
    assert answer(LENGTH).headers == {"content-length": "11", "x-a": "b:c"}


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_is_not_waited_for(status: int) -> None:
    assert answer(b"HTTP/1.1 %d X\r\n\r\n" % status).read(9) == b""


def test_a_body_above_the_limit_is_not_read_to_its_end() -> None:
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 10_000_000
    assert 100 < len(answer(endless, 65_536).read(100)) < 1_000_000


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "closed without"),
        (b"SSH-2.0-OpenSSH\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 OK\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nA: b", "broke off"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300 + b"\r\n", "too many header fields"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000, "too long"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "no usable length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n", "no usable length"),
        (LENGTH[:-1], "broke off"),
        (CHUNKS[:-8], "broke off"),
        (CHUNKS.replace(b"5\r\nworld", b"4\r\nworld"), "longer than it said"),
        (CHUNKS.replace(b"5\r\nworld", b"+5\r\nworld"), "no usable length"),
    ],
)
def test_an_answer_that_is_none_says_what_is_wrong_with_it(raw: bytes, said: str) -> None:
    with pytest.raises(BrokenAnswer, match=said):
        answer(raw).read(100)


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    with pytest.raises(BrokenAnswer, match="too long"):
        list(answer(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000, 65_536).lines(1000))


HEADS = st.sampled_from([b"HTTP/1.1 200 OK\r\n", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"\r\n"])


@given(st.lists(HEADS | st.binary(max_size=9) | st.sampled_from([b"3\r\nabc\r\n", b"0\r\n\r\n"])).map(b"".join))
def test_whatever_comes_is_an_answer_or_broken(raw: bytes) -> None:
    try:
        answer(raw).read(100)
    except BrokenAnswer as error:
        said = str(error)
    else:
        said = "an answer"
    assert said


@contextmanager
def one_answer(raw: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server of one answer, and what it was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                asked.append(connection.recv(65_536))
                connection.sendall(raw)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
        thread.join(10)


def test_a_request_is_written_as_it_should_be() -> None:
    with one_answer(LENGTH) as (url, asked):
        address = router_address(url)
        with exchange(address, "PUT", "/v0/x", headers={"If-Match": "7"}, body=b"{}", timeout_s=10) as answered:
            assert answered.read(100) == b"hello\nworld"
    head = f"PUT /v0/x HTTP/1.1\r\nHost: {address.authority}\r\nIf-Match: 7\r\nConnection: close\r\nContent-Length: 2"
    assert asked == [f"{head}\r\n\r\n{{}}".encode()]


@pytest.mark.parametrize(
    ("target", "value"), [("/a b", "x"), ("/a\r\nX: y", "x"), ("/a", "x\r\nX-Evil: 1"), ("/a", "\x1b[2J"), ("/a", "日")]
)
def test_nothing_becomes_a_second_line_of_the_head(target: str, value: str) -> None:
    address = router_address("http://127.0.0.1:1")
    with pytest.raises(BrokenAnswer, match="cannot be sent"), exchange(address, "GET", target, headers={"X-A": value}):
        pass
