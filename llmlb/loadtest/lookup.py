"""What a target says about itself before the load starts: its models, and its nodes if it is llmlb."""

from __future__ import annotations

from dataclasses import dataclass, replace

from llmlb.errors import ClientError, RouterRefused
from llmlb.loadtest.fetch import fetch
from llmlb.loadtest.target import Target
from llmlb.loadtest.text import plain

MAX_LISTED = 1000


@dataclass(frozen=True, slots=True)
class KnownNode:
    """A node that can take requests. score: its capability, 0 if unknown."""

    node: str
    url: str
    models: tuple[str, ...]
    score: float


async def models_of(target: Target) -> tuple[str, ...]:
    """The models the target lists, in its order; empty where it has no such list.

    Raises RouterUnreachable, or RouterRefused where the key is missing or wrong.
    """
    try:
        answer = await fetch(target, "GET", "/v1/models")
    except RouterRefused as refused:
        if refused.status in (401, 403):
            raise
        return ()
    data = answer.get("data") if isinstance(answer, dict) else None
    listed = data if isinstance(data, list) else []
    ids = [item.get("id") for item in listed[:MAX_LISTED] if isinstance(item, dict)]
    return tuple(name for name in ids if isinstance(name, str) and name)


async def chosen_model(target: Target, wanted: str) -> str:
    """The wanted model, or the only or first one that the target lists. Raises ClientError if there is none."""
    listed = await models_of(target)
    if wanted:
        return wanted
    if not listed:
        raise ClientError(f"{target.url} lists no model; is a node online?  llmlb nodes list, or name one with -m")
    return listed[0]


async def nodes_of(target: Target) -> tuple[KnownNode, ...]:
    """The online, undrained nodes; empty where the target is not llmlb or the key may not see them."""
    try:
        answer = await fetch(target, "GET", "/v0/nodes?state=online")
    except ClientError:
        return ()
    listed = answer.get("nodes") if isinstance(answer, dict) else None
    nodes = [_known(item) for item in listed[:MAX_LISTED]] if isinstance(listed, list) else []
    return tuple(node for node in nodes if node is not None)


def serving(nodes: tuple[KnownNode, ...], model: str) -> tuple[KnownNode, ...]:
    """The nodes that have the model; one that lists none serves any."""
    return tuple(node for node in nodes if not node.models or model in node.models)


def direct(router: Target, node: KnownNode, *, api_key: str) -> Target:
    """The node's own address as an opponent: requests of the router's side are pinned to it."""
    return replace(router, url=node.url, name=f"{node.node} at {node.url}", api_key=api_key, headers=(), pin=node.node)


def _known(item: object) -> KnownNode | None:
    if not isinstance(item, dict) or item.get("state") != "online" or item.get("draining"):
        return None
    node, url, score = item.get("id"), item.get("url"), item.get("capability_score")
    if not isinstance(node, str) or not isinstance(url, str):
        return None
    models: list[str] = []
    for field in ("loaded_models", "available_models"):
        names = item.get(field)
        models += [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    return KnownNode(plain(node, limit=64), url, tuple(models), float(score) if isinstance(score, int | float) else 0.0)
