"""Answers become JSON or an error that names the cause; nothing of a stranger's reaches the terminal raw."""

from __future__ import annotations

import errno
import socket
import ssl
from pathlib import Path

import pytest

from llmlb.client.answers import bearer, cause_text, decode, refusal, tls_context, unreachable
from llmlb.errors import ConfigurationError, RouterRefused

URL = "http://router.lan:8080"


def test_a_success_is_its_json_and_an_empty_one_is_nothing() -> None:
    assert decode(200, {}, b'{"a": 1}', url=URL) == {"a": 1}
    assert decode(204, {}, b"", url=URL) is None


@pytest.mark.parametrize("body", [b"<html>", b"\xff", b"[" * 100_000, b"9" * 5_000])
def test_a_stranger_is_asked_after_and_not_parsed(body: bytes) -> None:
    with pytest.raises(RouterRefused, match="is it an llmlb router"):
        decode(200, {}, body, url=URL)


def test_a_refusal_speaks_in_the_routers_words() -> None:
    body = b'{"error": {"message": "no node gpu-9", "type": "invalid_request_error", "code": "node_not_found"}}'
    error = refusal(404, {"x-llmlb-request-id": "req-1"}, body, url=URL)
    assert (error.message, error.status, error.code, error.request_id) == (
        "no node gpu-9",
        404,
        "node_not_found",
        "req-1",
    )


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "no"}', b'{"error": {"message": 7}}'])
def test_a_refusal_without_words_still_names_the_status(body: bytes) -> None:
    error = refusal(502, {}, body, url=URL)
    assert "502" in error.message
    assert error.code == "http_502"


def test_a_redirect_is_not_followed_and_names_the_place() -> None:
    error = refusal(307, {"location": "https://router.lan/"}, b"", url=URL)
    assert "https://router.lan/" in error.message
    assert error.code == "redirect"


def test_escape_sequences_in_an_error_do_not_reach_a_terminal() -> None:
    body = b'{"error": {"message": "no\\u001b]52;c;x\\u0007 \\u202e node", "code": "c\\u001b"}}'
    error = refusal(400, {}, body, url=URL)
    assert (error.message + error.code).isprintable()


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "connection refused"),
        (OSError(errno.EHOSTUNREACH, "x"), "no route to the host"),
        (socket.gaierror(-2, "x"), "host name not found"),
        (TimeoutError("x"), "no answer within 10 s"),
        (ssl.SSLError("wrong version number"), "TLS failed"),
        (ExceptionGroup("all", [OSError(errno.ECONNRESET, "x")]), "connection reset"),
        (ValueError("x\x1by"), "x y"),
        (ValueError(""), "the connection broke"),
    ],
)
def test_a_cause_is_told_in_words(cause: Exception, words: str) -> None:
    assert words in cause_text(cause, timeout_s=10)


def test_a_cause_is_found_behind_other_exceptions() -> None:
    wrapper = RuntimeError("All connection attempts failed")
    wrapper.__cause__ = ConnectionRefusedError(errno.ECONNREFUSED, "x")
    assert unreachable(URL, wrapper).message == f"cannot reach the router at {URL} (connection refused)"


def test_a_chain_that_bites_its_tail_ends() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert cause_text(first) == "first"


@pytest.mark.parametrize("token", ["a b", "a\r\nX-Evil: 1", "tökën", "a\x00"])
def test_a_token_that_cannot_stand_in_a_header_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        bearer(token)
    assert token not in refused.value.message


def test_a_token_from_a_file_loses_its_line_end() -> None:
    assert bearer("sk-x\n") == "Bearer sk-x"


def test_a_ca_file_that_is_missing_or_no_ca_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"ca\.pem cannot be used"):
        tls_context(str(tmp_path / "ca.pem"))
    (tmp_path / "ca.pem").write_text("not PEM")
    with pytest.raises(ConfigurationError, match="not PEM"):
        tls_context(str(tmp_path / "ca.pem"))
