"""What happened: audit rows, request records, alerts, events."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from llmlb.wire.fields import FROM_OPERATOR, TO_CLIENT


class AuditEntry(BaseModel):
    """Who did what to what, from where."""

    model_config = TO_CLIENT

    id: int
    at: str
    actor: str
    action: str
    target: str
    detail: str
    address: str


class AuditList(BaseModel):
    model_config = TO_CLIENT

    audit: list[AuditEntry]


class AttemptView(BaseModel):
    """One try of a request on one node. reason: why that node; cause: why the try failed, empty if it did not."""

    model_config = TO_CLIENT

    node_id: str
    reason: str
    cause: str
    status: int
    seconds: float


class CostView(BaseModel):
    """What sending the request to a node would cost: seconds by the name of the term, which add up to total_s."""

    model_config = TO_CLIENT

    node_id: str
    total_s: float
    terms: dict[str, float]


class LeftOutView(BaseModel):
    """A node that was no candidate. because: as in ``ineligible_because``, or the threshold that it was over."""

    model_config = TO_CLIENT

    node_id: str
    because: str


class RequestView(BaseModel):
    """One inference request and how it ended; never its content.

    node_id: the last node it went to, empty if it went to none.  key_id: whose request it was.  status: as sent to the
    client, 0 if nothing was.  estimated: tokens were counted from the stream, not reported by the engine.
    """

    model_config = TO_CLIENT

    id: str
    at: str
    model: str
    node_id: str
    key_id: str
    key_name: str
    status: int
    outcome: str
    stream: bool
    queue_ms: float
    ttft_ms: float | None
    total_ms: float
    prompt_tokens: int | None
    completion_tokens: int | None
    estimated: bool
    reason: str
    attempts: list[AttemptView]
    error: str
    client_request_id: str


class RequestDetail(RequestView):
    """One request with what only its own page shows.

    Bodies: what was said, null unless its recording is on, and for anybody but administrators; *_cut: only the
    beginning was kept.  costs: what the priced candidates would have cost at the last choice, cheapest first.

    How the nodes of the model stood at the last choice, or when nobody could take it.  eligible: how many could be
    chosen; null where there was no choice.  left_out: why others could not, 20 of them at most.  left_out_counts: all
    of them, by reason. ``gpu`` and ``vram``: over that threshold, so that the mode ``metrics`` takes them last. The
    node that the request went to is among them where it was probed, pinned or taken as the last resort.
    """

    endpoint: str
    address: str
    cancelled_phase: str | None
    queue_position: int
    overhead_ms: float | None
    events: int
    bytes_in: int
    bytes_out: int
    request_body: str | None
    response_body: str | None
    request_body_cut: bool = False
    response_body_cut: bool = False
    costs: list[CostView] = []
    eligible: int | None = None
    left_out: list[LeftOutView] = []
    left_out_counts: dict[str, int] = {}


class RequestList(BaseModel):
    model_config = TO_CLIENT

    requests: list[RequestView]


class AlertView(BaseModel):
    """Something that needs a person. Instants in seconds since 1970; hint: what to do about it.

    subject: what it is about, a node's id or a model's name; node_id is empty where no single node is meant.
    """

    model_config = TO_CLIENT

    id: str
    rule: str
    severity: Literal["warning", "critical"]
    subject: str
    node_id: str
    cause: str
    hint: str
    is_firing: bool
    fired_at_unix_s: float
    resolved_at_unix_s: float | None
    acknowledged_by: str
    acknowledged_at_unix_s: float | None
    silenced_by: str
    silenced_until_unix_s: float | None


class AlertList(BaseModel):
    """Those that fire, then the last that are over."""

    model_config = TO_CLIENT

    alerts: list[AlertView]


class Silence(BaseModel):
    """How long an alert stays quiet, seconds; 0 ends a silence."""

    model_config = FROM_OPERATOR

    seconds: Annotated[int, Field(ge=0, le=30 * 24 * 3600)] = 3600
