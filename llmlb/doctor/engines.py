"""Asking the engines of approved nodes from here: bounded in number and time, never where a router would not dial."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from llmlb.auth.urls import NodeAddress, check_addresses, check_node_url
from llmlb.client.answers import cause_text
from llmlb.doctor.probe import Place, Probed, probe
from llmlb.doctor.world import Engine, NodeState
from llmlb.errors import ConfigurationError, NodeUrlRefused

MAX_ENGINES = 64
"""They are asked at the same time, each on a thread; a sample of a larger fleet shows what is wrong with it."""
TIMEOUT_S = 3.0
MARGIN_S = 0.3
"""Beyond the router's own keep-alive, so that an engine with the same one is seen."""


def read_engines(
    nodes: Sequence[NodeState], *, keep_alive_s: float, loopback_allowed: bool, own: tuple[str, int] | None
) -> Mapping[str, Engine]:
    """What the engine of each approved node answers, by node.

    keep_alive_s: how long the router keeps an idle connection.  loopback_allowed: the router runs on this machine, so
    that its loopback is ours.  own: the router's own address, which no engine may have.
    """
    approved = [node for node in nodes if node.is_approved]
    asked = approved[:MAX_ENGINES]

    def ask(node: NodeState) -> Engine:
        return _read(node, keep_alive_s=keep_alive_s, loopback_allowed=loopback_allowed, own=own)

    found = {node.id: Engine(why_not=f"only {MAX_ENGINES} engines are asked") for node in approved[MAX_ENGINES:]}
    if asked:
        with ThreadPoolExecutor(max_workers=len(asked)) as threads:
            found.update(zip((node.id for node in asked), threads.map(ask, asked), strict=True))
    return found


def _read(node: NodeState, *, keep_alive_s: float, loopback_allowed: bool, own: tuple[str, int] | None) -> Engine:
    owned = (own,) if own is not None else ()
    try:
        address = check_node_url(node.url, loopback_allowed=loopback_allowed, own_addresses=owned)
        dialled = _resolved(address, loopback_allowed=loopback_allowed, own=owned)
    except NodeUrlRefused as error:
        return Engine(why_not=f"its address is not dialled from here ({error.reason})")
    place = Place(address.scheme, address.host, dialled, address.port)
    is_local = dialled.startswith("127.") or dialled == "::1"
    try:
        answer = probe(
            place,
            f"{address.path_prefix}/v1/models",
            timeout_s=TIMEOUT_S,
            idle_s=keep_alive_s and keep_alive_s + MARGIN_S,
        )
    except (OSError, http.client.HTTPException, ConfigurationError) as error:
        return Engine(problem=cause_text(error, timeout_s=TIMEOUT_S), is_local=is_local)
    return Engine(
        status=answer.status,
        headers=answer.headers,
        closed_after_s=answer.closed_after_s,
        is_ollama=_is_ollama(place, address),
        is_local=is_local,
    )


def _resolved(address: NodeAddress, *, loopback_allowed: bool, own: tuple[tuple[str, int], ...]) -> str:
    try:
        answers = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        answers = []
    found = check_addresses(
        [str(each[4][0]) for each in answers],
        port=address.port,
        loopback_allowed=loopback_allowed,
        own_addresses=own,
    )
    return min(found, key=lambda ip: ":" in ip)


def _is_ollama(place: Place, address: NodeAddress) -> bool:
    """Ollama alone lists what is in its memory there; llama.cpp imitates only what is on disk."""
    try:
        answer: Probed = probe(place, f"{address.path_prefix}/api/ps", timeout_s=TIMEOUT_S)
        found = json.loads(answer.body) if answer.status == 200 else None
    except (OSError, http.client.HTTPException, ConfigurationError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and isinstance(found.get("models"), list)
