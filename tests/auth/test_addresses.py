"""Which addresses may be dialled."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.auth.addresses import Refused, embedded, refusal, unmapped


def _why(text: str, *, loopback_allowed: bool = False, own: tuple[tuple[str, int], ...] = ()) -> Refused | None:
    return refusal(ip_address(text), port=8000, loopback_allowed=loopback_allowed, own_addresses=own)


@pytest.mark.parametrize(
    "text", ["10.0.0.5", "192.168.1.20", "172.16.3.4", "100.64.0.9", "203.0.113.7", "fd00::5", "2001:db8::1"]
)
def test_nodes_live_in_private_and_public_networks(text: str) -> None:
    assert _why(text) is None


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_every_ipv6_spelling(address: object) -> None:
    plain = _why(str(address))
    assert _why(f"::ffff:{address}") is plain
    for prefix in ("64:ff9b::", "64:ff9b:1::", "::ffff:0:"):
        assert plain is None or _why(f"{prefix}{address}") is not None


@given(st.ip_addresses(v=4))
def test_6to4_leads_where_its_ipv4_address_leads(address: object) -> None:
    number = int(ip_address(str(address)))
    text = f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1"
    assert embedded(ip_address(text)) == address
    if _why(str(address)) is not None:
        assert _why(text) is not None


def test_loopback_is_allowed_only_where_it_is() -> None:
    for text in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"):
        assert _why(text) is Refused.LOOPBACK
        assert _why(text, loopback_allowed=True) is None
    assert _why("64:ff9b::7f00:1", loopback_allowed=True) is Refused.LOOPBACK


def test_the_router_is_not_its_own_node() -> None:
    own = (("192.168.1.2", 8000), ("127.0.0.1", 8000), ("fd00::2", 8000))
    for text in ("192.168.1.2", "::ffff:192.168.1.2", "127.0.0.1", "127.0.0.2", "::1", "fd00::2"):
        assert _why(text, loopback_allowed=True, own=own) is Refused.OWN_LISTENER
    for text in ("192.168.1.3", "fd00::3"):
        assert _why(text, loopback_allowed=True, own=own) is None
    assert _why("127.0.0.1", loopback_allowed=True, own=(("127.0.0.1", 8080),)) is None, "another port is a node"


def test_an_address_that_merely_spells_another_is_that_one() -> None:
    assert str(unmapped(ip_address("::ffff:10.0.0.5"))) == "10.0.0.5"
    assert embedded(ip_address("::1")) is None
    assert embedded(ip_address("10.0.0.5")) is None
