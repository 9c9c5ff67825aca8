from __future__ import annotations

from llmlb.sim.heads import HeadRecorder


def test_head_is_kept_byte_for_byte() -> None:
    recorder = HeadRecorder()
    head = b"POST /x HTTP/1.1\r\nhOsT:  a\r\nContent-Length: 3\r\n\r\n"
    recorder.feed(head[:10])
    recorder.feed(head[10:] + b"abc")
    assert recorder.take_head() == head


def test_pipelined_request_follows_a_body_of_known_length() -> None:
    recorder = HeadRecorder()
    recorder.feed(b"A\r\n\r\nabcB\r\n\r\n")
    recorder.take_head()
    recorder.skip_body(3, is_chunked=False)
    assert recorder.take_head() == b"B\r\n\r\n"


def test_pipelined_request_follows_a_chunked_body() -> None:
    recorder = HeadRecorder()
    recorder.feed(b"A\r\n\r\n3\r\nabc\r\n0\r\n\r\nB\r\n\r\n")
    recorder.take_head()
    recorder.skip_body(3, is_chunked=True)
    assert recorder.take_head() == b"B\r\n\r\n"
