"""``/v0/users``: who may log in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from llmlb.api import people
from llmlb.api.access import AdminCall
from llmlb.api.answers import answer
from llmlb.api.bodies import JsonBody
from llmlb.auth.principals import Role
from llmlb.clock import rfc3339
from llmlb.store.rows import UserRow
from llmlb.wire.operators import UserCreation, UserList, UserPatch, UserView

router = APIRouter(prefix="/v0/users", tags=["users"])

UserPath = Annotated[str, Path(description="The user's name or id.")]


@router.get("", response_model=UserList)
async def list_users(call: AdminCall) -> Response:
    """Everybody who may log in."""
    return answer(UserList(users=[_view(row) for row in await call.services.store.load_users()]))


@router.post("", response_model=UserView, status_code=201)
async def create_user(call: AdminCall, wanted: Annotated[UserCreation, Depends(JsonBody(UserCreation))]) -> Response:
    """Lets one more person log in; a viewer unless the body says admin."""
    return answer(_view(await people.create_user(call, wanted)), 201)


@router.patch("/{username}", response_model=UserView)
async def edit_user(
    username: UserPath, call: AdminCall, patch: Annotated[UserPatch, Depends(JsonBody(UserPatch))]
) -> Response:
    """A new password, a new role, or both; the user's sessions end. The last administrator stays one."""
    return answer(_view(await people.edit_user(call, username, patch)))


@router.delete("/{username}", status_code=204, response_class=Response)
async def delete_user(username: UserPath, call: AdminCall) -> Response:
    """Takes a person's login away, at once. The last administrator cannot go."""
    await people.delete_user(call, username)
    return Response(status_code=204)


def _view(row: UserRow) -> UserView:
    return UserView(
        id=row.id,
        username=row.username,
        role="admin" if row.role == Role.ADMIN else "viewer",
        created_at=rfc3339(row.created_at),
        last_login=None if row.last_login is None else rfc3339(row.last_login),
    )
