"""Who is calling: one frozen type per kind of caller, and the values that say no."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class Scope(StrEnum):
    """What an API key may do. ADMIN includes the other two: a key that has it has all three."""

    API = "api"
    METRICS = "metrics"
    ADMIN = "admin"


class Role(StrEnum):
    """What an operator may do. A VIEWER reads everything and changes nothing but the own password."""

    ADMIN = "admin"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """The holder of an ``sk-`` key.

    models: None allows every model; names without their ``:latest``.  requests_per_minute,
    max_concurrency: None is unlimited.  expires_at: unix seconds.
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    models: frozenset[str] | None = None
    requests_per_minute: int | None = None
    max_concurrency: int | None = None
    expires_at: float | None = None
    is_limited: bool = field(init=False)
    """Whether it has a limit of any kind. Asked for every request, so it is no property."""

    def __post_init__(self) -> None:
        is_limited = self.requests_per_minute is not None or self.max_concurrency is not None
        object.__setattr__(self, "is_limited", is_limited)

    def has(self, scope: Scope) -> bool:
        return scope in self.scopes

    @property
    def is_admin(self) -> bool:
        return Scope.ADMIN in self.scopes

    @property
    def actor(self) -> str:
        return f"key:{self.name}"


@dataclass(frozen=True, slots=True)
class Operator:
    """A person who logged in. expires_at: unix seconds, when the session ends."""

    username: str
    role: Role
    jti: str
    expires_at: float

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN

    @property
    def actor(self) -> str:
        return f"user:{self.username}"


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """A node that showed its own token; it speaks for this node and no other."""

    node_id: str

    @property
    def is_admin(self) -> bool:
        return False

    @property
    def actor(self) -> str:
        return f"node:{self.node_id}"


@dataclass(frozen=True, slots=True)
class LocalOperator:
    """Somebody who can read the data directory's 0600 credential file, hence an admin."""

    @property
    def is_admin(self) -> bool:
        return True

    @property
    def actor(self) -> str:
        return "local"


@dataclass(frozen=True, slots=True)
class Anonymous:
    """A caller who showed no credential, where none is needed."""

    @property
    def is_admin(self) -> bool:
        return False

    @property
    def actor(self) -> str:
        return "anonymous"


Principal = ApiKey | Operator | NodeIdentity | LocalOperator | Anonymous
"""Who is calling. ``actor`` is the name in the audit; ``is_admin`` says who may change the fleet."""


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a caller is refused, and what to do next: a value, because refusing is an everyday result.

    retry_after_s: whole seconds for Retry-After, only with status 429.
    """

    status: Literal[401, 403, 429]
    code: str
    message: str
    retry_after_s: int | None = None
