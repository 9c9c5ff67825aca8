from __future__ import annotations

import pytest

from llmlb.errors import ConfigurationError
from llmlb.loadtest.target import Origin, Target


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://127.0.0.1:8080", Origin("127.0.0.1", 8080, False, "")),
        ("http://h/v1/", Origin("h", 80, False, "")),
        ("https://h/llm/v1", Origin("h", 443, True, "/llm")),
        ("h:99", Origin("h", 99, False, "")),
        ("http://[::1]:5/", Origin("::1", 5, False, "")),
    ],
)
def test_addresses_are_read_with_or_without_v1(url: str, origin: Origin) -> None:
    assert Origin.of(url) == origin


@pytest.mark.parametrize(
    "url", ["", "ftp://h", "http://", "http://u:p@h", "http://h/?a=1", "http://h:99999", "http://h\r\nx", "http://a b"]
)
def test_an_address_that_cannot_be_dialled_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        Origin.of(url)


def test_host_names_its_port_only_where_the_scheme_does_not() -> None:
    assert Origin.of("https://h").authority == "h"
    assert Origin.of("http://h:443").authority == "h:443"
    assert Origin.of("http://[::1]:5").authority == "[::1]:5"


def test_the_head_carries_key_and_headers_in_one_line_each() -> None:
    head = Target("http://h/p", api_key="sk-1", headers=(("X-A", "b"),)).head("/v1/x", method="POST")
    assert head.startswith(b"POST /p/v1/x HTTP/1.1\r\nHost: h\r\n")
    assert b"\r\nAuthorization: Bearer sk-1\r\n" in head
    assert b"\r\nX-A: b\r\n" in head


@pytest.mark.parametrize("header", [("X", "a\r\nY: b"), ("X y", "a"), ("", "a"), ("X:", "a"), ("Ü", "a")])
def test_a_header_cannot_break_out_of_its_line(header: tuple[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        Target("http://h", headers=(header,)).head("/", method="GET")
    with pytest.raises(ConfigurationError, match="Latin-1"):
        Target("http://h", api_key="€").head("/", method="GET")


def test_the_key_never_shows_in_a_repr() -> None:
    assert "sk-secret" not in repr(Target("http://h", api_key="sk-secret"))


def test_an_unreadable_ca_file_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"/nowhere/ca\.pem"):
        Target("https://h", ca_file="/nowhere/ca.pem").tls_context()
    assert Target("http://h").tls_context() is None
