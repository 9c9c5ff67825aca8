"""How a request can end. Every request of a load test ends in exactly one class."""

from __future__ import annotations

import socket
import ssl
from enum import StrEnum


class Ending(StrEnum):
    """The class a request ended in; the ``ok`` ones are answers, the rest is not."""

    OK = "ok"
    OK_EMPTY = "ok_empty"
    OK_LENGTH = "ok_length"
    CONNECT_REFUSED = "connect_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"
    HTTP_4XX = "http_4xx"
    HTTP_429 = "http_429"
    HTTP_500 = "http_500"
    HTTP_502 = "http_502"
    HTTP_503 = "http_503"
    HTTP_504 = "http_504"
    STREAM_ERROR_EVENT = "stream_error_event"
    FINISH_ABORT = "finish_abort"
    TRUNCATED = "truncated"
    STALL = "stall"
    FIRST_TOKEN_TIMEOUT = "first_token_timeout"
    TOTAL_TIMEOUT = "total_timeout"
    BAD_SSE = "bad_sse"
    BAD_JSON = "bad_json"
    WRONG_USAGE = "wrong_usage"
    CLIENT_CANCELLED = "client_cancelled"
    CLIENT_ERROR = "client_error"

    @property
    def is_ok(self) -> bool:
        return self in _ANSWERED

    @property
    def is_failure(self) -> bool:
        """Neither an answer nor a cancellation that the test itself asked for."""
        return self not in _ANSWERED and self is not Ending.CLIENT_CANCELLED


_ANSWERED = frozenset({Ending.OK, Ending.OK_EMPTY, Ending.OK_LENGTH})

NEVER_CONNECTED = frozenset({Ending.CONNECT_REFUSED, Ending.CONNECT_TIMEOUT, Ending.TLS})
"""Endings of a request that never reached a server."""

MEANING: dict[Ending, str] = {
    Ending.OK: "answered",
    Ending.OK_EMPTY: "answered without a single token",
    Ending.OK_LENGTH: "answered up to the token limit",
    Ending.CONNECT_REFUSED: "no connection: refused, unreachable or unknown host",
    Ending.CONNECT_TIMEOUT: "no connection in time",
    Ending.TLS: "TLS failed: try --ca-file with the server's CA",
    Ending.HTTP_4XX: "the server refused the request: key, model or length",
    Ending.HTTP_429: "too many requests: all nodes full, or a limit of the key",
    Ending.HTTP_500: "the server failed",
    Ending.HTTP_502: "the node's answer was lost or broken",
    Ending.HTTP_503: "no node could take it: loading, offline or draining",
    Ending.HTTP_504: "the node did not answer in time",
    Ending.STREAM_ERROR_EVENT: "the stream carried an error event",
    Ending.FINISH_ABORT: "the engine aborted the answer",
    Ending.TRUNCATED: "the answer broke off before its end",
    Ending.STALL: "the stream stood still too long",
    Ending.FIRST_TOKEN_TIMEOUT: "no token in time",
    Ending.TOTAL_TIMEOUT: "not finished in time",
    Ending.BAD_SSE: "what came back is not an event stream",
    Ending.BAD_JSON: "what came back is not JSON",
    Ending.WRONG_USAGE: "the usage figures are missing or contradict the stream",
    Ending.CLIENT_CANCELLED: "hung up by the test itself",
    Ending.CLIENT_ERROR: "this client failed",
}

FINISHED = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
"""Finish reasons of a complete answer; every other one is an abort."""


def ending_of_status(status: int) -> Ending:
    """The class of an HTTP status that is not 200."""
    match status:
        case 429:
            return Ending.HTTP_429
        case 502:
            return Ending.HTTP_502
        case 503:
            return Ending.HTTP_503
        case 504:
            return Ending.HTTP_504
        case _:
            return Ending.HTTP_500 if status >= 500 else Ending.HTTP_4XX


def ending_of_finish(finish_reason: str, *, events: int) -> Ending:
    """The class of a complete answer, by its finish reason and its number of content events."""
    if not finish_reason:
        return Ending.TRUNCATED
    if finish_reason not in FINISHED:
        return Ending.FINISH_ABORT
    if not events:
        return Ending.OK_EMPTY
    return Ending.OK_LENGTH if finish_reason == "length" else Ending.OK


def ending_of_dial(error: BaseException) -> Ending:
    """The class of a connection that could not be made."""
    match error:
        case ssl.SSLError() | ssl.CertificateError():
            return Ending.TLS
        case TimeoutError():
            return Ending.CONNECT_TIMEOUT
        case ConnectionError() | socket.gaierror():
            return Ending.CONNECT_REFUSED
        case OSError() if error.errno in _LOCAL_ERRNOS:
            return Ending.CLIENT_ERROR
        case OSError():
            return Ending.CONNECT_REFUSED
        case _:
            return Ending.CLIENT_ERROR


_LOCAL_ERRNOS = frozenset({23, 24, 99})
"""ENFILE, EMFILE and EADDRNOTAVAIL: this machine ran out of files or ports, the server is not to blame."""
