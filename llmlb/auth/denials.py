"""Every way to be refused for want of a credential: cause and next step, in one table."""

from __future__ import annotations

from llmlb.auth.principals import Denial, Scope

KEY_NEEDED = Denial(
    401,
    "missing_api_key",
    "This request carries no API key; send Authorization: Bearer sk-..., or create a key with: llmlb keys create NAME",
)
INVALID_KEY = Denial(
    401,
    "invalid_api_key",
    "This API key is unknown or was revoked; list keys with llmlb keys list, create one with llmlb keys create NAME",
)
EXPIRED_KEY = Denial(401, "expired_api_key", "This API key has expired; create a new one: llmlb keys create NAME")
LOGIN_IS_NO_KEY = Denial(
    401,
    "invalid_api_key",
    "This is an operator's login, not an API key; create a key with: llmlb keys create NAME",
)
MISSING_SCOPE = {
    scope: Denial(
        403,
        "insufficient_scope",
        f"This API key lacks the scope {scope.value}; create one that has it: "
        f"llmlb keys create NAME --scope {scope.value}",
    )
    for scope in Scope
}
INVALID_ADMIN_KEY = Denial(
    401,
    "invalid_api_key",
    "This API key is unknown or was revoked; log in with llmlb login, or use a key with the scope admin.",
)

LOGIN_NEEDED = Denial(
    401,
    "missing_credential",
    "This request carries no credential; log in with llmlb login, or send Authorization: Bearer TOKEN.",
)
LOGIN_AGAIN = Denial(401, "invalid_session", "This login is not valid, or it has ended; log in again with llmlb login.")
STALE_LOCAL_TOKEN = Denial(
    401,
    "invalid_local_token",
    "This local credential does not belong to the running router; read it again from the router's data "
    "directory, or log in with llmlb login.",
)
NOT_AN_OPERATOR = Denial(
    401,
    "wrong_credential",
    "This credential belongs to a node, not to an operator; log in with llmlb login.",
)
ADMIN_NEEDED = Denial(
    403,
    "admin_required",
    "This needs the role admin, and this login is a viewer's; ask an administrator.",
)
WRONG_LOGIN = Denial(
    401,
    "invalid_login",
    "User name or password is wrong; a lost password is reset on the router's machine: llmlb users passwd NAME",
)
LOGINS_QUEUED = Denial(429, "too_many_logins", "Too many logins are being checked; try again in 5 s.", retry_after_s=5)

NODE_TOKEN_NEEDED = Denial(
    401,
    "missing_node_token",
    "This heartbeat carries no X-Node-Token; send the node_token of the registration.",
)
INVALID_NODE_TOKEN = Denial(
    401,
    "invalid_node_token",
    "This node token is unknown or was replaced; give the agent the new one, or delete the node and register again.",
)
FOREIGN_NODE_TOKEN = Denial(
    403,
    "foreign_node_token",
    "This node token belongs to another node; a heartbeat speaks only for its own node.",
)

JOIN_TOKEN_NEEDED = Denial(
    401,
    "missing_join_token",
    "Registration needs a join token here; ask the operator for one and send it as X-Join-Token.",
)
INVALID_JOIN_TOKEN = Denial(
    401, "invalid_join_token", "This join token is unknown or was deleted; ask the operator for a new one."
)
SPENT_JOIN_TOKEN = Denial(
    401, "spent_join_token", "This join token has expired or is used up; ask the operator for a new one."
)


def model_not_allowed(model: str) -> Denial:
    """A key with a list of models asked for one that is not on it."""
    return Denial(
        403,
        "model_not_allowed",
        f"This API key may not use the model {model[:200]!r}; choose one that GET /v1/models lists for it, "
        "or ask the operator.",
    )
