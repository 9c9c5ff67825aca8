"""What an agent keeps between runs: per router and engine, for its owner alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmlb.agent.state import Membership, StateFile
from llmlb.errors import ConfigurationError


def file_in(directory: Path, *, router: str = "http://r:1", engine_url: str = "http://e:1") -> StateFile:
    return StateFile(directory / "state", router=router, engine_url=engine_url)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    file_in(tmp_path).save("node-1", "nt_x")
    assert file_in(tmp_path).load() == Membership("http://r:1", "http://e:1", "node-1", "nt_x")


def test_nothing_saved_is_nothing_known(tmp_path: Path) -> None:
    assert file_in(tmp_path).load() is None


def test_two_routers_or_engines_share_a_file(tmp_path: Path) -> None:
    files = [
        file_in(tmp_path),
        file_in(tmp_path, router="http://other:1"),
        file_in(tmp_path, engine_url="http://other:1"),
    ]
    assert len({file.path for file in files}) == 3


def test_the_file_is_for_its_owner_alone_and_no_draft_is_left(tmp_path: Path) -> None:
    file = file_in(tmp_path)
    file.save("node-1", "nt_x")
    file.save("node-1", "nt_y")
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert list(file.path.parent.iterdir()) == [file.path]


def test_a_file_that_others_read_is_refused(tmp_path: Path) -> None:
    file = file_in(tmp_path)
    file.save("node-1", "nt_x")
    file.path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        file.load()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"node_id": 7}', '{"node_token": "nt_x"}'])
def test_a_damaged_file_is_named_with_the_way_out(tmp_path: Path, content: str) -> None:
    file = file_in(tmp_path)
    file.save("node-1", "nt_x")
    file.path.write_text(content)
    with pytest.raises(ConfigurationError, match="Remove it"):
        file.load()


def test_the_token_stays_out_of_logs() -> None:
    assert "nt_x" not in repr(Membership("r", "e", "node-1", "nt_x"))
