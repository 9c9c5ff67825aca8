"""What a router would refuse of what is sent to it, found without sending: for ``--dry-run``.

The judge is the router's own code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmlb.errors import RouterRefused
from llmlb_cli.exits import ExitCode, Failure
from llmlb_cli.failures import failure_of

if TYPE_CHECKING:
    from llmlb_cli.context import Router

_CREATIONS = frozenset(("/v0/nodes", "/v0/api-keys", "/v0/join-tokens", "/v0/users"))


def judge(path: str, body: object, *, context: str) -> None:
    """Raises the Failure with which a POST would end, as far as its own words tell. context: which router is meant."""
    if path not in _CREATIONS:
        return
    # Large, and yet better than words of our own that may differ.
    from llmlb.api.trial import refusal_of

    refusal = refusal_of(path, body)
    if refusal is not None:
        told = RouterRefused(refusal.message, status=refusal.status, code=refusal.code)
        raise failure_of(told, context=context)


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
