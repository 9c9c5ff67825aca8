"""One router per data directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmlb.errors import StoreBusy, StoreError
from llmlb.store.lock import DirectoryLock


def test_a_second_router_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    first = DirectoryLock(tmp_path / "llmlb.db.lock")
    with pytest.raises(StoreBusy, match=rf"process {os.getpid()}\).*--data-dir"):
        DirectoryLock(tmp_path / "llmlb.db.lock")
    first.release()


def test_the_lock_is_free_again_after_release(tmp_path: Path) -> None:
    DirectoryLock(tmp_path / "llmlb.db.lock").release()
    DirectoryLock(tmp_path / "llmlb.db.lock").release()


def test_a_lock_that_cannot_be_made_names_its_path(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"absent/x\.lock"):
        DirectoryLock(tmp_path / "absent" / "x.lock")
