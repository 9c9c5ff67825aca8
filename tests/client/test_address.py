"""Router URLs are read once and spelled one way; names never leave their path segment."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.client.address import RouterAddress, is_loopback, router_address, segment
from llmlb.errors import ConfigurationError


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://localhost:8080/", "http://localhost:8080"),
        (" http://ROUTER.lan:80 ", "http://router.lan"),
        ("https://router.lan:443/llm/", "https://router.lan/llm"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://router.lan:8443", "https://router.lan:8443"),
    ],
)
def test_one_router_has_one_spelling(typed: str, url: str) -> None:
    assert router_address(typed).url == url


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "localhost:8080",
        "ftp://router.lan",
        "http://",
        "http://:8080",
        "http://router.lan:99999",
        "http://router.lan:port",
        "http://[::1",
        "http://admin:secret@router.lan",
        "http://router.lan/?a=1",
        "http://router.lan/#top",
    ],
)
def test_what_is_no_router_url_is_refused_with_words(typed: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        router_address(typed)
    assert "URL" in refused.value.message
    assert "secret" not in refused.value.message


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_hosts(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["localhost.evil.example", "10.0.0.1", "0.0.0.0", "router", "127.0.0.1.nip.io"])
def test_hosts_that_only_look_like_loopback(host: str) -> None:
    assert not is_loopback(host)


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"])))
def test_a_name_leaves_its_path_segment(name: str) -> None:
    quoted = segment(name)
    assert not set(quoted) & set("/?#\\ \r\n")
    assert unquote(quoted) == name


def test_a_query_leaves_out_what_was_not_given() -> None:
    target = RouterAddress("http", "r", 80, "/p").target("/v0/nodes", {"q": "a&b", "state": None, "dry_run": True})
    assert urlsplit(target).path == "/p/v0/nodes"
    assert urlsplit(target).query == "q=a%26b&dry_run=true"
