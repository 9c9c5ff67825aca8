"""The figures that operators are promised: a change of one is a decision, not an accident."""

from __future__ import annotations

import pytest

from llmlb.config.settings import Settings, router_settings, values_of

_PROMISED = {
    "limits.head_bytes": 32_768,
    "limits.head_fields": 100,
    "limits.body_bytes": 33_554_432,
    "limits.control_body_bytes": 1_048_576,
    "limits.heartbeat_body_bytes": 65_536,
    "limits.held_stream_bytes": 65_536,
    "limits.held_answer_bytes": 262_144,
    "limits.buffered_bytes": 262_144,
    "limits.model_labels": 200,
    "timeouts.connect": 2,
    "timeouts.first_byte": 60,
    "timeouts.prefill": 250,
    "timeouts.cold_load": 300,
    "timeouts.answer": 600,
    "timeouts.stream_idle": 60,
    "timeouts.stream_total": 1800,
    "timeouts.models": {},
    "timeouts.head": 10,
    "timeouts.body_idle": 30,
    "timeouts.write_stall": 60,
    "timeouts.node_keep_alive": 3,
    "timeouts.drain": 30,
    "retry.attempts": 3,
    "retry.budget_percent": 20,
    "retry.budget_minimum": 3,
    "retry.budget_window": 10,
    "retry.longest_rest": 60,
    "circuit.consecutive_failures": 5,
    "circuit.success_percent": 80,
    "circuit.minimum_requests": 20,
    "circuit.window": 10,
    "circuit.base": 5,
    "circuit.cap": 120,
    "circuit.jitter_percent": 20,
    "circuit.probe_successes": 2,
    "circuit.slow_start": 10,
    "circuit.max_ejected_percent": 50,
    "queue.per_model": 100,
    "queue.wait": 30,
    "queue.absent_wait": 2,
    "queue.absent_window": 30,
}


@pytest.mark.parametrize("key", _PROMISED)
def test_promised_figure_is_the_default(key: str) -> None:
    assert values_of(Settings())[key] == _PROMISED[key]


def test_every_bound_is_promised() -> None:
    sections = ("limits", "timeouts", "retry", "circuit", "queue")
    assert {key for key in router_settings() if key.split(".")[0] in sections} == set(_PROMISED)
