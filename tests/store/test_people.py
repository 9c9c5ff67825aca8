"""Keys, users, join tokens and ended sessions at rest."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from llmlb.errors import StoreError
from llmlb.store import Store
from llmlb.store.rows import ApiKeyRow, AuditRow, JoinTokenRow, UserRow

KEY = ApiKeyRow(id="k1", name="ci", key_hash="h1", hint="abcd", scopes=("api", "metrics"), created_at=1.0)
USER = UserRow(id="u1", username="admin", password_hash="$argon2id$", role="admin", created_at=1.0)
TOKEN = JoinTokenRow(id="j1", name="rack", token_hash="t1", hint="wxyz", created_at=1.0)


def _audit(action: str) -> AuditRow:
    return AuditRow(at=1.0, actor="user:admin", action=action)


def test_no_models_and_any_model_are_different_things(store: Store) -> None:
    async def scenario() -> tuple[ApiKeyRow, ...]:
        await store.save_key(KEY)
        await store.save_key(replace(KEY, id="k2", key_hash="h2", models=()))
        await store.save_key(replace(KEY, id="k3", key_hash="h3", models=("llama3",), requests_per_minute=5))
        return await store.load_keys()

    assert [row.models for row in asyncio.run(scenario())] == [None, (), ("llama3",)]


def test_a_revoked_key_stays_in_the_list_as_revoked(store: Store) -> None:
    async def scenario() -> None:
        await store.save_key(KEY)
        await store.revoke_key("k1", audit=_audit("revoke"))
        assert await store.load_keys() == (replace(KEY, revoked=True),)
        assert [row.action for row in await store.list_audit()] == ["revoke"]

    asyncio.run(scenario())


def test_two_users_cannot_have_one_name_and_the_refusal_leaves_no_audit(store: Store) -> None:
    async def scenario() -> None:
        await store.save_user(USER, audit=_audit("create"))
        with pytest.raises(StoreError, match="username"):
            await store.save_user(replace(USER, id="u2"), audit=_audit("create again"))
        assert await store.load_users() == (USER,)
        assert [row.action for row in await store.list_audit()] == ["create"]

    asyncio.run(scenario())


def test_a_user_is_changed_and_deleted(store: Store) -> None:
    changed = replace(USER, password_hash="new", token_version=2, last_login=5.0)

    async def scenario() -> None:
        await store.save_user(USER)
        await store.save_user(changed)
        assert await store.load_users() == (changed,)
        await store.delete_user("u1", audit=_audit("delete"))
        assert await store.load_users() == ()

    asyncio.run(scenario())


def test_a_join_token_keeps_count_of_its_uses(store: Store) -> None:
    async def scenario() -> None:
        await store.save_join_token(TOKEN, audit=_audit("create"))
        await store.save_join_token(replace(TOKEN, uses=1, max_uses=3))
        assert await store.load_join_tokens() == (replace(TOKEN, uses=1, max_uses=3),)
        await store.delete_join_token("j1", audit=_audit("delete"))
        assert await store.load_join_tokens() == ()

    asyncio.run(scenario())


def test_an_ended_session_is_remembered_once(store: Store) -> None:
    async def scenario() -> dict[str, float]:
        await store.revoke_session("jti-1", 100.0, audit=_audit("logout"))
        await store.revoke_session("jti-1", 100.0)
        return await store.load_revoked_sessions()

    assert asyncio.run(scenario()) == {"jti-1": 100.0}


@pytest.mark.parametrize("text", ["' OR '1'='1", "x'); DROP TABLE nodes; --", "%", "\x00", '"', "\\"])
def test_hostile_text_is_text(store: Store, text: str) -> None:
    async def scenario() -> None:
        await store.save_key(replace(KEY, name=text))
        await store.revoke_key(text)
        await store.delete_node(text)
        assert await store.load_keys() == (replace(KEY, name=text),)

    asyncio.run(scenario())
