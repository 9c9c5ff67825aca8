"""Operators: logging in, and the list of those who may."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, StringConstraints

from llmlb.wire.fields import FROM_OPERATOR, TO_CLIENT

USERNAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$"

LONGEST_PASSWORD_BYTES = 1024

RoleName = Literal["admin", "viewer"]
Username = Annotated[str, StringConstraints(pattern=USERNAME_PATTERN, max_length=64)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


def _hashable(password: str) -> str:
    if len(password.encode()) > LONGEST_PASSWORD_BYTES:
        raise ValueError(f"must be at most {LONGEST_PASSWORD_BYTES} bytes long")
    return password


NewPassword = Annotated[str, StringConstraints(min_length=8, max_length=1024), AfterValidator(_hashable)]


class LoginRequest(BaseModel):
    model_config = FROM_OPERATOR | {
        "json_schema_extra": {"examples": [{"username": "admin", "password": "correct horse battery staple"}]},
    }

    username: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    password: Password


class CallerView(BaseModel):
    """Who a credential stands for. expires_at: null where it does not expire."""

    model_config = TO_CLIENT

    username: str
    role: RoleName
    kind: Literal["user", "api_key", "local"] = "user"
    expires_at: str | None = None


class LoginReply(BaseModel):
    """A session. expires_in: seconds."""

    model_config = TO_CLIENT

    token: str
    expires_in: int
    user: CallerView


class PasswordChange(BaseModel):
    """The change of one's own password; it ends every session of the user, also this one."""

    model_config = FROM_OPERATOR

    current_password: Password
    new_password: NewPassword


class UserCreation(BaseModel):
    model_config = FROM_OPERATOR | {
        "json_schema_extra": {"examples": [{"username": "kim", "password": "a long phrase", "role": "viewer"}]},
    }

    username: Username
    password: NewPassword
    role: RoleName = "viewer"


class UserPatch(BaseModel):
    """A new password, a new role, or both; either ends the user's sessions."""

    model_config = FROM_OPERATOR

    password: NewPassword | None = None
    role: RoleName | None = None


class UserView(BaseModel):
    model_config = TO_CLIENT

    id: str
    username: str
    role: RoleName
    created_at: str
    last_login: str | None


class UserList(BaseModel):
    model_config = TO_CLIENT

    users: list[UserView]
