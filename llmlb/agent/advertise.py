"""Under which URL the router reaches the engine, which is not always the one the agent uses."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from llmlb.client.address import RouterAddress, is_loopback
from llmlb.errors import RouterUnreachable

_CONNECT_TIMEOUT_S = 1.0

_LISTEN_ADVICE = {
    "ollama": "start it with OLLAMA_HOST=0.0.0.0",
    "vllm": "start it with --host 0.0.0.0",
    "llamacpp": "start it with --host 0.0.0.0",
    "sglang": "start it with --host 0.0.0.0",
    "lmstudio": "switch on 'Serve on Local Network' in its server settings",
}


async def advertised_url(engine: RouterAddress, router: RouterAddress) -> str:
    """The engine's URL as the router can use it.

    An engine on loopback is named by this machine's address on the way to the router, unless the router is on
    loopback too.  Raises RouterUnreachable where there is no way to the router.
    """
    if not engine.is_loopback or router.is_loopback:
        return engine.url
    return engine._replace(host=await local_address(router)).url


async def local_address(router: RouterAddress) -> str:
    """This machine's address on the way to the router; nothing is sent."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(router.host, router.port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setblocking(False)
            probe.connect(address)
            return str(probe.getsockname()[0])
    except OSError as error:
        cause = "host name not found" if isinstance(error, socket.gaierror) else error.strerror or "no route"
        raise RouterUnreachable(f"there is no way to the router at {router.url} ({cause})") from error


async def accepts_connections(address: RouterAddress) -> bool:
    """Whether something listens there, seen from this machine."""
    try:
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            _, writer = await asyncio.open_connection(address.host, address.port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


def listen_advice(engine_name: str) -> str:
    """How to make an engine listen for other machines."""
    return _LISTEN_ADVICE.get(engine_name, "make it listen on this machine's network address")


def same_place(one: RouterAddress, other: RouterAddress) -> bool:
    """Whether two URLs lead to one listener, as far as their text tells."""
    if one.port != other.port:
        return False
    return one.host.lower() == other.host.lower() or (is_loopback(one.host) and is_loopback(other.host))


def loopback_spellings(host: str) -> tuple[str, ...]:
    """``localhost`` as the addresses to try, since an engine listens on one and a router may resolve the other."""
    return ("127.0.0.1", "::1") if host.lower().rstrip(".") == "localhost" else (host,)
