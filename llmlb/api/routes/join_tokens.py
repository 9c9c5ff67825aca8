"""``/v0/join-tokens``: permissions to register nodes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from llmlb.api import credentials
from llmlb.api.access import AdminCall
from llmlb.api.answers import answer
from llmlb.api.bodies import JsonBody
from llmlb.clock import rfc3339
from llmlb.store.rows import JoinTokenRow
from llmlb.wire.keys import JoinTokenCreation, JoinTokenList, JoinTokenView, NewJoinToken

router = APIRouter(prefix="/v0/join-tokens", tags=["join tokens"])


@router.get("", response_model=JoinTokenList)
async def list_join_tokens(call: AdminCall) -> Response:
    """Every join token, spent and expired ones too; never the tokens themselves."""
    rows = await call.services.store.load_join_tokens()
    return answer(JoinTokenList(join_tokens=[JoinTokenView(**_fields(row)) for row in rows if not row.revoked]))


@router.post("", response_model=NewJoinToken, status_code=201)
async def create_join_token(
    call: AdminCall,
    wanted: Annotated[JoinTokenCreation, Depends(JsonBody(JoinTokenCreation, default=JoinTokenCreation()))],
) -> Response:
    """A new join token. This answer is the only place that shows it."""
    row, token = await credentials.create_join_token(call, wanted)
    return answer(NewJoinToken(**_fields(row), token=token), 201)


@router.delete("/{token_id}", status_code=204, response_class=Response)
async def delete_join_token(token_id: str, call: AdminCall) -> Response:
    """Ends a join token; nodes that registered with it stay."""
    await credentials.delete_join_token(call, token_id)
    return Response(status_code=204)


def _fields(row: JoinTokenRow) -> dict[str, object]:
    return {
        "id": row.id,
        "name": row.name,
        "created_at": rfc3339(row.created_at),
        "expires_at": None if row.expires_at is None else rfc3339(row.expires_at),
        "hint": row.hint,
        "max_uses": row.max_uses,
        "uses": row.uses,
    }
