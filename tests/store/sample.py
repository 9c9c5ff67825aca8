"""A record that leaves nothing at its default but what was said, which is never in a record that is kept."""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict

from llmlb.core.choice import Cost
from llmlb.core.lineup import LeftOut, Lineup
from llmlb.core.node import NodeId
from llmlb.core.record import AttemptRecord, ExchangeOutcome, ExchangeRecord, Phase

FULL = ExchangeRecord(
    id="r-full",
    at_unix_s=1.7e9,
    endpoint="/v1/chat/completions",
    model="m",
    stream=True,
    key_id="k1",
    key_name="ci",
    address="192.0.2.7",
    client_request_id="theirs",
    node_id="node-1",
    reason="retry",
    status=200,
    outcome=ExchangeOutcome.CANCELLED,
    cancelled_phase=Phase.STREAMING,
    error="the client went away",
    queue_s=0.5,
    queue_position=3,
    ttft_s=0.25,
    content_s=0.75,
    total_s=1.5,
    ended_at_s=77.0,
    overhead_s=0.125,
    prompt_tokens=7,
    completion_tokens=9,
    tokens_estimated=True,
    events=9,
    bytes_in=1500,
    bytes_out=3000,
    attempts=(AttemptRecord("node-2", "least_active", "refused", 0, 0.5),),
    costs=(Cost(NodeId("node-1"), 1.25, {"queue": 1.0, "decode": 0.25}),),
    lineup=Lineup(
        2,
        LeftOut((NodeId("node-3"),), ("draining",), {"draining": 1, "at_capacity": 0}),
        LeftOut((NodeId("node-4"),), ("model_missing",), {"model_missing": 1}),
    ),
)


def told(record: ExchangeRecord) -> dict[str, Any]:
    """What a record says after a restart: all but the instant that was counted from the start."""
    return {**asdict(record), "ended_at_s": 0.0}
