"""Fixtures of the load test's tests."""

from __future__ import annotations

import math

import pytest

from llmlb.loadtest import honesty


@pytest.fixture
def busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Client and server share one loop here, beside other tests: how late they are says nothing about the code."""
    monkeypatch.setattr(honesty, "MAX_LAG_S", math.inf)
    monkeypatch.setattr(honesty, "MAX_CPU_SHARE", math.inf)
