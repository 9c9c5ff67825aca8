"""The settings as the parts of the router take them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from llmlb.config.settings import AlertsSettings, Settings
from llmlb.core.balancer import QueueRules
from llmlb.core.circuit import CircuitRules
from llmlb.core.fleet import FleetRules
from llmlb.core.retry import RetryRules
from llmlb.errors import ConfigurationError
from llmlb.telemetry.alert_rules import AlertLimits
from llmlb.telemetry.alert_sinks import AlertSink, CommandSink, WebhookSink
from llmlb.telemetry.alert_telling import AlertCourier, AlertTeller


def fleet_rules(settings: Settings) -> FleetRules:
    circuit = settings.circuit
    return FleetRules(
        node_timeout_s=settings.health.node_timeout_s,
        check_interval_s=settings.health.check_interval_s,
        pending_expiry_s=settings.registration.pending_hours * 3600.0,
        circuit=CircuitRules(
            consecutive_failures=circuit.consecutive_failures,
            success_percent=circuit.success_percent,
            minimum_requests=circuit.minimum_requests,
            window_s=circuit.window_s,
            base_s=circuit.base_s,
            cap_s=circuit.cap_s,
            jitter_percent=circuit.jitter_percent,
            probe_successes=circuit.probe_successes,
            slow_start_s=circuit.slow_start_s,
            max_ejected_percent=circuit.max_ejected_percent,
        ),
    )


def queue_rules(settings: Settings) -> QueueRules:
    queue = settings.queue
    return QueueRules(queue.per_model, queue.wait_s, queue.absent_wait_s, queue.absent_window_s)


def retry_rules(settings: Settings) -> RetryRules:
    retry = settings.retry
    return RetryRules(
        attempts=retry.attempts,
        budget_percent=retry.budget_percent,
        budget_minimum=retry.budget_minimum,
        budget_window_s=retry.budget_window_s,
        longest_rest_s=retry.longest_rest_s,
    )


def alert_limits(settings: AlertsSettings) -> AlertLimits:
    return AlertLimits(
        queue_depth=settings.queue_depth,
        error_percent=settings.error_percent,
        error_requests=settings.error_requests,
        temperature_c=settings.temperature_c,
        pending_s=settings.pending_s,
    )


def alert_teller(settings: AlertsSettings) -> AlertTeller:
    """Who is told about alerts. Raises ConfigurationError for a command that is not there."""
    return AlertTeller(
        [
            AlertCourier(sink, severity=settings.severity, debounce_s=settings.debounce_s)
            for sink in _alert_sinks(settings)
        ]
    )


def _alert_sinks(settings: AlertsSettings) -> Iterator[AlertSink]:
    if settings.webhook:
        yield WebhookSink(settings.webhook, timeout_s=settings.timeout_s)
    if settings.command:
        program = settings.command[0]
        if shutil.which(program) is None:
            raise ConfigurationError(
                f"alerts.command: there is no program {program[:100]!r} that may be run. Give its whole path, and make "
                "it executable."
            )
        yield CommandSink(settings.command, timeout_s=settings.timeout_s)
