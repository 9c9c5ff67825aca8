"""The live settings of choosing a node."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from llmlb.wire.fields import FROM_OPERATOR, TO_CLIENT, Percent

MODE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_.]*(:[A-Za-z0-9_]+)?$"


class LoadBalancerSettings(BaseModel):
    """How a node is chosen. Thresholds in percent and in requests; a node above one is a last resort."""

    model_config = TO_CLIENT | {
        "json_schema_extra": {
            "examples": [{"mode": "metrics", "gpu_threshold": 80, "vram_threshold": 90, "active_request_threshold": 10}]
        }
    }

    mode: str
    gpu_threshold: float
    vram_threshold: float
    active_request_threshold: int


class LoadBalancerPatch(BaseModel):
    """A change of the settings: what is left out stays as it is."""

    model_config = FROM_OPERATOR | {"json_schema_extra": {"examples": [{"gpu_threshold": 90}]}}

    mode: Annotated[str, StringConstraints(pattern=MODE_PATTERN, max_length=200)] | None = None
    gpu_threshold: Percent | None = None
    vram_threshold: Percent | None = None
    active_request_threshold: Annotated[int, Field(ge=0, le=100_000)] | None = None


class ExcludedNode(BaseModel):
    """A node and the thresholds that it would be over. Percent; 0.0 where nothing was measured.

    metrics_available, vram_metrics_available: whether gpu_usage and vram_usage are measurements.
    """

    model_config = TO_CLIENT

    id: str
    state: str
    gpu_usage: float
    vram_usage: float
    metrics_available: bool
    vram_metrics_available: bool
    active_requests: int
    excluded_by: list[str]


class SettingsPreview(LoadBalancerSettings):
    """What a change would do, without doing it.

    excluded: every node that would be over a threshold.  newly_excluded, no_longer_excluded: ids that differ from now.
    models_losing_last_node: those with an online node below the thresholds now, and none then. Draining nodes do not
    count; nor do nodes that name no models.
    """

    dry_run: bool = True
    excluded: list[ExcludedNode]
    newly_excluded: list[str]
    no_longer_excluded: list[str]
    models_losing_last_node: list[str]
