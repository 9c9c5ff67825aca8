"""Who is calling."""

from __future__ import annotations

import pytest

from llmlb.auth.principals import (
    Anonymous,
    ApiKey,
    LocalOperator,
    NodeIdentity,
    Operator,
    Principal,
    Role,
    Scope,
)


@pytest.mark.parametrize(
    ("principal", "actor", "is_admin"),
    [
        (ApiKey("k1", "ci", frozenset({Scope.API})), "key:ci", False),
        (ApiKey("k1", "ops", frozenset(Scope)), "key:ops", True),
        (Operator("ada", Role.ADMIN, "jti", 1.0), "user:ada", True),
        (Operator("bob", Role.VIEWER, "jti", 1.0), "user:bob", False),
        (NodeIdentity("node-1"), "node:node-1", False),
        (LocalOperator(), "local", True),
        (Anonymous(), "anonymous", False),
    ],
)
def test_only_admins_change_the_fleet_and_everybody_has_a_name(
    principal: Principal, actor: str, is_admin: bool
) -> None:
    assert principal.actor == actor
    assert principal.is_admin is is_admin
