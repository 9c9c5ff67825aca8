from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from llmlb.wire.registration import Registration

URL = "http://10.0.0.5:8000"


def read(**fields: object) -> Registration:
    return Registration.model_validate_json(json.dumps({"url": URL, **fields}))


def test_a_url_alone_registers_a_node_with_an_agent() -> None:
    registration = read()
    assert registration.url == URL
    assert registration.agent is True
    assert registration.node_id is None


def test_cards_are_read_and_what_else_is_known_of_them_is_ignored() -> None:
    registration = read(gpus=[{"model": "H100", "vram_total_mb": 81559, "uuid": "x"}, {"model": "T4"}])
    assert registration.gpus is not None
    assert [(gpu.model, gpu.vram_total_mb) for gpu in registration.gpus] == [("H100", 81559), ("T4", None)]


@pytest.mark.parametrize(
    "fields",
    [
        {"url": ""},
        {"url": "h" * 2049},
        {"url": None},
        {"node_id": "a/b"},
        {"gpus": [{"model": "x"}] * 65},
        {"gpus": [{}]},
        {"gpus": [{"model": "x", "vram_total_mb": -1}]},
        {"machine_name": "m" * 129},
        {"capability_score": 1.5},
        {"heartbeat_secs": 600},
        {"api_key": "a\r\nb"},
        {"agent": "no"},
    ],
)
def test_what_does_not_fit_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        read(**fields)


def test_every_text_of_a_registration_is_cleaned() -> None:
    evil = "x\x1b[31m\u202e"
    registration = read(
        machine_name=evil, engine=evil, agent_version=evil, boot_id=evil, gpus=[{"model": evil}], loaded_models=[evil]
    )
    assert registration.machine_name == registration.engine == registration.agent_version == "x[31m"
    assert registration.boot_id == "x[31m"
    assert registration.loaded_models == ("x[31m",)
    assert registration.gpus is not None
    assert registration.gpus[0].model == "x[31m"
