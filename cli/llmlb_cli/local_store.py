"""The store of a router on this machine, for what must also work while no router runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from llmlb.clock import unix_s
from llmlb.config.loading import StoredValue
from llmlb.store.rows import AuditRow, UserRow
from llmlb_cli.exits import ExitCode, Failure
from llmlb_cli.suggestions import did_you_mean

if TYPE_CHECKING:
    from llmlb.store import Store

ACTOR = "local command"


def has_store(directory: Path, url: str) -> bool:
    """Whether a router has ever kept anything there; nothing is created by asking."""
    from llmlb.store.places import places_of

    return places_of(directory, url).main.is_file()


def stored_settings(directory: Path, url: str) -> Mapping[str, StoredValue]:
    """The changes that were made live, read beside a router that may be running. Raises StoreError."""
    from llmlb.store import Store

    async def load() -> dict[str, tuple[str, str]]:
        store = Store.open(directory, url=url, shared=True)
        try:
            return await store.load_settings()
        finally:
            await store.aclose()

    rows = asyncio.run(load())
    return {key: StoredValue(json.loads(value), json.loads(base)) for key, (value, base) in rows.items()}


def set_password(directory: Path, url: str, *, username: str, password: str) -> None:
    """Give a user a new password and end all sessions of the user.

    Raises StoreBusy while a router uses the store, Failure for an unknown user.
    """
    from llmlb.auth.passwords import Passwords
    from llmlb.runtime.bootstrap import forget_generated_password
    from llmlb.store import Store

    async def change() -> None:
        store = Store.open(directory, url=url)
        passwords = Passwords()
        try:
            user = await _user(store, username)
            hashed = await passwords.hash(password)
            changed = replace(user, password_hash=hashed, token_version=user.token_version + 1)
            audit = AuditRow(at=unix_s(), actor=ACTOR, action="user.edit", target=username, detail="password")
            await store.save_user(changed, audit=audit)
            await forget_generated_password(directory, user, passwords)
        finally:
            passwords.close()
            await store.aclose()

    asyncio.run(change())


async def _user(store: Store, username: str) -> UserRow:
    users = {user.username: user for user in await store.load_users()}
    if username not in users:
        hint = did_you_mean(username, users) or f"there are {', '.join(sorted(users)) or 'no users yet: llmlb serve'}"
        raise Failure(f'there is no user "{username}"', exit_code=ExitCode.NOT_FOUND, hint=hint)
    return users[username]
