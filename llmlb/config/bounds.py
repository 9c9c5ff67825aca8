"""The sections of config.toml that bound what a request may take: sizes, times, retries, circuits, queues.

Times are seconds on the monotonic clock. Under --dev they may be shorter, so that a demonstration of a failure does
not take minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llmlb.config.declaration import Column, setting

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class LimitsSettings:
    """How big things may be."""

    head_bytes: int = setting(32 * KIB, unit="bytes", low=KIB, high=MIB, help="A request's head; larger: 431.")
    head_fields: int = setting(100, unit="fields", low=8, high=1000, help="Header fields of a request; more: 431.")
    body_bytes: int = setting(
        32 * MIB, unit="bytes", low=KIB, high=GIB, help="The body of an inference request; larger: 413."
    )
    control_body_bytes: int = setting(
        MIB, unit="bytes", low=KIB, high=64 * MIB, help="The body of a control request; larger: 413."
    )
    heartbeat_body_bytes: int = setting(
        64 * KIB, unit="bytes", low=KIB, high=16 * MIB, help="The body of a heartbeat; larger: 413."
    )
    held_stream_bytes: int = setting(
        64 * KIB,
        unit="bytes",
        low=4 * KIB,
        high=16 * MIB,
        help="How much of a stream is held back before its first content, while another node can still take over.",
    )
    held_answer_bytes: int = setting(
        256 * KIB,
        unit="bytes",
        low=4 * KIB,
        high=64 * MIB,
        help="Answers up to this size are held whole, so that a node that dies in the middle can be replaced.",
    )
    buffered_bytes: int = setting(
        256 * KIB,
        unit="bytes",
        low=16 * KIB,
        high=64 * MIB,
        help="How much is buffered for a client that reads slowly, before its node is made to wait.",
    )
    model_labels: int = setting(
        200,
        unit="models",
        low=1,
        high=10_000,
        help="Models with figures of their own in /metrics; the rest is other.",
    )


_OF_A_MODEL = (
    Column("first_byte", unit="s", low=1, high=3600, example=180, is_optional=True),
    Column("prefill", unit="tokens/s", low=0, high=1_000_000, example=50, is_optional=True),
    Column("cold_load", unit="s", low=0, high=3600, example=600, is_optional=True),
    Column("answer", unit="s", low=1, high=86_400, example=1800, is_optional=True),
    Column("stream_idle", unit="s", low=1, high=3600, example=120, is_optional=True),
    Column("stream_total", unit="s", low=1, high=86_400, example=3600, is_optional=True),
)


@dataclass(frozen=True, slots=True)
class TimeoutsSettings:
    """How long things may take."""

    connect_s: float = setting(2.0, key="connect", unit="s", low=0.1, high=60, help="Opening a connection to a node.")
    first_byte_s: float = setting(
        60.0,
        key="first_byte",
        unit="s",
        low=1,
        high=3600,
        dev_low=0.1,
        help="Until the first byte of a stream.",
    )
    prefill: float = setting(
        250.0,
        unit="tokens/s",
        low=0,
        high=1_000_000,
        help="How slowly a node may read a prompt: first_byte grows by the time that the request's text takes at this "
        "speed, 4 bytes to a token, but not beyond answer. 0: it does not grow.",
    )
    cold_load_s: float = setting(
        300.0,
        key="cold_load",
        unit="s",
        low=0,
        high=3600,
        help="Added to first_byte while the node does not have the model in memory.",
    )
    answer_s: float = setting(
        600.0,
        key="answer",
        unit="s",
        low=1,
        high=86_400,
        dev_low=0.1,
        help="A whole answer that is not a stream.",
    )
    stream_idle_s: float = setting(
        60.0, key="stream_idle", unit="s", low=1, high=3600, dev_low=0.1, help="Silence within a stream."
    )
    stream_total_s: float = setting(
        1800.0, key="stream_total", unit="s", low=1, high=86_400, dev_low=0.1, help="A whole stream."
    )
    models: Mapping[str, Mapping[str, float]] = setting(
        {},
        columns=_OF_A_MODEL,
        form='NAME = { first_byte = 180, stream_total = 3600 }, or [timeouts.models."NAME"]',
        help="Other times for some models: first_byte, prefill, cold_load, answer, stream_idle, stream_total. A * in a "
        "name stands for anything, the most specific name wins, and what it leaves out is as above.",
    )
    head_s: float = setting(
        10.0,
        key="head",
        unit="s",
        low=1,
        high=300,
        dev_low=0.1,
        help="A client sending a request's head; then 408. With TLS, its handshake has as long before that.",
    )
    body_idle_s: float = setting(
        30.0,
        key="body_idle",
        unit="s",
        low=1,
        high=600,
        dev_low=0.1,
        help="Silence of a client while it sends a body; then 408.",
    )
    write_stall_s: float = setting(
        60.0,
        key="write_stall",
        unit="s",
        low=1,
        high=3600,
        dev_low=0.1,
        help="A client that takes nothing of its answer is cut off after this.",
    )
    node_keep_alive_s: float = setting(
        3.0,
        key="node_keep_alive",
        unit="s",
        low=0,
        high=600,
        help="How long an idle connection to a node is kept. Keep it below the engine's own time: engines close idle "
        "connections, and a request sent into that moment is lost.",
    )
    drain_s: float = setting(
        30.0,
        key="drain",
        unit="s",
        low=0,
        high=3600,
        help="How long a stopping router lets running requests finish; a second signal ends it at once.",
    )


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """When a request is tried on another node."""

    attempts: int = setting(
        3, unit="attempts", low=1, high=10, help="Nodes tried for one request, the first one included."
    )
    budget_percent: float = setting(
        20.0, unit="%", low=0, high=100, help="Retries in the window, as a share of its requests."
    )
    budget_minimum: int = setting(
        3, unit="retries", low=0, high=1000, help="Retries that are always allowed in the window."
    )
    budget_window_s: float = setting(
        10.0, key="budget_window", unit="s", low=1, high=300, dev_low=0.1, help="The window of the two above."
    )
    longest_rest_s: float = setting(
        60.0,
        key="longest_rest",
        unit="s",
        low=0,
        high=3600,
        help="A node that answers 429, or 503 with Retry-After, gets nothing for the time it asks, but not for longer "
        "than this.",
    )


@dataclass(frozen=True, slots=True)
class CircuitSettings:
    """When a node that fails gets no more work, and how it comes back."""

    consecutive_failures: int = setting(
        5, unit="failures", low=1, high=1000, help="So many failures in a row open a node's circuit."
    )
    success_percent: float = setting(
        80.0,
        unit="%",
        low=0,
        high=100,
        help="A lower share of successes in the window opens it; 0 never does.",
    )
    minimum_requests: int = setting(
        20, unit="requests", low=1, high=100_000, help="Requests in the window before that share counts."
    )
    window_s: float = setting(
        10.0, key="window", unit="s", low=1, high=300, dev_low=0.1, help="The window of the two above."
    )
    base_s: float = setting(
        5.0,
        key="base",
        unit="s",
        low=0.1,
        high=600,
        dev_low=0.05,
        help="How long a circuit stays open at first; each time in a row doubles it.",
    )
    cap_s: float = setting(
        120.0,
        key="cap",
        unit="s",
        low=0.1,
        high=3600,
        dev_low=0.05,
        help="The longest that a circuit stays open.",
    )
    jitter_percent: float = setting(
        20.0,
        unit="%",
        low=0,
        high=100,
        help="The time is varied by so much, so that nodes do not return in step.",
    )
    probe_successes: int = setting(
        2, unit="probes", low=1, high=100, help="Probes that must succeed in a row to close the circuit."
    )
    slow_start_s: float = setting(
        10.0,
        key="slow_start",
        unit="s",
        low=0,
        high=600,
        help="A node that comes back gets its full share only after this; 0: at once.",
    )
    max_ejected_percent: float = setting(
        50.0,
        unit="%",
        low=0,
        high=100,
        help="When more of a model's nodes have open circuits, circuits are ignored: a bad answer beats none.",
    )


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """How requests wait when every node is full or away."""

    per_model: int = setting(
        100,
        unit="requests",
        low=0,
        high=100_000,
        help="Requests that wait for one model; more: 429. 0: nobody waits.",
    )
    wait_s: float = setting(30.0, key="wait", unit="s", low=0, high=3600, help="The longest wait; then 503.")
    absent_wait_s: float = setting(
        2.0,
        key="absent_wait",
        unit="s",
        low=0,
        high=60,
        help="The longest wait for a model none of whose nodes is ready; then 503.",
    )
    absent_window_s: float = setting(
        30.0,
        key="absent_window",
        unit="s",
        low=0,
        high=3600,
        help="That wait is granted only when the model had a ready node within this time.",
    )
