"""How a node registers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from llmlb.wire.fields import (
    FROM_NODE,
    GPUS_AT_MOST,
    TO_CLIENT,
    Count,
    EngineKey,
    HeartbeatSeconds,
    ModelNames,
    NodeIdText,
    ShortText,
)


class GpuDescription(BaseModel):
    """One card of a node. vram_total_mb: absent where unknown."""

    model_config = FROM_NODE

    model: ShortText
    vram_total_mb: Count | None = None


class Registration(BaseModel):
    """A node's introduction; only ``url`` is required.

    agent: false registers an engine that sends no heartbeats; the router polls it. That needs an admin credential.
    """

    model_config = FROM_NODE | {
        "json_schema_extra": {
            "examples": [{"url": "http://192.168.1.20:8000", "node_id": "node-1", "engine": "vllm"}],
        }
    }

    url: Annotated[str, StringConstraints(min_length=1, max_length=2048)]
    node_id: NodeIdText | None = None
    machine_name: ShortText | None = None
    engine: ShortText | None = None
    gpus: Annotated[tuple[GpuDescription, ...], Field(max_length=GPUS_AT_MOST)] | None = None
    capability_score: Count | None = None
    loaded_models: ModelNames | None = None
    available_models: ModelNames | None = None
    max_concurrency: Count | None = None
    heartbeat_secs: HeartbeatSeconds | None = None
    agent_version: ShortText | None = None
    api_key: EngineKey | None = None
    boot_id: ShortText | None = None
    agent: bool = True


class RegistrationReply(BaseModel):
    """The answer to a registration; the only place where the node's token is shown."""

    model_config = TO_CLIENT

    node_id: str
    state: str
    node_token: str
    heartbeat_secs: float
    node_timeout_secs: float
