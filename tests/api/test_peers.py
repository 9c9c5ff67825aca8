"""Where a request came from, as far as anybody can be believed."""

from __future__ import annotations

import pytest

from llmlb.api.peers import Peer, TrustedProxies
from llmlb.errors import ConfigurationError


def peer(host: str | None, *headers: tuple[str, str], trusted: tuple[str, ...] = ()) -> Peer:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    client = None if host is None else (host, 1234)
    return TrustedProxies(trusted).peer_of({"type": "http", "client": client, "headers": raw})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_a_direct_connection_from_this_machine_is_loopback(host: str) -> None:
    assert peer(host).is_loopback


@pytest.mark.parametrize("host", ["10.1.2.3", "fe80::1%eth0", "2001:db8::1", "::ffff:10.0.0.1", "testclient", None])
def test_anybody_else_is_not(host: str | None) -> None:
    assert not peer(host).is_loopback


@pytest.mark.parametrize(
    "header",
    ["x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-host", "x-forwarded-proto", "via"],
)
def test_a_proxied_request_is_never_loopback(header: str) -> None:
    for trusted in ((), ("127.0.0.1",)):
        assert not peer("127.0.0.1", (header, "127.0.0.1"), trusted=trusted).is_loopback


def test_a_stranger_cannot_choose_its_own_address() -> None:
    assert peer("10.1.2.3", ("x-forwarded-for", "1.2.3.4")).address == "10.1.2.3"
    assert peer("10.1.2.3", ("x-forwarded-for", "1.2.3.4"), trusted=("10.9.0.0/16",)).address == "10.1.2.3"


def test_a_trusted_proxy_names_its_client() -> None:
    assert peer("10.9.0.1", ("x-forwarded-for", "1.2.3.4"), trusted=("10.9.0.0/16",)).address == "1.2.3.4"
    assert peer("::ffff:10.9.0.1", ("x-forwarded-for", "1.2.3.4"), trusted=("10.9.0.1",)).address == "1.2.3.4"


def test_what_a_client_wrote_in_front_of_the_chain_is_not_believed() -> None:
    chain = ("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.9.0.2")
    assert peer("10.9.0.1", chain, trusted=("10.9.0.0/16",)).address == "1.2.3.4"


def test_several_headers_are_one_chain() -> None:
    lines = (("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.2.3.4"))
    assert peer("10.9.0.1", *lines, trusted=("10.9.0.1",)).address == "1.2.3.4"


@pytest.mark.parametrize("text", ["", "unknown", "a\xffb", "1.2.3.4:80", "," * 1000, "x" * 10_000])
def test_a_chain_that_is_no_address_falls_back_to_the_proxy(text: str) -> None:
    assert peer("10.9.0.1", ("x-forwarded-for", text), trusted=("10.9.0.1",)).address == "10.9.0.1"


def test_a_trusted_proxy_that_is_no_address_stops_the_start() -> None:
    with pytest.raises(ConfigurationError, match=r"server\.trusted_proxies: 'proxy\.local'"):
        TrustedProxies(["10.0.0.0/8", "proxy.local"])
