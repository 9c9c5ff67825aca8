"""What the core announces: each method that changes something returns the differences worth telling."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from llmlb.core.node import NodeId


class ChangeKind(StrEnum):
    REGISTERED = "registered"
    MOVED = "moved"
    APPROVED = "approved"
    REJECTED = "rejected"
    DELETED = "deleted"
    EDITED = "edited"
    DRAINING = "draining"
    UNDRAINED = "undrained"
    ONLINE = "online"
    LATE = "late"
    OFFLINE = "offline"
    EXPIRED = "expired"
    DUPLICATE_INSTANCE = "duplicate_instance"
    CIRCUIT_OPENED = "circuit_opened"
    CIRCUIT_HALF_OPEN = "circuit_half_open"
    CIRCUIT_CLOSED = "circuit_closed"
    PANIC_BEGAN = "panic_began"
    PANIC_ENDED = "panic_ended"
    MASS_SILENCE_BEGAN = "mass_silence_began"
    MASS_SILENCE_ENDED = "mass_silence_ended"
    MODEL_WITHHELD = "model_withheld"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: what, which node (empty for the whole fleet), and why in a sentence for people."""

    kind: ChangeKind
    node_id: NodeId
    cause: str
