"""A store in an empty directory, closed with the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmlb.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    # A long interval: what a test enqueues is written when the test says so.
    with Store.open(tmp_path, deadline_s=5.0, flush_interval_s=3600.0) as opened:
        yield opened
