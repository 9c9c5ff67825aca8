"""``/v0/api-keys``: who may use ``/v1``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from llmlb.api import credentials
from llmlb.api.access import AdminCall
from llmlb.api.answers import answer
from llmlb.api.bodies import JsonBody
from llmlb.clock import rfc3339
from llmlb.store.rows import ApiKeyRow
from llmlb.wire.keys import ApiKeyCreation, ApiKeyList, ApiKeyView, NewApiKey

router = APIRouter(prefix="/v0/api-keys", tags=["keys"])


@router.get("", response_model=ApiKeyList)
async def list_keys(call: AdminCall) -> Response:
    """Every key that works or has expired, oldest first; never the keys themselves."""
    rows = await call.services.store.load_keys()
    return answer(ApiKeyList(api_keys=[ApiKeyView(**_fields(row)) for row in rows if not row.revoked]))


@router.post("", response_model=NewApiKey, status_code=201)
async def create_key(call: AdminCall, wanted: Annotated[ApiKeyCreation, Depends(JsonBody(ApiKeyCreation))]) -> Response:
    """A new key. This answer is the only place that shows it."""
    row, key = await credentials.create_key(call, wanted)
    return answer(NewApiKey(**_fields(row), key=key), 201)


@router.delete("/{key_id}", status_code=204, response_class=Response)
async def revoke_key(key_id: str, call: AdminCall) -> Response:
    """Ends a key at once."""
    await credentials.revoke_key(call, key_id)
    return Response(status_code=204)


def _fields(row: ApiKeyRow) -> dict[str, object]:
    return {
        "id": row.id,
        "name": row.name,
        "scopes": list(row.scopes),
        "created_at": rfc3339(row.created_at),
        "expires_at": None if row.expires_at is None else rfc3339(row.expires_at),
        "hint": row.hint,
        "models": None if row.models is None else list(row.models),
        "requests_per_minute": row.requests_per_minute,
        "max_concurrency": row.max_concurrency,
    }
