"""API keys and join tokens: made, ended. The secret leaves in the answer that made it and is kept as a hash."""

from __future__ import annotations

import secrets
from datetime import datetime

from llmlb.api.access import Call
from llmlb.api.answers import ApiRefusal
from llmlb.api.audit import Act, audit_row
from llmlb.auth.tokens import hash_token, hint, new_api_key, new_join_token
from llmlb.store.rows import ApiKeyRow, JoinTokenRow
from llmlb.wire.keys import ApiKeyCreation, JoinTokenCreation

LATEST_EXPIRY_UNIX_S = 253_402_300_799.0
"""The last second of the year 9999: later ones cannot be written as RFC 3339."""


async def create_key(call: Call, wanted: ApiKeyCreation) -> tuple[ApiKeyRow, str]:
    """A new API key: its row, and the key itself."""
    services, key = call.services, new_api_key()
    row = ApiKeyRow(
        id=f"key_{secrets.token_hex(8)}",
        name=wanted.name,
        key_hash=hash_token(key),
        hint=hint(key),
        scopes=tuple(dict.fromkeys(wanted.scopes)),
        created_at=services.now_unix_s(),
        expires_at=_expiry(call, wanted.expires_at),
        models=wanted.models,
        requests_per_minute=wanted.requests_per_minute,
        max_concurrency=wanted.max_concurrency,
    )
    audit = audit_row(call, Act.KEY_CREATE, row.id, f"{row.name}: {', '.join(row.scopes)}")
    await services.store.save_key(row, audit=audit)
    services.gatekeeper.put_key(row)
    return row, key


async def revoke_key(call: Call, key_id: str) -> None:
    """Ends a key at once. Requests that run already end by themselves."""
    services = call.services
    rows = {row.id: row for row in await services.store.load_keys() if not row.revoked}
    if key_id not in rows:
        message = f"There is no API key {key_id[:100]!r}. List them with llmlb keys list."
        raise ApiRefusal(404, "key_not_found", message, param="key_id")
    await services.store.revoke_key(key_id, audit=audit_row(call, Act.KEY_REVOKE, key_id, rows[key_id].name))
    services.gatekeeper.drop_key(key_id)


async def create_join_token(call: Call, wanted: JoinTokenCreation) -> tuple[JoinTokenRow, str]:
    """A new join token: its row, and the token itself."""
    services, token = call.services, new_join_token()
    row = JoinTokenRow(
        id=f"join_{secrets.token_hex(8)}",
        name=wanted.name,
        token_hash=hash_token(token),
        hint=hint(token),
        created_at=services.now_unix_s(),
        expires_at=_expiry(call, wanted.expires_at),
        max_uses=wanted.max_uses,
    )
    await services.store.save_join_token(row, audit=audit_row(call, Act.JOIN_TOKEN_CREATE, row.id, row.name))
    services.gatekeeper.put_join_token(row)
    return row, token


async def delete_join_token(call: Call, token_id: str) -> None:
    """Ends a join token; nodes that registered with it stay."""
    services = call.services
    rows = {row.id: row for row in await services.store.load_join_tokens()}
    if token_id not in rows:
        message = f"There is no join token {token_id[:100]!r}. GET /v0/join-tokens lists them."
        raise ApiRefusal(404, "join_token_not_found", message, param="token_id")
    audit = audit_row(call, Act.JOIN_TOKEN_DELETE, token_id, rows[token_id].name)
    async with services.locks.hold("join tokens"):
        await services.store.delete_join_token(token_id, audit=audit)
        services.gatekeeper.drop_join_token(token_id)


def _expiry(call: Call, expires_at: datetime | None) -> float | None:
    if expires_at is None:
        return None
    unix_s = expires_at.timestamp()
    if unix_s > LATEST_EXPIRY_UNIX_S:
        message = "The field expires_at is beyond the year 9999. Leave it out for no expiry."
        raise ApiRefusal(422, "invalid_value", message, param="expires_at")
    if unix_s <= call.services.now_unix_s():
        message = "The field expires_at lies in the past. Give a later instant, or leave it out for no expiry."
        raise ApiRefusal(422, "invalid_value", message, param="expires_at")
    return unix_s
