"""Where the router itself listens."""

from __future__ import annotations

import socket
from types import SimpleNamespace

import psutil
import pytest

from llmlb.auth.listeners import listening_addresses


def test_one_address_is_one_address() -> None:
    assert listening_addresses("192.0.2.9", 8080) == {("192.0.2.9", 8080)}
    assert listening_addresses("[::1]", 8080) == {("::1", 8080)}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_a_wildcard_is_every_address_of_the_machine_and_loopback(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        SimpleNamespace(family=socket.AF_INET, address="192.0.2.9"),
        SimpleNamespace(family=socket.AF_INET6, address="fe80::1%eth0"),
        SimpleNamespace(family=socket.AF_PACKET, address="aa:bb:cc:dd:ee:ff"),
    ]
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: {"eth0": entries})
    assert listening_addresses(host, 1) == {("192.0.2.9", 1), ("fe80::1", 1), ("127.0.0.1", 1), ("::1", 1)}


def test_a_name_is_where_it_leads_and_an_unknown_one_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        if host != "router.lan":
            raise socket.gaierror("unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.9", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    assert listening_addresses("router.lan", 8080) == {("192.0.2.9", 8080)}
    assert listening_addresses("unknown.lan", 8080) == set()
