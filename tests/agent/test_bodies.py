"""What an agent sends is accepted by the router's own messages, whatever engine and machine it stands beside."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from llmlb.agent.bodies import MAX_GPUS, Beat, NodeFacts, heartbeat, leaving, registration
from llmlb.agent.engines.reading import MAX_MODELS, MAX_RATE, EngineReading, clean_name, clean_names
from llmlb.agent.gpus import GpuReport
from llmlb.agent.host import HostReport
from llmlb.agent.score import Gpu
from llmlb.wire.heartbeat import Heartbeat
from llmlb.wire.registration import Registration

HEARTBEAT_LIMIT_BYTES = 64 * 1024
PERCENT = st.floats(0, 100)
NAMES = st.lists(st.text(max_size=300), max_size=20).map(clean_names)
READINGS = st.builds(
    EngineReading,
    engine=st.sampled_from(["ollama", "vllm"]),
    version=st.text(max_size=10).map(clean_name),
    loaded_models=NAMES,
    available_models=NAMES,
    running=st.none() | st.integers(0, 1_000),
    queued=st.none() | st.integers(0, 1_000),
    slots=st.none() | st.integers(1, 1_000),
    kv_cache_usage=st.none() | PERCENT,
    prefill_rate=st.none() | st.floats(0, MAX_RATE),
    decode_rate=st.none() | st.floats(0, MAX_RATE),
)
REPORTS = st.none() | st.builds(
    GpuReport,
    st.none() | PERCENT,
    st.none() | PERCENT,
    st.none() | st.floats(-50, 150),
    st.none() | st.integers(0, 10**6),
    st.none() | st.integers(0, 10**6),
)
FACTS = st.builds(
    NodeFacts,
    url=st.just("http://10.0.0.5:8000"),
    node_id=st.sampled_from(["", "gpu-box"]),
    machine_name=st.text(max_size=300),
    gpus=st.lists(st.builds(Gpu, st.text(max_size=300), vram_mb=st.none() | st.integers(1, 10**6)), max_size=70).map(
        tuple
    ),
    capability_score=st.integers(0, 10_000),
    heartbeat_s=st.floats(0.5, 60),
    agent_version=st.just("0.1.0"),
    engine_api_key=st.sampled_from(["", "sk-engine"]),
)


@given(FACTS, READINGS, st.booleans())
def test_a_router_refuses_a_registration(facts: NodeFacts, reading: EngineReading, use_slots: bool) -> None:
    body = registration(facts, reading, use_engine_slots=use_slots)
    Registration.model_validate_json(json.dumps(body))


@given(FACTS, READINGS, REPORTS, st.none() | st.builds(HostReport, PERCENT, PERCENT), st.booleans())
def test_a_router_refuses_a_heartbeat(
    facts: NodeFacts, reading: EngineReading, gpu: GpuReport | None, host: HostReport | None, use_slots: bool
) -> None:
    beat = Beat(seq=1, boot_id="b", heartbeat_s=facts.heartbeat_s)
    body = heartbeat(facts, reading, beat, gpu=gpu, host=host, use_engine_slots=use_slots)
    Heartbeat.model_validate_json(json.dumps(body | {"node_id": "gpu-box"}))


def test_a_goodbye_is_a_heartbeat() -> None:
    message = Heartbeat.model_validate_json(json.dumps(leaving("gpu-box", Beat(9, "b", 30.0))))
    assert (message.leaving, message.seq, message.loaded_models) == (True, 9, None)


def test_a_thousand_long_names_do_not_cost_the_node_its_heartbeat() -> None:
    names = tuple(f"{number:04}-" + "ü" * 250 for number in range(MAX_MODELS))
    facts = NodeFacts("http://e", "n", "m", (), 1, 30.0, "0.1.0", "")
    reading = EngineReading("ollama", loaded_models=names, available_models=names)
    body = heartbeat(facts, reading, Beat(1, "b", 30.0), gpu=None, host=None, use_engine_slots=False)
    assert len(json.dumps(body).encode()) < HEARTBEAT_LIMIT_BYTES
    assert body["loaded_models"] == list(names[: len(body["loaded_models"])])  # type: ignore[arg-type]  # a list


def test_a_machine_with_more_cards_than_a_router_takes_reports_the_first_ones() -> None:
    facts = NodeFacts("http://e", "n", "m", (Gpu("x"),) * 70, 1, 30.0, "0.1.0", "")
    cards = registration(facts, EngineReading("vllm"), use_engine_slots=False)["gpus"]
    assert isinstance(cards, list)
    assert len(cards) == MAX_GPUS


def test_active_requests_are_running_and_queued_and_the_queue_is_told_apart() -> None:
    facts = NodeFacts("http://e", "n", "m", (), 1, 30.0, "0.1.0", "")
    reading = EngineReading("vllm", running=5, queued=3, kv_cache_usage=12.5)
    body = heartbeat(facts, reading, Beat(1, "b", 30.0), gpu=None, host=None, use_engine_slots=False)
    assert (body["active_requests"], body["queue_depth"], body["kv_cache_usage"]) == (8, 3, 12.5)


def test_whole_seconds_are_written_as_such() -> None:
    facts = NodeFacts("http://e", "n", "m", (), 1, 30.0, "0.1.0", "")
    assert json.dumps(registration(facts, EngineReading("vllm"), use_engine_slots=False)["heartbeat_secs"]) == "30"


def test_without_its_slots_as_limit_an_agent_says_that_there_is_none() -> None:
    facts = NodeFacts("http://e", "n", "m", (), 1, 30.0, "0.1.0", "")
    told = [
        heartbeat(facts, reading, Beat(1, "b", 30.0), gpu=None, host=None, use_engine_slots=use_slots)
        for reading, use_slots in (
            (EngineReading("llama.cpp", slots=4), True),
            (EngineReading("llama.cpp"), True),
            (EngineReading("llama.cpp", slots=4), False),
        )
    ]
    limits = [body.get("max_concurrency", "left out") for body in told]
    assert limits == [4, "left out", None], "an engine that does not tell its slots just now is still limited"
