"""What a router needs before it can serve: secrets, the first administrator, and --dev's well-known credentials."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from llmlb.auth.gatekeeper import Gatekeeper
from llmlb.auth.passwords import Passwords, generate_password
from llmlb.auth.tokens import hash_token, hint, new_api_key, new_local_token
from llmlb.clock import unix_s
from llmlb.config.secrets_file import create_secret_file, ensure_secret, read_secret_file, replace_secret_file
from llmlb.config.settings import AuthSettings
from llmlb.errors import LlmlbError
from llmlb.store import Store
from llmlb.store.rows import ApiKeyRow, AuditRow, UserRow

JWT_SECRET_FILE = "jwt_secret"
LOCAL_TOKEN_FILE = "operator_token"
PASSWORD_FILE = "initial_admin_password"
DEV_USERNAME, DEV_PASSWORD = "admin", "test"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FirstCredentials:
    """What the start has to tell the operator, once. Empty strings: nothing to tell."""

    username: str = ""
    password: str = ""
    api_key: str = ""


def jwt_secret(settings: AuthSettings, data_dir: Path) -> bytes:
    """The configured secret, or the one of the data directory, made on the first start."""
    return (settings.jwt_secret or ensure_secret(data_dir / JWT_SECRET_FILE)).encode()


def renew_local_token(gatekeeper: Gatekeeper, data_dir: Path) -> None:
    """Whoever can read this 0600 file on the router's own machine is its operator. New with every start."""
    token = new_local_token()
    replace_secret_file(data_dir / LOCAL_TOKEN_FILE, token)
    gatekeeper.put_local_token(hash_token(token))


async def first_administrator(
    store: Store, gatekeeper: Gatekeeper, passwords: Passwords, *, settings: AuthSettings, data_dir: Path
) -> FirstCredentials:
    """Make the first administrator where there is no user yet. The password is told only if we made it up."""
    if await store.load_users():
        return FirstCredentials()
    username = settings.admin_username
    password = settings.admin_password or generate_password()
    now_unix_s = unix_s()
    row = UserRow(
        id=username,
        username=username,
        password_hash=await passwords.hash(password),
        role="admin",
        created_at=now_unix_s,
    )
    if not settings.admin_password:
        path = data_dir / PASSWORD_FILE
        if not create_secret_file(path, password):
            replace_secret_file(path, password)
    await store.save_user(row, audit=AuditRow(at=now_unix_s, actor="router", action="user.create", target=username))
    gatekeeper.put_user(row)
    return FirstCredentials(username, "" if settings.admin_password else password)


async def forget_generated_password(directory: Path, before: UserRow, passwords: Passwords) -> None:
    """Remove the file with the first administrator's password when that user's password no longer counts.

    before: the user whose password was changed, as it was. Another user's change leaves the file there.
    """
    path = directory / PASSWORD_FILE
    try:
        kept = read_secret_file(path)
        if kept is not None and await passwords.verify(before.password_hash, kept.strip()):
            path.unlink(missing_ok=True)
    except (LlmlbError, OSError) as error:
        # The password is changed all the same; what is left is a file that opens nothing.
        _log.warning("the first password's file was not removed", extra={"path": str(path), "error": str(error)})


async def dev_credentials(gatekeeper: Gatekeeper, passwords: Passwords) -> FirstCredentials:
    """The well-known login and a fresh API key, in memory only: nothing of them survives the process."""
    now_unix_s = unix_s()
    gatekeeper.put_user(
        UserRow(
            id=DEV_USERNAME,
            username=DEV_USERNAME,
            password_hash=await passwords.hash(DEV_PASSWORD),
            role="admin",
            created_at=now_unix_s,
        )
    )
    key = new_api_key()
    gatekeeper.put_key(
        ApiKeyRow(
            id="dev",
            name="dev",
            key_hash=hash_token(key),
            hint=hint(key),
            scopes=("admin",),
            created_at=now_unix_s,
        )
    )
    return FirstCredentials(DEV_USERNAME, DEV_PASSWORD, key)
