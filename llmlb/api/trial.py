"""What would be refused of a creation, found without a router: for a caller that only wants to try its words.

What depends on the router, as where it listens, how names resolve there and whether it has room, it alone can say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import BaseModel

from llmlb.api.answers import ApiRefusal
from llmlb.api.bodies import parse
from llmlb.api.failures import refusal_for
from llmlb.auth.urls import check_node_url
from llmlb.errors import NodeUrlRefused
from llmlb.wire.keys import ApiKeyCreation, JoinTokenCreation
from llmlb.wire.operators import UserCreation
from llmlb.wire.registration import Registration

CREATIONS: Mapping[str, type[BaseModel]] = {
    "/v0/nodes": Registration,
    "/v0/api-keys": ApiKeyCreation,
    "/v0/join-tokens": JoinTokenCreation,
    "/v0/users": UserCreation,
}
"""The message that a POST to a path takes."""


def refusal_of(path: str, body: object) -> ApiRefusal | None:
    """Why a POST to one of ``CREATIONS`` would be refused, as far as its own words tell; None if it would not."""
    try:
        message = parse(CREATIONS[path], json.dumps(body).encode())
        if isinstance(message, Registration):
            check_node_url(message.url.strip(), loopback_allowed=True)
    except (ApiRefusal, NodeUrlRefused) as error:
        return refusal_for(error)
    return None
