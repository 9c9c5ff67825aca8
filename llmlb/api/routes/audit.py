"""``/v0/audit``: who changed what."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from llmlb.api.access import AdminCall
from llmlb.api.answers import answer
from llmlb.clock import rfc3339
from llmlb.wire.records import AuditEntry, AuditList

router = APIRouter(prefix="/v0/audit", tags=["audit"])


@router.get("", response_model=AuditList)
async def list_audit(
    call: AdminCall,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[
        int | None, Query(description="Only rows older than this id, for the next page.", ge=0, le=2**53)
    ] = None,
) -> Response:
    """Logins and changes, newest first."""
    rows = await call.services.store.list_audit(limit, before)
    entries = [
        AuditEntry(
            id=row.id,
            at=rfc3339(row.at),
            actor=row.actor,
            action=row.action,
            target=row.target,
            detail=row.detail,
            address=row.address,
        )
        for row in rows
    ]
    return answer(AuditList(audit=entries))
