from __future__ import annotations

import logging

import pytest

from llmlb.core.change import ChangeKind
from llmlb.core.node import NodeId
from llmlb.telemetry.events import FleetEvent, log_change
from llmlb.telemetry.subscription import FeedEventType


def event(kind: ChangeKind, node_id: str = "node-1", actor: str = "") -> FleetEvent:
    return FleetEvent(1, 0.0, FeedEventType.NODE, kind, NodeId(node_id), "because", actor, {})


@pytest.mark.parametrize("kind", ChangeKind)
def test_every_change_has_a_line(kind: ChangeKind, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log_change(event(kind))
    [record] = caplog.records
    assert record.__dict__["node_id"] == "node-1"
    assert record.__dict__["cause"] == "because"


def test_trouble_is_a_warning_and_its_end_is_not(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for kind in (ChangeKind.OFFLINE, ChangeKind.ONLINE, ChangeKind.MASS_SILENCE_BEGAN):
        log_change(event(kind))
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "ERROR"]


def test_a_change_that_nobody_made_names_nobody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log_change(event(ChangeKind.SETTINGS, node_id="", actor="alice"))
    [record] = caplog.records
    assert record.__dict__["actor"] == "alice"
    assert "node_id" not in record.__dict__
