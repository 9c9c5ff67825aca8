"""Request heads that mean two things to two parsers are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.proxy.head import HeadProblem, RequestHead, parse_head

LINE = b"POST /v1/chat/completions HTTP/1.1\r\n"
HOST = b"Host: llmlb.example:8080\r\n"


def parse(*lines: bytes, start: bytes = LINE) -> RequestHead | HeadProblem:
    return parse_head(start + b"".join(lines) + b"\r\n", max_fields=100)


def test_a_plain_head_is_read() -> None:
    head = parse(HOST, b"Content-Length: 12\r\n", b"X-A:  b \r\n")
    assert isinstance(head, RequestHead)
    assert (head.method, head.path, head.content_length, head.keep_alive) == (
        b"POST",
        b"/v1/chat/completions",
        12,
        True,
    )
    assert head.get(b"x-a") == b"b"


@pytest.mark.parametrize(
    "lines",
    [
        (HOST, b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"),
        (HOST, b"Content-Length: 5\r\n", b"Content-Length: 6\r\n"),
        (HOST, b"Content-Length: 5, 6\r\n"),
        *(
            (HOST, b"Content-Length: %b\r\n" % value)
            for value in (b"+5", b"0x5", b"5_0", b"-5", b"5" * 27, b"", b"5 5")
        ),
        (HOST, b"Transfer-Encoding: xchunked\r\n"),
        (HOST, b"Transfer-Encoding: chunked, identity\r\n"),
        (HOST, b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: chunked\r\n"),
        (HOST, b"Transfer-Encoding : chunked\r\n"),
        (HOST, b"Transfer-Encoding:\x0bchunked\r\n"),
        (HOST, HOST),
        (b"Content-Length: 5\r\n",),
        *(
            (b"Host: %b\r\n" % value,)
            for value in (b"a/b?c", b"a/health?x=", b"a?", b"foo/health#", b"a b", b"a@b:80:80")
        ),
        (HOST, b"X-A: b\r\n c\r\n"),
        (HOST, b"X-A: b\rc\r\n"),
        (HOST, b"X-A: b\0c\r\n"),
        (HOST, b"X-A: b\nX-B: c\r\n"),
        (HOST, b"X A: b\r\n"),
        (HOST, b": b\r\n"),
        (HOST, b"nocolon\r\n"),
    ],
)
def test_a_head_with_two_meanings_is_refused(lines: tuple[bytes, ...]) -> None:
    problem = parse(*lines)
    assert isinstance(problem, HeadProblem)
    assert problem.status == 400


@pytest.mark.parametrize(
    "start",
    [
        b"POST /v1/x HTTP/2.0\r\n",
        b"POST /v1/x HTTP/9.9\r\n",
        b"POST  /v1/x HTTP/1.1\r\n",
        b"POST /v1/x\r\n",
        b"POST /v1/\rx HTTP/1.1\r\n",
        b"POST /v1/x y HTTP/1.1\r\n",
        b"P(ST /v1/x HTTP/1.1\r\n",
        b"A" * 40 + b" / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00\r\n",
    ],
)
def test_a_request_line_that_is_not_http_1_is_refused(start: bytes) -> None:
    assert isinstance(parse(HOST, start=start), HeadProblem)


def test_transfer_encoding_in_http_1_0_is_refused() -> None:
    assert isinstance(parse(HOST, b"Transfer-Encoding: chunked\r\n", start=b"POST / HTTP/1.0\r\n"), HeadProblem)


def test_too_many_fields_are_431() -> None:
    problem = parse(HOST, *(b"X-%d: y\r\n" % number for number in range(101)))
    assert isinstance(problem, HeadProblem)
    assert problem.status == 431


@pytest.mark.parametrize(
    ("connection", "start", "kept"),
    [
        (b"", LINE, True),
        (b"Connection: close\r\n", LINE, False),
        (b"Connection: x, Close\r\n", LINE, False),
        (b"", b"POST / HTTP/1.0\r\n", False),
        (b"Connection: keep-alive\r\n", b"POST / HTTP/1.0\r\n", True),
    ],
)
def test_whether_the_connection_is_kept(connection: bytes, start: bytes, kept: bool) -> None:
    head = parse(HOST, connection, start=start)
    assert isinstance(head, RequestHead)
    assert head.keep_alive is kept


@given(st.binary(max_size=300))
def test_any_bytes_are_a_head_or_a_problem_and_never_an_error(noise: bytes) -> None:
    parse_head(LINE + HOST + noise.replace(b"\r\n\r\n", b"") + b"\r\n\r\n", max_fields=100)
    parse_head(noise + b"\r\n\r\n", max_fields=100)
