"""Users: who may log in, and the rule that somebody always can."""

from __future__ import annotations

import secrets
from dataclasses import replace

from llmlb.api.access import Call
from llmlb.api.answers import ApiRefusal
from llmlb.api.audit import Act, audit_row
from llmlb.api.services import Services
from llmlb.auth.principals import Role
from llmlb.store.rows import UserRow
from llmlb.wire.operators import UserCreation, UserPatch

LOCK = "users"


async def create_user(call: Call, wanted: UserCreation) -> UserRow:
    """Lets one more person log in."""
    services = call.services
    password_hash = await services.passwords.hash(wanted.password)
    async with services.locks.hold(LOCK):
        if services.gatekeeper.user(wanted.username) is not None:
            message = f"There is a user {wanted.username!r} already. Choose another name, or llmlb users passwd."
            raise ApiRefusal(409, "username_taken", message, param="username")
        row = UserRow(
            id=f"usr_{secrets.token_hex(8)}",
            username=wanted.username,
            password_hash=password_hash,
            role=wanted.role,
            created_at=services.now_unix_s(),
        )
        await services.store.save_user(row, audit=audit_row(call, Act.USER_CREATE, row.username, row.role))
        services.gatekeeper.put_user(row)
        return row


async def edit_user(call: Call, name: str, patch: UserPatch) -> UserRow:
    """A new password, a new role, or both. The user's sessions end."""
    services = call.services
    password_hash = None if patch.password is None else await services.passwords.hash(patch.password)
    async with services.locks.hold(LOCK):
        row = await _stored(services, name)
        changed = replace(row, password_hash=password_hash or row.password_hash, role=patch.role or row.role)
        if changed == row:
            return row
        if changed.role != Role.ADMIN:
            await _keep_an_admin(services, row)
        return await save(call, changed, Act.USER_EDIT, ", ".join(sorted(patch.model_fields_set)))


async def delete_user(call: Call, name: str) -> None:
    """Takes a person's login away, at once."""
    services = call.services
    async with services.locks.hold(LOCK):
        row = await _stored(services, name)
        await _keep_an_admin(services, row)
        await services.store.delete_user(row.id, audit=audit_row(call, Act.USER_DELETE, row.username))
        services.gatekeeper.drop_user(row.username)
        await services.forget_password(row)


async def save(call: Call, row: UserRow, act: Act, detail: str) -> UserRow:
    """Writes a changed user; every session from before ends. The caller holds the lock."""
    services = call.services
    before = services.gatekeeper.user(row.username)
    changed = replace(row, token_version=row.token_version + 1)
    await services.store.save_user(changed, audit=audit_row(call, act, row.username, detail))
    services.gatekeeper.put_user(changed)
    if before is not None and before.password_hash != changed.password_hash:
        await services.forget_password(before)
    return changed


async def _stored(services: Services, name: str) -> UserRow:
    """A user by name or by id."""
    for row in await services.store.load_users():
        if name in (row.username, row.id):
            return row
    if services.gatekeeper.user(name) is not None:
        raise transient_user(name)
    message = f"There is no user {name[:100]!r}. List them with llmlb users list."
    raise ApiRefusal(404, "user_not_found", message, param="username")


async def is_stored(services: Services, row: UserRow) -> bool:
    """Whether a user outlives this process; the well-known login of --dev does not."""
    return any(stored.id == row.id for stored in await services.store.load_users())


def transient_user(name: str) -> ApiRefusal:
    """A login that --dev keeps in memory cannot be changed."""
    message = f"The user {name[:100]!r} exists only while the router runs with --dev. Start it without --dev first."
    return ApiRefusal(409, "transient_user", message, param="username")


async def _keep_an_admin(services: Services, row: UserRow) -> None:
    admins = [user.id for user in await services.store.load_users() if user.role == Role.ADMIN]
    if admins == [row.id]:
        message = f"{row.username!r} is the last administrator. Make somebody else one first: llmlb users create."
        raise ApiRefusal(409, "last_admin", message, param="username")
