"""A world in which nothing is wrong, to seed faults in."""

from __future__ import annotations

from dataclasses import replace

from llmlb.config.settings import Settings
from llmlb.doctor.world import DataDirectory, Engine, Fleet, Machine, NodeState, RouterAnswer, World

URL = "http://127.0.0.1:8080"

DATA = DataDirectory(path="/var/lib/llmlb")
MACHINE = Machine(data=DATA, settings=Settings(), running_pid=4321, port_is_taken=True, file_limit=65_536)
ANSWER = RouterAnswer(URL, status=200, headers={"x-llmlb-request-id": "0a1b"}, skew_s=0.4)

NODES = (
    NodeState(
        id="gpu-1",
        url="http://10.0.0.5:8000",
        engine_kind="vllm",
        gpus=2,
        active=3,
        max_concurrency=64,
        models=("Qwen/Qwen3-8B", "llama-3.2-1b"),
        ttft_ms=180.0,
        engine=Engine(headers={"server": "uvicorn"}),
    ),
    NodeState(
        id="gpu-2",
        url="http://10.0.0.6:11434",
        engine_kind="ollama",
        gpus=1,
        max_concurrency=4,
        models=("llama-3.2-1b", "gemma3:latest"),
        engine=Engine(is_ollama=True),
    ),
    NodeState(
        id="gpu-3", url="http://10.0.0.7:8000", has_agent=False, has_figures=False, models=("gemma3",), engine=Engine()
    ),
    NodeState(id="gpu-4", url="http://10.0.0.8:8000", state="pending", waiting_s=30.0, models=("new",)),
)

FLEET = Fleet(
    version="1.0.0",
    uptime_s=864_000.0,
    nodes=NODES,
    attempts=(("gpu-1", "the node answered 503"), ("gpu-2", "nothing usable came from the node within 60 s")),
    selections={"least_active": 900, "overloaded_fallback": 12},
)

CLEAN = World(version="1.0.0", router=ANSWER, machine=MACHINE, fleet=FLEET)


def with_node(changed: NodeState) -> World:
    """The clean world with one of its nodes replaced, or one more."""
    kept = tuple(changed if node.id == changed.id else node for node in NODES)
    return replace(CLEAN, fleet=replace(FLEET, nodes=kept if changed in kept else (*kept, changed)))


def with_data(**changes: object) -> World:
    """The clean world with another data directory."""
    return replace(CLEAN, machine=replace(MACHINE, data=replace(DATA, **changes)))  # type: ignore[arg-type]  # by name


def with_machine(**changes: object) -> World:
    return replace(CLEAN, machine=replace(MACHINE, **changes))  # type: ignore[arg-type]  # by name


def with_fleet(**changes: object) -> World:
    return replace(CLEAN, fleet=replace(FLEET, **changes))  # type: ignore[arg-type]  # by name


def with_answer(**changes: object) -> World:
    return replace(CLEAN, router=replace(ANSWER, **changes))  # type: ignore[arg-type]  # by name


def with_settings(settings: Settings) -> World:
    return with_machine(settings=settings)
