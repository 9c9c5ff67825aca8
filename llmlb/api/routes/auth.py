"""``/v0/auth``: logging in and out."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response

from llmlb.api import sessions
from llmlb.api.access import Call, OperatorCall, PublicCall, SessionCall
from llmlb.api.answers import answer
from llmlb.api.bodies import JsonBody
from llmlb.auth.principals import ApiKey, Operator
from llmlb.auth.sessions import Session, SessionToken
from llmlb.clock import rfc3339
from llmlb.wire.operators import CallerView, LoginReply, LoginRequest, PasswordChange, RoleName

router = APIRouter(prefix="/v0/auth", tags=["auth"])


@router.post("/login", response_model=LoginReply)
async def log_in(call: PublicCall, wanted: Annotated[LoginRequest, Depends(JsonBody(LoginRequest))]) -> Response:
    """A session of 12 hours for a name and password. It survives a restart of the router."""
    return _shown(call, await sessions.log_in(call, wanted))


@router.post("/logout", status_code=204, response_class=Response)
async def log_out(call: SessionCall) -> Response:
    """Ends the session that makes the call."""
    await sessions.log_out(call, _operator(call))
    return Response(status_code=204)


@router.get("/me", response_model=CallerView)
async def who_am_i(call: OperatorCall) -> Response:
    """Who the credential stands for."""
    return answer(_caller(call))


@router.post("/password", response_model=LoginReply)
async def change_password(
    call: SessionCall, wanted: Annotated[PasswordChange, Depends(JsonBody(PasswordChange))]
) -> Response:
    """Replaces the own password. Every session of the user ends; the answer holds a new one."""
    return _shown(call, await sessions.change_password(call, _operator(call), wanted))


def _operator(call: Call) -> Operator:
    assert isinstance(call.principal, Operator)  # what Access.SESSION lets through
    return call.principal


def _shown(call: Call, token: SessionToken) -> Response:
    session: Session = token.session
    left_s = int(session.expires_at - call.services.now_unix_s())
    user = _user_view(session.username, session.role.value, session.expires_at)
    return answer(LoginReply(token=token.token, expires_in=max(0, left_s), user=user))


def _user_view(username: str, role: Literal["admin", "viewer"], expires_at: float) -> CallerView:
    return CallerView(username=username, role=role, expires_at=rfc3339(expires_at))


def _caller(call: Call) -> CallerView:
    principal = call.principal
    role: RoleName = "admin" if principal.is_admin else "viewer"
    match principal:
        case Operator():
            return _user_view(principal.username, role, principal.expires_at)
        case ApiKey():
            expires_at = None if principal.expires_at is None else rfc3339(principal.expires_at)
            return CallerView(username=principal.name, role=role, kind="api_key", expires_at=expires_at)
        case _:
            return CallerView(username=principal.actor, role=role, kind="local")
