"""What an operator decides about one agent."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_ROUTER_URL = "http://localhost:8080"

MIN_HEARTBEAT_S = 0.5
MAX_HEARTBEAT_S = 60.0
"""What an agent accepts from a router; what a person may set is narrower and is checked with the settings."""


@dataclass(frozen=True, slots=True)
class AgentRun:
    """The settings of one agent, checked by whoever read them.

    engine_url: "" takes the first usual port that answers.  advertise_url: "" works it out.
    node_id: "" is the host's name, or with a token the token's node.  node_token: "" takes the state file's.
    heartbeat_s: the interval, 10..60 s.  use_engine_slots: the engine's slots become the node's max_concurrency.
    capability_score: None computes it.  gpus: the indices of the engine's GPUs, None for all.
    ca_file: the only authority trusted for https.  state_dir: None is the platform's.
    """

    router_url: str = DEFAULT_ROUTER_URL
    engine_url: str = ""
    advertise_url: str = ""
    node_id: str = ""
    machine_name: str = ""
    node_token: str = field(default="", repr=False)
    join_token: str = field(default="", repr=False)
    engine_api_key: str = field(default="", repr=False)
    heartbeat_s: float = 30.0
    use_engine_slots: bool = False
    capability_score: int | None = None
    gpus: tuple[int, ...] | None = None
    ca_file: str = ""
    state_dir: Path | None = None
