"""Processor and memory of this machine, or nothing where the system hides them."""

from __future__ import annotations

import psutil
import pytest

from llmlb.agent.host import Host


def test_figures_are_percentages() -> None:
    report = Host().report()
    assert report is not None
    assert 0 <= report.cpu_usage <= 100
    assert 0 < report.memory_usage <= 100


def test_an_overshooting_counter_stays_a_percentage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "cpu_percent", lambda interval: 100.7)
    report = Host().report()
    assert report is not None
    assert report.cpu_usage == 100.0


def test_a_system_that_hides_its_figures_costs_only_them(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host()

    def hidden() -> None:
        raise PermissionError("/proc/meminfo")

    monkeypatch.setattr(psutil, "virtual_memory", hidden)
    assert host.report() is None


def test_there_is_at_least_one_core() -> None:
    assert Host().cores >= 1
