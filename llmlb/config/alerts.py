"""The section of config.toml about alerts: where they begin, and who is told besides the log."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from llmlb.config.declaration import setting


class Severity(StrEnum):
    """How much an alert matters, the least first."""

    WARNING = "warning"
    """Look at it today."""
    CRITICAL = "critical"
    """Requests fail, or soon will."""


@dataclass(frozen=True, slots=True)
class AlertsSettings:
    """When an alert fires, and who is told besides the log."""

    webhook: str = setting(
        "",
        secret=True,
        form="http://... or https://...",
        help="Alerts are POSTed here as JSON; empty: nowhere.",
    )
    command: tuple[str, ...] = setting(
        (),
        form="a program and its arguments",
        help="Run for alerts, without a shell, with the same JSON on its standard input; empty: none.",
    )
    severity: Severity = setting(  # noqa: RUF009  it declares, as all the others do
        Severity.WARNING, help="The least severe alert that the webhook and the command are told."
    )
    debounce_s: float = setting(
        5.0,
        key="debounce",
        unit="s",
        low=0,
        high=600,
        help="Alerts are gathered for so long before the webhook and the command are told: an outage is one message, "
        "and what was over by then is none.",
    )
    timeout_s: float = setting(
        10.0,
        key="timeout",
        unit="s",
        low=1,
        high=120,
        dev_low=0.1,
        help="How long the webhook may take to answer, and the command to end; it is killed then.",
    )
    pending_s: float = setting(
        600.0,
        key="pending",
        unit="s",
        low=1,
        high=604_800,
        help="pending_long fires when a node has waited so long for approval.",
    )
    temperature_c: float = setting(
        85.0,
        key="temperature",
        unit="degrees C",
        low=30,
        high=150,
        help="temperature fires from here on, and is over 5 degrees below.",
    )
    error_percent: float = setting(
        5.0,
        unit="%",
        low=0,
        high=100,
        help="error_rate fires when a larger share of the last minute's requests failed.",
    )
    error_requests: int = setting(
        20,
        unit="requests",
        low=1,
        high=1_000_000,
        help="Fewer requests in the last minute say nothing about the error rate.",
    )
    queue_depth: int = setting(
        10,
        unit="requests",
        low=0,
        high=100_000,
        help="queue_growing fires when more requests wait for one model.",
    )
