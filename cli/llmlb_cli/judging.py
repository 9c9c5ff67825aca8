"""What a router would refuse of what is sent to it, found without sending: for ``--dry-run``.

The judge is the router's own code. What depends on the router itself, as where it listens, how names resolve there and
whether it has room, it alone can say.
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING

from llmlb.errors import NodeUrlRefused, RouterRefused
from llmlb_cli.exits import ExitCode, Failure
from llmlb_cli.failures import failure_of

if TYPE_CHECKING:
    from llmlb_cli.context import Router

_CREATIONS = {
    "/v0/nodes": ("llmlb.wire.registration", "Registration"),
    "/v0/api-keys": ("llmlb.wire.keys", "ApiKeyCreation"),
    "/v0/join-tokens": ("llmlb.wire.keys", "JoinTokenCreation"),
    "/v0/users": ("llmlb.wire.operators", "UserCreation"),
}
"""The message that a POST to a path takes."""


def judge(path: str, body: object, *, context: str) -> None:
    """Raises the Failure with which a POST would end, as far as its own words tell. context: which router is meant."""
    if path not in _CREATIONS:
        return
    # Large, and yet better than words of our own that may differ.
    from llmlb.api.answers import ApiRefusal
    from llmlb.api.bodies import parse
    from llmlb.api.failures import refusal_for
    from llmlb.auth.urls import check_node_url

    module, name = _CREATIONS[path]
    try:
        message = parse(getattr(import_module(module), name), json.dumps(body).encode())
        if path == "/v0/nodes":
            check_node_url(message.url.strip(), loopback_allowed=True)
    except (ApiRefusal, NodeUrlRefused) as error:
        refusal = refusal_for(error)
        told = RouterRefused(refusal.message, status=refusal.status, code=refusal.code)
        raise failure_of(told, context=context) from error


def judge_new_id(router: Router, node_id: str) -> None:
    """Raises the Failure with which the registration of a node that is known already ends."""
    from llmlb.api.node_refusals import node_id_taken
    from llmlb.client.address import segment

    try:
        router.ask("GET", f"/v0/nodes/{segment(node_id)}")
    except Failure as failure:
        if failure.exit_code is ExitCode.NOT_FOUND:
            return
        raise
    taken = node_id_taken(node_id)
    raise failure_of(RouterRefused(taken.message, status=taken.status, code=taken.code), context=router.description)
