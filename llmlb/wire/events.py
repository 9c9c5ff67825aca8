"""What happened to the fleet, as a list."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from llmlb.wire.fields import TO_CLIENT


class EventView(BaseModel):
    """One thing that happened. id: growing; ``before`` takes it.  node_id: empty for the whole fleet.

    kind: what happened, for alerts what became of the alert.  rule, subject: of an alert, empty for all else; the
    subject is what it is about, a node's id or a model's name.  actor: who did it, empty for nobody.
    """

    model_config = TO_CLIENT

    id: int
    at: str
    type: Literal["node", "fleet", "alert", "settings"]
    kind: str
    node_id: str
    rule: str
    subject: str
    cause: str
    actor: str


class EventList(BaseModel):
    model_config = TO_CLIENT

    events: list[EventView]
