"""Who may do what, at rest: API keys, users, join tokens, ended sessions. Hashes only."""

from __future__ import annotations

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.sqlite import insert

from llmlb.store import tables
from llmlb.store.desk import Desk
from llmlb.store.queries import put, rows_of, selecting
from llmlb.store.rows import ApiKeyRow, AuditRow, JoinTokenRow, UserRow


class PeopleVerbs(Desk):
    """What the store does for keys, users and tokens."""

    async def load_keys(self) -> tuple[ApiKeyRow, ...]:
        """Every key, revoked ones too, oldest first."""
        query = selecting(tables.api_keys, ApiKeyRow).order_by(tables.api_keys.c.created_at, tables.api_keys.c.id)
        return await self._read(lambda connection: rows_of(connection, ApiKeyRow, query))

    async def save_key(self, row: ApiKeyRow, *, audit: AuditRow | None = None) -> None:
        await self._write(lambda connection: put(connection, tables.api_keys, row), audit=audit)

    async def revoke_key(self, key_id: str, *, audit: AuditRow | None = None) -> None:
        """Marks a key as revoked; it stays in the list, so that old request records keep their key's name."""
        query = update(tables.api_keys).where(tables.api_keys.c.id == key_id).values(revoked=True)
        await self._write(lambda connection: connection.execute(query), audit=audit)

    async def load_users(self) -> tuple[UserRow, ...]:
        query = selecting(tables.users, UserRow).order_by(tables.users.c.username)
        return await self._read(lambda connection: rows_of(connection, UserRow, query))

    async def save_user(self, row: UserRow, *, audit: AuditRow | None = None) -> None:
        """Writes a user. Raises StoreError when another id has the user name."""
        await self._write(lambda connection: put(connection, tables.users, row), audit=audit)

    async def delete_user(self, user_id: str, *, audit: AuditRow | None = None) -> None:
        query = delete(tables.users).where(tables.users.c.id == user_id)
        await self._write(lambda connection: connection.execute(query), audit=audit)

    async def load_join_tokens(self) -> tuple[JoinTokenRow, ...]:
        """Every join token, revoked and spent ones too, oldest first."""
        columns = tables.join_tokens.c
        query = selecting(tables.join_tokens, JoinTokenRow).order_by(columns.created_at, columns.id)
        return await self._read(lambda connection: rows_of(connection, JoinTokenRow, query))

    async def save_join_token(self, row: JoinTokenRow, *, audit: AuditRow | None = None) -> None:
        await self._write(lambda connection: put(connection, tables.join_tokens, row), audit=audit)

    async def delete_join_token(self, token_id: str, *, audit: AuditRow | None = None) -> None:
        query = delete(tables.join_tokens).where(tables.join_tokens.c.id == token_id)
        await self._write(lambda connection: connection.execute(query), audit=audit)

    async def revoke_session(self, jti: str, expires_at: float, *, audit: AuditRow | None = None) -> None:
        """Remembers that a session was ended, until it would have ended by itself."""
        row = insert(tables.revoked_sessions).values(jti=jti, expires_at=expires_at).on_conflict_do_nothing()
        await self._write(lambda connection: connection.execute(row), audit=audit)

    async def load_revoked_sessions(self) -> dict[str, float]:
        """Ended sessions by jti, and when each would have ended, in unix seconds."""
        query = select(tables.revoked_sessions.c.jti, tables.revoked_sessions.c.expires_at)
        return await self._read(lambda connection: {row[0]: row[1] for row in connection.execute(query)})
