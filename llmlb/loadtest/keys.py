"""Temporary API keys for the length of a load test, where an operator's credential is at hand."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from urllib.parse import quote

from llmlb.clock import rfc3339, unix_s
from llmlb.errors import ClientError, LlmlbError, RouterRefused
from llmlb.loadtest.fetch import fetch
from llmlb.loadtest.lookup import models_of
from llmlb.loadtest.target import Target

_LOGGER = logging.getLogger(__name__)

LIFETIME_S = 24 * 3600
"""Should this process be killed, its key ends by itself after this time."""


@asynccontextmanager
async def keyed(target: Target, *, operator_token: str, lifetime_s: float = LIFETIME_S) -> AsyncIterator[Target]:
    """The target with a key that works, for as long as the block runs.

    Nothing is created if the target has a key, needs none, or there is no operator's credential. The credential is
    sent only to a target that refused us without one.

    Raises RouterUnreachable, or RouterRefused where the credential may not create keys.
    """
    if not target.api_key and target.tenant_keys:
        target = replace(target, api_key=target.tenant_keys[0][1])
    if target.api_key or not operator_token or not await _needs_key(target):
        yield target
        return
    operator = replace(target, api_key=operator_token)
    key_id, key = await _create(operator, lifetime_s)
    try:
        yield replace(target, api_key=key)
    finally:
        await _revoke(operator, key_id)


@asynccontextmanager
async def tenant_keyed(
    target: Target, names: Sequence[str], *, operator_token: str, lifetime_s: float = LIFETIME_S
) -> AsyncIterator[Target]:
    """The target with a key for each tenant, for as long as the block runs.

    Nothing is created if the tenants have keys or the target needs none. The target's own key makes them if it may,
    else the operator's credential.

    Raises RouterUnreachable, RouterRefused where neither may create keys, ClientError for what is no llmlb router.
    """
    if not names or target.tenant_keys or not target.api_key:
        yield target
        return
    async with AsyncExitStack() as stack:
        operator = await _operator(target, operator_token)
        keys = []
        for name in names:
            key_id, key = await _create(operator, lifetime_s, name=f"-{name}", scopes=("api",))
            stack.push_async_callback(_revoke, operator, key_id)
            keys.append((name, key))
        yield replace(target, tenant_keys=tuple(keys))


async def _operator(target: Target, operator_token: str) -> Target:
    """The target with the credential that may create keys: the one it has where that may list them."""
    try:
        await fetch(target, "GET", "/v0/api-keys")
    except RouterRefused as refused:
        if refused.status == 404:
            raise ClientError(f"{target.url} makes no keys for tenants; give --tenant-key NAME=KEY for each") from None
        if operator_token and refused.status in (401, 403):
            return replace(target, api_key=operator_token)
        raise RouterRefused(
            f"no keys for the tenants: {refused.message}; give --tenant-key NAME=KEY for each, or log in as an admin",
            status=refused.status,
            code=refused.code,
        ) from None
    return target


async def _needs_key(target: Target) -> bool:
    try:
        await models_of(target)
    except RouterRefused as refused:
        return refused.status in (401, 403)
    return False


async def _create(
    operator: Target, lifetime_s: float, *, name: str = "", scopes: Sequence[str] = ("api", "admin")
) -> tuple[str, str]:
    body = {
        "name": f"loadtest-{os.getpid()}{name}",
        "scopes": list(scopes),
        "expires_at": rfc3339(unix_s() + lifetime_s),
    }
    try:
        answer = await fetch(operator, "POST", "/v0/api-keys", body=body)
    except RouterRefused as refused:
        if refused.status == 404:
            raise ClientError(f"{operator.url} wants a key and is no llmlb router; give --api-key") from None
        raise RouterRefused(
            f"no temporary key for the load test: {refused.message}; give --api-key or log in as an admin",
            status=refused.status,
            code=refused.code,
        ) from None
    key_id, key = (answer.get(field) for field in ("id", "key")) if isinstance(answer, dict) else (None, None)
    if not isinstance(key, str) or not isinstance(key_id, str | int):
        raise ClientError(f"{operator.url} answered without a key; give --api-key")
    return str(key_id), key


async def _revoke(operator: Target, key_id: str) -> None:
    """Deletes the key; it expires by itself where that fails."""
    try:
        await fetch(operator, "DELETE", f"/v0/api-keys/{quote(key_id, safe='')}", timeout_s=5)
    except LlmlbError as error:
        _LOGGER.warning("temporary API key not deleted; it expires by itself", extra={"cause": error.message})
