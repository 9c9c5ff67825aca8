"""Which tenants were typed, and the keys that were given for them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmlb.errors import ConfigurationError
from llmlb.loadtest.plan import Tenant
from llmlb.loadtest.quantities import number

MAX_TENANTS = 100
MAX_USERS = 10_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


def tenants_of(text: str) -> tuple[Tenant, ...]:
    """``a:1,b:1,c:10``; a name alone has weight 1. Raises ConfigurationError."""
    tenants = tuple(_tenant(part.strip()) for part in text.split(",")) if text else ()
    names = [tenant.name for tenant in tenants]
    if len(names) != len(set(names)) or len(names) > MAX_TENANTS or len(names) == 1:
        raise ConfigurationError(f"--tenants {text!r}: name 2 to {MAX_TENANTS} tenants, each once, like a:1,b:1,c:10")
    return tenants


def users_of(tenants: Sequence[Tenant]) -> int:
    """How many users of a closed loop they are. Raises ConfigurationError for parts of users, or too many."""
    for tenant in tenants:
        if tenant.weight != int(tenant.weight):
            raise ConfigurationError(
                f"--tenants: {tenant.name} has {tenant.weight:g} users; write whole numbers, or add a --rate"
            )
    users = int(sum(tenant.weight for tenant in tenants))
    if users > MAX_USERS:
        raise ConfigurationError(f"--tenants has {users} users in all; at most {MAX_USERS} can be held")
    return users


def tenant_keys_of(texts: Sequence[str], tenants: Sequence[Tenant]) -> tuple[tuple[str, str], ...]:
    """``a=sk-...`` for each tenant, or none at all. Raises ConfigurationError without repeating a key."""
    found: dict[str, str] = {}
    for text in texts:
        name, _, key = text.partition("=")
        if not key.strip() or name in found:
            raise ConfigurationError("--tenant-key: write NAME=KEY, once for each tenant")
        found[name] = key.strip()
    wanted = [tenant.name for tenant in tenants]
    if found and set(found) != set(wanted):
        missing = ", ".join(sorted(set(wanted) ^ set(found)))
        raise ConfigurationError(f"--tenant-key and --tenants must name the same tenants; only one names {missing}")
    return tuple((name, found[name]) for name in wanted) if found else ()


def _tenant(text: str) -> Tenant:
    name, colon, weight = text.partition(":")
    value = number(weight, what=f"the weight in --tenants {text!r}") if colon else 1.0
    if not _NAME.fullmatch(name) or not 0 < value <= 10_000:
        raise ConfigurationError(f"--tenants {text!r}: write NAME:WEIGHT with a weight above 0 and at most 10000")
    return Tenant(name, value)
