"""Who may call a route: declared once per route, checked before anything else of the request is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, assert_never

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.routing import BaseRoute

from llmlb.api.answers import denied
from llmlb.api.peers import Peer
from llmlb.api.services import Services
from llmlb.auth.principals import Anonymous, Denial, Operator, Principal, Scope
from llmlb.errors import ConfigurationError


class Access(StrEnum):
    """What a caller must show. The value is what the API's documentation calls it."""

    PUBLIC = "public"
    """Nothing. Where a credential decides about more, the route looks at it itself."""
    NODE = "node token"
    """The token of the node that the heartbeat is for; checked after the node is known to exist."""
    CLIENT = "api key"
    """An API key with the scope ``api``."""
    METRICS = "metrics key, or this machine"
    """Nothing from this machine or where ``metrics.public`` is on, else an API key with the scope ``metrics``."""
    SESSION = "login"
    """A person's session: the route is about that session."""
    OPERATOR = "operator"
    """A session of any role, an API key with the scope ``admin``, or the router's own machine's credential."""
    ADMIN = "admin"
    """As OPERATOR, without viewers."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request whose caller is known and allowed."""

    services: Services
    principal: Principal
    peer: Peer
    headers: Headers

    @property
    def actor(self) -> str:
        return self.principal.actor


@dataclass(frozen=True, slots=True)
class Requires:
    """The dependency that lets a call through or refuses it."""

    access: Access

    async def __call__(self, request: Request) -> Call:
        services: Services = request.app.state.services
        peer = services.proxies.peer_of(request.scope)
        principal = identify(services, self.access, request.headers, peer=peer)
        if isinstance(principal, Denial):
            raise denied(principal)
        return Call(services, principal, peer, request.headers)


def requires(access: Access) -> Requires:
    """Declares who may call a route."""
    return Requires(access)


PublicCall = Annotated[Call, Depends(requires(Access.PUBLIC))]
ClientCall = Annotated[Call, Depends(requires(Access.CLIENT))]
MetricsCall = Annotated[Call, Depends(requires(Access.METRICS))]
SessionCall = Annotated[Call, Depends(requires(Access.SESSION))]
OperatorCall = Annotated[Call, Depends(requires(Access.OPERATOR))]
AdminCall = Annotated[Call, Depends(requires(Access.ADMIN))]


def identify(services: Services, access: Access, headers: Headers, *, peer: Peer) -> Principal | Denial:
    """Who is calling, as far as ``access`` wants to know; the denial says what to do next."""
    gatekeeper, now_unix = services.gatekeeper, services.now_unix_s()
    match access:
        case Access.PUBLIC | Access.NODE:
            return Anonymous()
        case Access.CLIENT:
            return gatekeeper.api_key(_key_credential(headers), now_unix)
        case Access.METRICS:
            if peer.is_loopback or services.settings.metrics.public:
                return Anonymous()
            return gatekeeper.api_key(_key_credential(headers), now_unix, scope=Scope.METRICS)
        case Access.SESSION:
            caller = gatekeeper.operator(_authorization(headers), now_unix)
            return caller if isinstance(caller, Operator | Denial) else NOT_A_SESSION
        case Access.OPERATOR:
            return gatekeeper.operator(_authorization(headers), now_unix)
        case Access.ADMIN:
            return gatekeeper.admin(_authorization(headers), now_unix)
        case _:
            assert_never(access)


NOT_A_SESSION = Denial(
    403,
    "session_required",
    "This is about a login, and your credential is not one; log in with llmlb login and use that token.",
)


def _authorization(headers: Headers) -> bytes:
    return headers.get("authorization", "").encode("latin-1")


def _key_credential(headers: Headers) -> bytes:
    given = headers.get("authorization") or headers.get("x-api-key") or ""
    return given.encode("latin-1")


def declared_access(route: BaseRoute) -> Access:
    """What a route declares. Raises ConfigurationError for one that declares nothing: it must not go live."""
    endpoint_access = getattr(getattr(route, "endpoint", None), "access", None)
    if isinstance(endpoint_access, Access):
        return endpoint_access
    dependant = getattr(route, "dependant", None)
    for dependency in dependant.dependencies if dependant is not None else ():
        if isinstance(dependency.call, Requires):
            return dependency.call.access
    raise ConfigurationError(f"the route {getattr(route, 'path', route)!r} does not declare who may call it")
