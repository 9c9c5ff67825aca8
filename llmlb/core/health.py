"""The life of a node as a total table: every state answers every signal.

    register → Pending → approve → Online ← heartbeat
                                     ↓ silence for node_timeout, or leaving
                                   Offline → heartbeat → Online

Only ``approve`` leads out of Pending; only another address behind a node's token leads back into it.
"""

from __future__ import annotations

from enum import StrEnum


class NodeState(StrEnum):
    PENDING = "pending"
    ONLINE = "online"
    OFFLINE = "offline"


class Signal(StrEnum):
    """What can happen to a node."""

    HEARTBEAT = "heartbeat"
    APPROVED_FRESH = "approved while its heartbeat is fresh"
    APPROVED_SILENT = "approved without a fresh heartbeat"
    SILENCE = "no heartbeat for node_timeout"
    LEAVING = "the node says that it leaves"
    MOVED = "another address behind the same token"


_P, _ON, _OFF = NodeState.PENDING, NodeState.ONLINE, NodeState.OFFLINE

TRANSITIONS: dict[tuple[NodeState, Signal], NodeState] = {
    (_P, Signal.HEARTBEAT): _P,
    (_P, Signal.APPROVED_FRESH): _ON,
    (_P, Signal.APPROVED_SILENT): _OFF,
    (_P, Signal.SILENCE): _P,
    (_P, Signal.LEAVING): _P,
    (_P, Signal.MOVED): _P,
    (_ON, Signal.HEARTBEAT): _ON,
    (_ON, Signal.APPROVED_FRESH): _ON,
    (_ON, Signal.APPROVED_SILENT): _ON,
    (_ON, Signal.SILENCE): _OFF,
    (_ON, Signal.LEAVING): _OFF,
    (_ON, Signal.MOVED): _P,
    (_OFF, Signal.HEARTBEAT): _ON,
    (_OFF, Signal.APPROVED_FRESH): _OFF,
    (_OFF, Signal.APPROVED_SILENT): _OFF,
    (_OFF, Signal.SILENCE): _OFF,
    (_OFF, Signal.LEAVING): _OFF,
    (_OFF, Signal.MOVED): _P,
}


def after(state: NodeState, signal: Signal) -> NodeState:
    """The state that follows. Total: every pair is in the table."""
    return TRANSITIONS[state, signal]
