"""Which URLs a node may have: the hostile ones, the plain ones, and names that lead elsewhere."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.auth.addresses import Refused
from llmlb.auth.urls import REFUSED_URL, NodeAddress, check_addresses, check_node_url, resolve_node
from llmlb.errors import NodeUrlRefused

OWN = (("192.168.1.2", 8080), ("127.0.0.1", 8080))

HOSTILE = [
    "http://169.254.169.254/latest/meta-data",
    "http://169.254.169.254",
    "http://[::ffff:169.254.169.254]",
    "http://[::ffff:a9fe:a9fe]/",
    "http://2852039166",
    "http://0xA9FEA9FE",
    "http://0xa9.0xfe.0xa9.0xfe",
    "http://0251.0376.0251.0376",
    "http://169.254.43518",
    "http://169.16689662",
    "http://169.254.169.254.",
    "http://[64:ff9b::a9fe:a9fe]",
    "http://[64:ff9b::169.254.169.254]",
    "http://[64:ff9b:1::a9fe:a9fe]",
    "http://[2002:a9fe:a9fe::1]",
    "http://[::169.254.169.254]",
    "http://[::ffff:0:169.254.169.254]",
    "http://[fd00:ec2::254]",
    "http://100.100.100.200",
    "http://168.63.129.16",
    "http://192.0.0.192",
    "http://metadata.google.internal",
    "http://METADATA.google.internal.",
    "http://instance-data",
    "http://127.0.0.1:8000",
    "http://127.1:8000",
    "http://017700000001",
    "http://0177.0.0.1",
    "http://localhost:8000",
    "http://LOCALHOST.:8000",
    "http://a.localhost",
    "http://[::1]:8000",
    "http://[::ffff:127.0.0.1]",
    "http://0.0.0.0:8000",
    "http://0:8000",
    "http://0.1.2.3",
    "http://[::]:8000",
    "http://224.0.0.1",
    "http://[ff02::1]",
    "http://255.255.255.255",
    "http://240.0.0.1",
    "http://[fe80::1]",
    "http://[fe80::1%25eth0]",
    "http://[fec0::1]",
    "http://192.168.1.2:8080",
    "http://[::ffff:192.168.1.2]:8080",
    "http://user@10.0.0.5",
    "http://user:secret@10.0.0.5:8000",
    "http://10.0.0.5#@169.254.169.254",
    "http://10.0.0.5?x=1",
    "http://10.0.0.5/#x",
    "http://10.0.0.5\\@169.254.169.254",
    "http://10.0.0.5:8000/../admin",
    "http://10.0.0.5//v1",
    "http://10.0.0.5/%2e%2e/x",
    "http://10.0.0.5:0",
    "http://10.0.0.5:65536",
    "http://10.0.0.5:-1",
    "http://10.0.0.5:8000:9",
    "http://10.0.0.5: 80",
    "http://10.0.0.5\r\nX: y",
    "http://10.0.0.5\n",
    " http://10.0.0.5",
    "http://10.0.0.5\t",
    "http://exa mple",
    "http://\u2460\u2461\u2466.0.0.1",
    "http://１２７.0.0.1",
    "http://n\u00f6de",
    "http://[10.0.0.5]",
    "http://[::1",
    "http://",
    "http:///x",
    "http:10.0.0.5",
    "//10.0.0.5",
    "10.0.0.5:8000",
    "ftp://10.0.0.5",
    "file:///etc/passwd",
    "gopher://10.0.0.5",
    "unix:///var/run/x",
    "javascript:alert(1)",
    "",
    "http://-x.lan",
    "http://a..b",
    "http://" + "a" * 64 + ".lan",
    "http://" + "a." * 200 + "lan",
    "http://10.0.0.5/" + "a" * 600,
]

PLAIN = {
    "http://10.0.0.5:8000": "http://10.0.0.5:8000",
    "http://192.168.1.20:11434/": "http://192.168.1.20:11434",
    "HTTP://GPU-1.lan:8000": "http://gpu-1.lan:8000",
    "https://gpu-1.example.org": "https://gpu-1.example.org:443",
    "http://gpu_1": "http://gpu_1:80",
    "http://gpu-1.lan.:8000": "http://gpu-1.lan:8000",
    "http://[fd00::5]:8000": "http://[fd00::5]:8000",
    "http://[FD00:0:0:0:0:0:0:5]:8000": "http://[fd00::5]:8000",
    "http://[::ffff:10.0.0.5]:8000": "http://10.0.0.5:8000",
    "http://10.0.0.5:8000/v1": "http://10.0.0.5:8000",
    "http://10.0.0.5:8000/v1/": "http://10.0.0.5:8000",
    "http://10.0.0.5:8000/engines/llama.cpp/v1": "http://10.0.0.5:8000/engines/llama.cpp",
    "http://1password.lan": "http://1password.lan:80",
    "http://192.168.1.2:8000": "http://192.168.1.2:8000",
}


@pytest.mark.parametrize("url", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_url_is_refused_with_the_one_text(url: str) -> None:
    with pytest.raises(NodeUrlRefused) as caught:
        check_node_url(url, loopback_allowed=False, own_addresses=OWN)
    assert caught.value.message == REFUSED_URL


@pytest.mark.parametrize("url", PLAIN)
def test_a_plain_url_is_read_into_its_one_spelling(url: str) -> None:
    address = check_node_url(url, loopback_allowed=False, own_addresses=OWN)
    assert address.url == PLAIN[url]
    assert check_node_url(address.url, loopback_allowed=False, own_addresses=OWN) == address


def test_loopback_is_a_node_for_a_router_on_loopback_but_not_the_router_itself() -> None:
    for url in ("http://127.0.0.1:11434", "http://localhost:11434", "http://[::1]:11434"):
        assert check_node_url(url, loopback_allowed=True, own_addresses=OWN).port == 11434
    with pytest.raises(NodeUrlRefused) as caught:
        check_node_url("http://127.0.0.1:8080", loopback_allowed=True, own_addresses=OWN)
    assert caught.value.reason is Refused.OWN_LISTENER


@given(st.text(max_size=60) | st.from_regex(r"https?://[0-9a-fx.:\[\]@/?#%\\]{0,40}"))
def test_no_text_whatever_raises_anything_else(text: str) -> None:
    try:
        address = check_node_url(text, loopback_allowed=True, own_addresses=OWN)
    except NodeUrlRefused:
        return
    assert address.url.isascii()
    assert not set(address.url) & set("@?#\\ \r\n")


FORBIDDEN = st.sampled_from(["127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4"])


@given(FORBIDDEN.flatmap(lambda network: st.ip_addresses(network=network)), st.data())
def test_no_numeric_spelling_of_a_forbidden_address_gets_through(address: Any, data: st.DataObject) -> None:
    number, parts = int(address), str(address).split(".")
    spelling = data.draw(
        st.sampled_from(
            [
                str(address), str(number), hex(number), oct(number).replace("0o", "0"),
                ".".join(hex(int(part)) for part in parts),
                ".".join(f"0{int(part):o}" for part in parts),
                f"{parts[0]}.{number & 0xFFFFFF}",
                f"{parts[0]}.{parts[1]}.{number & 0xFFFF}",
                f"[::ffff:{address}]", f"[64:ff9b::{address}]",
            ]
        )
    )  # fmt: skip
    with pytest.raises(NodeUrlRefused):
        check_node_url(f"http://{spelling}:8000", loopback_allowed=False)


# -- names ------------------------------------------------------------------------------------------------------


class NameServer:
    """Answers with what the test says, as ``loop.getaddrinfo`` would."""

    def __init__(self, *answers: str, error: Exception | None = None, never: bool = False) -> None:
        self.answers = answers
        self.error = error
        self.never = never
        self.asked: list[str] = []

    async def getaddrinfo(self, host: str, port: int, **_: object) -> Sequence[tuple[Any, ...]]:
        self.asked.append(host)
        if self.never:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        families = (socket.AF_INET6 if ":" in ip else socket.AF_INET for ip in self.answers)
        return [
            (family, socket.SOCK_STREAM, 6, "", (ip, port)) for family, ip in zip(families, self.answers, strict=True)
        ]


def _resolved(server: NameServer, host: str = "gpu.lan", *, loopback_allowed: bool = False) -> str:
    async def scenario() -> str:
        loop = asyncio.get_running_loop()
        loop.getaddrinfo = server.getaddrinfo  # type: ignore[method-assign, assignment]  # this loop's resolver
        address = NodeAddress("http", host, 8080, "")
        found = await resolve_node(address, loopback_allowed=loopback_allowed, own_addresses=OWN, timeout_s=0.05)
        return found[0]

    return asyncio.run(scenario())


def test_a_name_is_pinned_to_its_first_ipv4_address() -> None:
    assert _resolved(NameServer("10.0.0.5")) == "10.0.0.5"
    assert _resolved(NameServer("fd00::5", "10.0.0.6", "10.0.0.5")) == "10.0.0.6"
    assert _resolved(NameServer("fd00::5", "fd00::6")) == "fd00::5"
    assert _resolved(NameServer("::ffff:10.0.0.5")) == "10.0.0.5"


@pytest.mark.parametrize(
    "bad",
    ["169.254.169.254", "127.0.0.1", "::1", "0.0.0.0", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fe80::1%eth0",
     "fd00:ec2::254", "224.0.0.1", "192.168.1.2", "nonsense"],
)  # fmt: skip
def test_one_bad_answer_among_good_ones_condemns_the_name(bad: str) -> None:
    for answers in ((bad,), ("10.0.0.5", bad), (bad, "10.0.0.5")):
        with pytest.raises(NodeUrlRefused) as caught:
            _resolved(NameServer(*answers))
        assert caught.value.message == REFUSED_URL


@pytest.mark.parametrize(
    "server",
    [
        NameServer(),
        NameServer(never=True),
        NameServer(error=socket.gaierror("no such name")),
        NameServer(error=UnicodeError("label too long")),
    ],
    ids=["no answer", "silence", "unknown", "unencodable"],
)
def test_a_name_that_does_not_resolve_is_refused_with_the_same_text(server: NameServer) -> None:
    with pytest.raises(NodeUrlRefused) as caught:
        _resolved(server)
    assert (caught.value.message, caught.value.reason) == (REFUSED_URL, Refused.UNRESOLVED)


def test_localhost_resolves_to_ipv4_where_it_is_allowed() -> None:
    async def scenario() -> tuple[str, ...]:
        return await resolve_node(NodeAddress("http", "localhost", 11434, ""), loopback_allowed=True)

    assert asyncio.run(scenario())[0] == "127.0.0.1"


def test_an_address_needs_no_name_server_to_be_checked() -> None:
    assert check_addresses(["10.0.0.5"], port=8000, loopback_allowed=False) == ("10.0.0.5",)
    with pytest.raises(NodeUrlRefused):
        check_addresses([], port=8000, loopback_allowed=False)
