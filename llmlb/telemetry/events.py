"""An event of the fleet, and how the log tells it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from llmlb.core.change import ChangeKind
from llmlb.core.node import NodeId
from llmlb.telemetry.subscription import FeedEventType

View = Mapping[str, object]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FleetEvent:
    """Something that happened, as the event list and the store keep it.

    kind: a ``ChangeKind``, or for alerts what became of the alert.  node_id: "" for the whole fleet.  actor: who did
    it, "" for nobody.  detail: what is known beyond the cause, plain values.
    """

    id: int
    at_unix_s: float
    type: FeedEventType
    kind: str
    node_id: NodeId
    cause: str
    actor: str
    detail: View


_LINES: Mapping[str, tuple[int, str]] = {
    ChangeKind.REGISTERED: (logging.INFO, "node registered"),
    ChangeKind.MOVED: (logging.WARNING, "node moved"),
    ChangeKind.APPROVED: (logging.INFO, "node approved"),
    ChangeKind.REJECTED: (logging.INFO, "node rejected"),
    ChangeKind.DELETED: (logging.INFO, "node deleted"),
    ChangeKind.EDITED: (logging.INFO, "node edited"),
    ChangeKind.DRAINING: (logging.INFO, "node drains"),
    ChangeKind.UNDRAINED: (logging.INFO, "node gets work again"),
    ChangeKind.ONLINE: (logging.INFO, "node is online"),
    ChangeKind.LATE: (logging.WARNING, "node is late"),
    ChangeKind.OFFLINE: (logging.WARNING, "node is offline"),
    ChangeKind.EXPIRED: (logging.INFO, "pending node dropped"),
    ChangeKind.DUPLICATE_INSTANCE: (logging.WARNING, "two processes claim one node"),
    ChangeKind.CIRCUIT_OPENED: (logging.WARNING, "circuit opened"),
    ChangeKind.CIRCUIT_HALF_OPEN: (logging.INFO, "circuit is half open"),
    ChangeKind.CIRCUIT_CLOSED: (logging.INFO, "circuit closed"),
    ChangeKind.PANIC_BEGAN: (logging.WARNING, "panic began"),
    ChangeKind.PANIC_ENDED: (logging.INFO, "panic ended"),
    ChangeKind.MASS_SILENCE_BEGAN: (logging.ERROR, "mass silence began"),
    ChangeKind.MASS_SILENCE_ENDED: (logging.INFO, "mass silence ended"),
    ChangeKind.MODEL_WITHHELD: (logging.WARNING, "model withheld"),
    ChangeKind.SETTINGS: (logging.INFO, "settings changed"),
}


def log_change(event: FleetEvent) -> None:
    """One log line for a change of the fleet; the level says whether a person should care."""
    level, message = _LINES[event.kind]
    fields = {"node_id": event.node_id, "cause": event.cause, "actor": event.actor}
    log.log(level, message, extra={name: value for name, value in fields.items() if value})
