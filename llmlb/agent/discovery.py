"""Finding the engine beside the agent: at the given URL, or at the first usual port that answers."""

from __future__ import annotations

from collections.abc import Sequence

import httpx

from llmlb.agent.advertise import loopback_spellings, same_place
from llmlb.agent.engines import Engine, detect
from llmlb.agent.engines.endpoint import EngineUnreachable
from llmlb.client.address import RouterAddress, router_address
from llmlb.errors import ConfigurationError, EngineError

USUAL_PORTS = (11434, 8000, 1234, 30000, 8081)
"""Ollama, vLLM, LM Studio, SGLang, and llama.cpp moved aside for a router on its 8080."""


def engine_addresses(engine_url: str, router: RouterAddress) -> tuple[RouterAddress, ...]:
    """The addresses to try, in order; never the router's own.

    engine_url: "" for the usual ports of this machine.  A trailing ``/v1`` is dropped: clients want it, the router
    adds it.  Raises ConfigurationError for an unusable URL and for one that is the router's.
    """
    if not engine_url:
        usual = (RouterAddress("http", "localhost", port) for port in USUAL_PORTS)
        return _spelled_out([address for address in usual if not same_place(address, router)])
    try:
        given = router_address(engine_url)
    except ConfigurationError as error:
        raise ConfigurationError(error.message.replace("a router URL", "an engine URL")) from error
    if same_place(given, router):
        raise ConfigurationError(
            f"the engine URL {engine_url} is the router's own address; name the engine's with --engine-url"
        )
    return _spelled_out([given._replace(prefix=given.prefix.removesuffix("/v1"))])


async def find_engine(http: httpx.AsyncClient, addresses: Sequence[RouterAddress], *, api_key: str = "") -> Engine:
    """The first engine that answers at one of the addresses.

    Raises EngineError with the most telling reason: one that answered wrongly over one that is not there.
    """
    reasons: list[EngineError] = []
    for address in addresses:
        try:
            return await detect(http, address.url, api_key=api_key)
        except EngineError as error:
            reasons.append(error)
    if len(reasons) == 1:
        raise reasons[0]
    telling = [reason for reason in reasons if not isinstance(reason, EngineUnreachable)]
    if telling:
        raise telling[0]
    hosts = (address._replace(host="localhost") if address.is_loopback else address for address in addresses)
    places = ", ".join(dict.fromkeys(address.authority for address in hosts))
    raise EngineUnreachable(f"no engine answers at {places}; start one, or name its address with --engine-url")


def _spelled_out(addresses: Sequence[RouterAddress]) -> tuple[RouterAddress, ...]:
    return tuple(address._replace(host=host) for address in addresses for host in loopback_spellings(address.host))
