"""Everything llmlb remembers: two SQLite files in the data directory, and the only place that talks SQL.

``llmlb.db`` holds what an operator acknowledged (nodes, keys, users, settings, audit) and survives a power
cut once the call returned. ``runtime.db`` holds request records (in packs), counters and events, written behind in
batches. All SQL runs on one thread; callers wait at most for their deadline, the inference path never waits.

The rows are importable without SQLAlchemy; naming ``Store`` here loads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmlb.store.store import Store

__all__ = ["Store"]


def __getattr__(name: str) -> object:
    if name == "Store":
        from llmlb.store.store import Store

        return Store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
