from __future__ import annotations

from dataclasses import asdict

import pytest

from llmlb.config.settings import AlertsSettings
from llmlb.errors import ConfigurationError
from llmlb.runtime.rules import alert_limits, alert_teller
from llmlb.telemetry.alert_rules import AlertLimits


def test_rules_begin_where_the_settings_say() -> None:
    settings = AlertsSettings(queue_depth=1, error_percent=2.0, error_requests=3, temperature_c=40.0, pending_s=5.0)
    assert asdict(alert_limits(settings)) == {
        "queue_depth": 1,
        "error_percent": 2.0,
        "error_requests": 3,
        "temperature_c": 40.0,
        "pending_s": 5.0,
    }
    assert alert_limits(AlertsSettings()) == AlertLimits()


def test_nobody_but_the_log_is_told_unless_it_is_asked_for() -> None:
    assert alert_teller(AlertsSettings()).couriers == ()


def test_a_command_that_is_not_there_stops_the_start() -> None:
    with pytest.raises(ConfigurationError, match=r"alerts\.command: there is no program '/nonexistent/pager'"):
        alert_teller(AlertsSettings(command=("/nonexistent/pager",)))
