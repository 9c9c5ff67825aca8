"""Logging in and out, and the own password."""

from __future__ import annotations

from dataclasses import replace

from llmlb.api.access import Call
from llmlb.api.answers import ApiRefusal, denied
from llmlb.api.audit import Act, audit_row, record, tell_unrecorded
from llmlb.api.people import LOCK, is_stored, save, transient_user
from llmlb.auth import denials
from llmlb.auth.login import LoggedIn
from llmlb.auth.principals import Denial, Operator, Role
from llmlb.auth.sessions import SessionToken
from llmlb.errors import StoreError
from llmlb.wire.operators import LoginRequest, PasswordChange
from llmlb.wire.text import clean_text


async def log_in(call: Call, wanted: LoginRequest) -> SessionToken:
    """A session for a name and password. It is recorded, but a store that cannot write locks nobody out."""
    services = call.services
    result = await services.logins.log_in(
        wanted.username,
        wanted.password,
        address=call.peer.address,
        now_s=services.now_s(),
        now_unix=services.now_unix_s(),
    )
    name = clean_text(wanted.username[:64])
    if isinstance(result, Denial):
        if result is denials.WRONG_LOGIN:
            await record(call, replace(audit_row(call, Act.LOGIN_FAILED, name), actor="anonymous"))
        raise denied(result)
    await _record_login(call, result)
    return result.token


async def log_out(call: Call, operator: Operator) -> None:
    """Ends a session: at once here, and also after a restart."""
    services = call.services
    services.gatekeeper.revoke_session(operator.jti, operator.expires_at)
    audit = audit_row(call, Act.LOGOUT, operator.username)
    await services.store.revoke_session(operator.jti, operator.expires_at, audit=audit)


async def change_password(call: Call, operator: Operator, wanted: PasswordChange) -> SessionToken:
    """Replaces the own password. Every session of the user ends; the new one that is returned goes on."""
    services = call.services
    refusal = services.password_changes.attempt(operator.username, call.peer.address, services.now_s())
    if refusal is not None:
        raise denied(refusal)
    row = services.gatekeeper.user(operator.username)
    is_right = await services.passwords.verify(row.password_hash if row else None, wanted.current_password)
    if row is None or not is_right:
        message = "The current password is wrong. Type it again; an administrator can set a new one for you."
        raise ApiRefusal(403, "wrong_password", message, param="current_password")
    if not await is_stored(services, row):
        raise transient_user(row.username)
    password_hash = await services.passwords.hash(wanted.new_password)
    async with services.locks.hold(LOCK):
        current = services.gatekeeper.user(operator.username)
        if current is None or current.token_version != row.token_version:
            raise denied(denials.LOGIN_AGAIN)
        changed = await save(call, replace(current, password_hash=password_hash), Act.PASSWORD, "")
    return services.sessions.issue(
        changed.username, role=Role(changed.role), version=changed.token_version, now_unix=services.now_unix_s()
    )


async def _record_login(call: Call, login: LoggedIn) -> None:
    services, name = call.services, login.user.username
    audit = replace(audit_row(call, Act.LOGIN, name), actor=f"user:{name}")
    async with services.locks.hold(LOCK):
        row = services.gatekeeper.user(name)
        try:
            # The well-known login of --dev lives in memory: saved, it would still work without --dev.
            if row is None or not await is_stored(services, row):
                await services.store.append_audit(audit)
                return
            seen = replace(row, last_login=services.now_unix_s())
            await services.store.save_user(seen, audit=audit)
        except StoreError as error:
            tell_unrecorded(audit, error)
        else:
            services.gatekeeper.put_user(seen)
