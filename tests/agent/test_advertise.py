"""The URL that a router gets leads to the engine from where the router is."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

import pytest

from llmlb.agent.advertise import accepts_connections, advertised_url, listen_advice, local_address, same_place
from llmlb.client.address import router_address
from llmlb.errors import RouterUnreachable


def advertised(engine: str, router: str) -> str:
    return asyncio.run(advertised_url(router_address(engine), router_address(router)))


def test_on_one_machine_the_loopback_address_is_right() -> None:
    assert advertised("http://127.0.0.1:11434", "http://localhost:8080") == "http://127.0.0.1:11434"


def test_an_engine_with_an_address_of_its_own_keeps_it() -> None:
    assert advertised("http://10.0.0.5:8000", "http://10.0.0.9:8080") == "http://10.0.0.5:8000"


def test_a_loopback_engine_is_named_by_the_address_towards_the_router(monkeypatch: pytest.MonkeyPatch) -> None:
    async def outside(_: object) -> str:
        return "fd00::5"

    monkeypatch.setattr("llmlb.agent.advertise.local_address", outside)
    assert advertised("http://127.0.0.1:11434/x", "http://router.lan:8080") == "http://[fd00::5]:11434/x"


def test_the_address_towards_a_router_is_an_address_of_this_machine() -> None:
    address = asyncio.run(local_address(router_address("http://127.0.0.1:9")))
    assert ipaddress.ip_address(address).is_loopback


def test_a_router_whose_name_nobody_knows_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(RouterUnreachable, match="host name not found"):
        asyncio.run(local_address(router_address("http://router.invalid:8080")))


def test_whether_an_engine_listens_is_tried_and_not_guessed() -> None:
    async def run() -> tuple[bool, bool]:
        def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        listener = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        address = router_address(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}")
        listening = await accepts_connections(address)
        listener.close()
        await listener.wait_closed()
        return listening, await accepts_connections(address)

    assert asyncio.run(run()) == (True, False)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://localhost:8080", "http://127.0.0.1:8080", True),
        ("http://[::1]:8080", "http://127.0.0.1:8080", True),
        ("http://A.lan:8080", "http://a.LAN:8080", True),
        ("http://a.lan:8080", "http://b.lan:8080", False),
        ("http://a.lan:8080", "http://a.lan:8081", False),
        ("http://a.lan", "https://a.lan:80", True),
    ],
)
def test_two_urls_of_one_listener(one: str, other: str, same: bool) -> None:
    assert same_place(router_address(one), router_address(other)) is same


def test_every_engine_has_an_advice_how_to_listen() -> None:
    assert "OLLAMA_HOST" in listen_advice("ollama")
    assert listen_advice("unheard of")
