from __future__ import annotations

import json
from pathlib import Path

import pytest
from loadtest.examples import result

from llmlb.errors import ConfigurationError
from llmlb.loadtest.report.document import json_report
from llmlb.loadtest.saved import load, path_of, save


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LLMLB_STATE_DIR", str(tmp_path / "state"))


def test_a_saved_run_comes_back_with_its_samples_and_settings(tmp_path: Path) -> None:
    path = save("base", json_report(result()))
    assert path == tmp_path / "state" / "loadtest" / "base.json"
    run = load("base")
    assert (run.scheduled, run.failed, run.nodes) == (60, 2, ("node-1", "node-2", "node-3"))
    assert len(run.samples["ttft"]) == 60
    assert run.samples["ttft"].failures == 2
    assert run.config["model"] == "tiny"
    assert not list(path.parent.glob(".*"))


def test_a_name_with_a_slash_or_suffix_is_a_file(tmp_path: Path) -> None:
    assert path_of("./x") == Path("x")
    assert path_of("a.json") == Path("a.json")
    for name in ("", "..", "a b", "-x"):
        with pytest.raises(ConfigurationError, match="no name"):
            path_of(name)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no load test result"),
        (b'{"kind": "LoadTest", "schema_version": 99}', "version 1"),
        (b'{"kind": "LoadTest", "schema_version": 1}', "damaged"),
    ],
)
def test_a_file_that_is_no_result_is_refused_by_name(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=complaint):
        load(str(path))


def test_a_damaged_sample_is_refused(tmp_path: Path) -> None:
    document = json.loads(json_report(result()))
    document["samples"]["ttft"]["values"] = ["fast"]
    path = tmp_path / "x.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ConfigurationError, match="no list of numbers"):
        load(str(path))


def test_missing_and_unwritable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="save one with --save"):
        load("never")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot write"):
        save(str(tmp_path / "file" / "x.json"), "{}")
