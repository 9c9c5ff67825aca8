"""Every way through the data path, for the tests of its behaviour."""

from __future__ import annotations

import pytest

from llmlb.proxy import pending


@pytest.fixture(params=["fast", "batched", "asgi"])
def fast(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether requests take the fast path. batched: with every write waiting for the end of its turn."""
    if request.param == "batched":
        monkeypatch.setattr(pending, "FEW_EXCHANGES", 0)
    return bool(request.param != "asgi")
