from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from api.rig import QuickHasher

from llmlb.auth.passwords import Passwords
from llmlb.config.secrets_file import create_secret_file
from llmlb.runtime.bootstrap import PASSWORD_FILE, forget_generated_password
from llmlb.store.rows import UserRow

GENERATED = "abcde-fghjk"


def forget(directory: Path, password: str) -> None:
    """Tells that a user's password, this one, no longer counts."""

    async def main() -> None:
        passwords = Passwords(QuickHasher())
        try:
            before = UserRow(
                id="u", username="u", password_hash=await passwords.hash(password), role="admin", created_at=0.0
            )
            await forget_generated_password(directory, before, passwords)
        finally:
            passwords.close()

    asyncio.run(main())


def test_the_generated_password_goes_with_its_user_and_no_other(tmp_path: Path) -> None:
    forget(tmp_path, GENERATED)
    create_secret_file(tmp_path / PASSWORD_FILE, GENERATED)
    forget(tmp_path, "somebody else's")
    assert (tmp_path / PASSWORD_FILE).exists()
    forget(tmp_path, GENERATED)
    assert not (tmp_path / PASSWORD_FILE).exists()


def test_a_file_that_cannot_be_removed_is_logged_and_keeps_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_secret_file(tmp_path / PASSWORD_FILE, GENERATED)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(Path, "unlink", refuse)
    forget(tmp_path, GENERATED)
    [record] = caplog.records
    assert (record.levelno, record.__dict__["path"]) == (logging.WARNING, str(tmp_path / PASSWORD_FILE))
    assert GENERATED not in caplog.text
