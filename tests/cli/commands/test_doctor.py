"""llmlb doctor"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.command_line import Run
from cli.fake_router import Answer, FakeRouter, node

from llmlb import __version__
from llmlb.store import Store

SNAPSHOT = b"id: 1\nevent: snapshot\ndata: {}\n\n"


@pytest.fixture
def fleet(router: FakeRouter, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRouter]:
    """A router on this machine with what the checks ask for; its nodes' engines are never dialled."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("LLMLB_PORT", router.url.rpartition(":")[2])
    router.answers["GET", "/health/live"] = Answer(200, {}, (("x-llmlb-request-id", "1"),))
    router.answers["GET", "/v0/status"] = Answer(200, {"version": __version__, "uptime_seconds": 5.0})
    router.answers["GET", "/v0/requests"] = Answer(200, {"requests": []})
    router.answers["GET", "/v0/load-balancer/stats"] = Answer(200, {"reasons": {}})
    router.answers["GET", "/v0/events"] = Answer(200, SNAPSHOT)
    router.add(node("gpu-1"))
    with Store.open(home / "data"):
        yield router


def test_where_nothing_is_wrong_it_says_so_and_ends_with_0(fleet: FakeRouter, run: Run) -> None:
    ran = run("doctor", "--no-engines")
    assert ran == (0, f"{fleet.url}, 1 node: 38 checks, nothing wrong was found\n", "")


def test_a_finding_is_told_with_its_remedy_and_ends_with_10(fleet: FakeRouter, run: Run) -> None:
    fleet.add(node("gpu-2\x1b[2J", state="offline", url="http://10.0.0.9:8000"))
    ran = run("doctor", "--no-engines")
    assert ran.code == 10
    assert ran.out.startswith("critical: node_offline, gpu-2[2J\n  gpu-2[2J is Offline\n  fix: start the engine at ")
    document = json.loads(run("doctor", "--no-engines", "-o", "json").out)
    assert document["kind"] == "FindingList"
    assert {name: document["items"][0][name] for name in ("check", "severity", "subject")} == {
        "check": "node_offline",
        "severity": "critical",
        "subject": "gpu-2[2J",
    }
    assert "node_offline" in document["meta"]["checked"]
    assert run("doctor", "--no-engines", "-o", "name").out == "node_offline\n"


def test_a_wrong_configuration_is_a_finding_and_not_the_end(
    fleet: FakeRouter, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMLB_GPU_THRESHOLD", "lots")
    ran = run("doctor", "--no-engines", "-o", "json")
    assert ran.code == 10
    assert [item["check"] for item in json.loads(ran.out)["items"]] == ["configuration"]


def test_what_could_not_be_checked_is_named_with_the_reason(fleet: FakeRouter, run: Run) -> None:
    ran = run("doctor", "--url", "http://127.0.0.1:1")
    assert ran.code == 10
    assert "not checked: version_skew" in ran.err
    assert "(the router does not answer)" in ran.err
    assert run("doctor", "--url", "http://127.0.0.1:1", "-q").err == ""


def test_asking_makes_no_data_directory(run: Run, home: Path) -> None:
    assert run("doctor", "--url", "http://127.0.0.1:1").code == 10
    assert not (home / "data").exists()
