"""Rows of the audit, as calls make them."""

from __future__ import annotations

import logging
from enum import StrEnum

from llmlb.api.access import Call
from llmlb.errors import StoreError
from llmlb.store.rows import AuditRow

_log = logging.getLogger(__name__)


class Act(StrEnum):
    """What the audit calls an act of an operator."""

    LOGIN = "login"
    LOGIN_FAILED = "login.failed"
    LOGOUT = "logout"
    PASSWORD = "password.change"
    NODE_ADD = "node.add"
    NODE_APPROVE = "node.approve"
    NODE_REJECT = "node.reject"
    NODE_LIFT = "node.lift_rejection"
    NODE_DRAIN = "node.drain"
    NODE_UNDRAIN = "node.undrain"
    NODE_EDIT = "node.edit"
    NODE_DELETE = "node.delete"
    NODE_ROTATE = "node.rotate_token"
    SETTINGS = "settings.change"
    KEY_CREATE = "key.create"
    KEY_REVOKE = "key.revoke"
    USER_CREATE = "user.create"
    USER_EDIT = "user.edit"
    USER_DELETE = "user.delete"
    JOIN_TOKEN_CREATE = "join_token.create"
    JOIN_TOKEN_DELETE = "join_token.delete"
    ALERT_ACK = "alert.ack"
    ALERT_SILENCE = "alert.silence"


def audit_row(call: Call, act: Act, target: str, detail: str = "") -> AuditRow:
    """Who did what to what, from where. detail: what changed, never a secret."""
    return AuditRow(
        at=call.services.now_unix_s(),
        actor=call.actor,
        action=act.value,
        target=target,
        detail=detail,
        address=call.peer.address,
    )


async def record(call: Call, row: AuditRow) -> None:
    """Writes a row that belongs to no other change; a store that cannot write stops neither logins nor alarms."""
    try:
        await call.services.store.append_audit(row)
    except StoreError as error:
        tell_unrecorded(row, error)


def tell_unrecorded(row: AuditRow, error: StoreError) -> None:
    """The log takes the row's place."""
    fields = {"action": row.action, "actor": row.actor, "target": row.target, "address": row.address}
    _log.warning("act not recorded in the audit", extra={**fields, "error": error.message})
