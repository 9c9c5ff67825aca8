from __future__ import annotations

import errno
import socket
import ssl

import pytest

from llmlb.loadtest.taxonomy import MEANING, Ending, ending_of_dial, ending_of_finish, ending_of_status


def test_every_class_has_a_meaning_for_people() -> None:
    assert set(MEANING) == set(Ending)


def test_the_classes_are_the_documented_ones() -> None:
    documented = (
        "ok ok_empty ok_length connect_refused connect_timeout tls http_4xx http_429 http_500 http_502 http_503 "
        "http_504 stream_error_event finish_abort truncated stall first_token_timeout total_timeout bad_sse bad_json "
        "wrong_usage client_cancelled client_error"
    )
    assert " ".join(Ending) == documented


def test_a_cancellation_of_our_own_is_neither_answer_nor_failure() -> None:
    assert not Ending.CLIENT_CANCELLED.is_ok
    assert not Ending.CLIENT_CANCELLED.is_failure
    assert all(ending.is_ok != ending.is_failure for ending in Ending if ending is not Ending.CLIENT_CANCELLED)


@pytest.mark.parametrize(
    ("status", "ending"),
    [(302, "http_4xx"), (400, "http_4xx"), (401, "http_4xx"), (429, "http_429"), (500, "http_500"), (501, "http_500"),
     (502, "http_502"), (503, "http_503"), (504, "http_504"), (599, "http_500")],
)  # fmt: skip
def test_each_status_has_one_class(status: int, ending: str) -> None:
    assert ending_of_status(status) == ending


@pytest.mark.parametrize(
    ("reason", "events", "ending"),
    [("stop", 3, "ok"), ("tool_calls", 1, "ok"), ("content_filter", 1, "ok"), ("function_call", 1, "ok"),
     ("length", 3, "ok_length"), ("stop", 0, "ok_empty"), ("abort", 3, "finish_abort"), ("error", 0, "finish_abort"),
     ("", 3, "truncated")],
)  # fmt: skip
def test_each_finish_reason_has_one_class(reason: str, events: int, ending: str) -> None:
    assert ending_of_finish(reason, events=events) == ending


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (ConnectionRefusedError(), "connect_refused"),
        (OSError(errno.EHOSTUNREACH, "x"), "connect_refused"),
        (socket.gaierror(-2, "unknown"), "connect_refused"),
        (TimeoutError(), "connect_timeout"),
        (ssl.SSLCertVerificationError(1, "x"), "tls"),
        (OSError(errno.EMFILE, "x"), "client_error"),
        (UnicodeError("x"), "client_error"),
    ],
)
def test_each_way_not_to_connect_has_one_class(error: Exception, ending: str) -> None:
    assert ending_of_dial(error) == ending
