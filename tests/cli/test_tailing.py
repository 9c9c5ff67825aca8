"""Rows as they come, through restarts of the router."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from cli.command_line import Run
from cli.fake_router import Answer, Asked, FakeRouter, refusal

from llmlb_cli import tailing
from llmlb_cli.columns import Column
from llmlb_cli.exits import Failure
from llmlb_cli.output import View
from llmlb_cli.tailing import RowWriter

COLUMNS = (Column("id", "ID"), Column("note", "NOTE", wide=True))
LLMLB = [sys.executable, "-m", "llmlb_cli"]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses between two tries."""
    monkeypatch.setattr(tailing, "FIRST_PAUSE_S", 0.0)


def _written(view: View, capsys: pytest.CaptureFixture[str]) -> str:
    writer = RowWriter("ThingList", COLUMNS, view, cells={"id": 6})
    for row in ({"id": "a", "note": "=1"}, {"id": "b\x1b[2J", "note": None}):
        writer.write(row)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("view", "out"),
    [
        (View(), "ID\na\nb[2J\n"),
        (View("wide"), "ID      NOTE\na       =1\nb[2J    -\n"),
        (View("wide", headers=False), "a       =1\nb[2J    -\n"),
        (View("csv"), "id,note\na,'=1\nb[2J,\n"),
        (View("json", fields=("id",)), '{"id":"a"}\n{"id":"b\\u001b[2J"}\n'),
    ],
)
def test_rows_are_written_one_by_one_under_one_header(view: View, out: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _written(view, capsys) == out


@pytest.mark.parametrize("view", [View("yaml"), View(sort_by=("id",))])
def test_what_cannot_be_told_row_by_row_is_refused(view: View) -> None:
    with pytest.raises(Failure):
        RowWriter("ThingList", COLUMNS, view, cells={})


def _event(number: int, kind: str) -> bytes:
    change = {"kind": kind, "node_id": "gpu-1", "cause": "because", "actor": "", "at_unix_s": 60.0 + number}
    return f"id: {number}\nevent: node\ndata: {json.dumps({'change': change})}\n\n".encode()


def test_a_tail_goes_on_after_a_restart_where_it_left_off(router: FakeRouter, run: Run) -> None:
    def feed(asked: Asked) -> Answer:
        last = asked.headers.get("last-event-id", "")
        match len(router.told("GET", "/v0/events")):
            case 1:
                return Answer(200, b'id: 4\nevent: snapshot\ndata: {"nodes": []}\n\n' + _event(5, "online"))
            case 2:
                assert last == "5"
                return refusal(503, "router_draining")
            case _:
                return Answer(200, _event(5, "online") + _event(6, "offline"))

    router.answers["GET", "/v0/events"] = feed
    router.answers["GET", "/v0/events/recent"] = Answer(200, {"events": []})
    ran = run("events", "tail", "--limit", "2", "-o", "jsonl")
    assert ran.code == 0
    assert [json.loads(line)["kind"] for line in ran.out.splitlines()] == ["online", "offline"]
    assert ran.err.count("trying again") == 1
    assert "is back" in ran.err


def test_a_tail_whose_first_connection_fails_says_why(router: FakeRouter, run: Run) -> None:
    router.answers["GET", "/v0/events"] = refusal(403, "forbidden", "Not for you.")
    assert run("events", "tail").code == 5
    assert run("events", "tail", "--url", "http://127.0.0.1:1").code == 3


def test_a_session_that_ended_meanwhile_ends_the_tail(router: FakeRouter, run: Run) -> None:
    def feed(asked: Asked) -> Answer:
        is_first = len(router.told("GET", "/v0/events")) == 1
        return Answer(200, _event(5, "online")) if is_first else refusal(401, "unauthorized", "Log in.")

    router.answers["GET", "/v0/events"] = feed
    assert run("events", "tail", "-q").code == 4


def test_ctrl_c_ends_a_tail_without_a_word(router: FakeRouter) -> None:
    router.answers["GET", "/v0/requests"] = Answer(200, {"requests": [{"id": "req_1", "status": 200}]})
    words = [*LLMLB, "requests", "tail", "-o", "name"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ}) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"req_1\n"
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
    assert (child.returncode, out, err) == (130, b"", b"")


def test_a_tail_that_nobody_reads_any_more_ends_with_0(router: FakeRouter) -> None:
    router.answers["GET", "/v0/requests"] = Answer(200, {"requests": [{"id": "req_1", "status": 200}]})
    words = [*LLMLB, "requests", "tail", "-o", "name"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ}) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"req_1\n"
        child.stdout.close()  # as head does; nothing more is written
        assert child.wait(timeout=30) == 0
        assert child.stderr is not None
        assert child.stderr.read() == b""
