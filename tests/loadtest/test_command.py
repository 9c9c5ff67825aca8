from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from loadtest.scripted import Chat, Request, Server, serving

from llmlb.errors import ClientError, ConfigurationError
from llmlb.loadtest.command import compare_saved, perform
from llmlb.loadtest.job import Job, Screen
from llmlb.loadtest.target import Target
from llmlb.loadtest.typed import Typed

pytestmark = pytest.mark.usefixtures("busy_machine")


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LLMLB_STATE_DIR", str(tmp_path))


@dataclass
class Paper:
    """What the command wrote."""

    out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def screen(self) -> Screen:
        return Screen(write=self.out.append, note=self.notes.append, is_terminal=False)

    @property
    def text(self) -> str:
        return "".join(self.out)


def go(
    script: Chat | Callable[[Request], Chat],
    *,
    prepare: Callable[[Server], None] = lambda server: None,
    api_key: str = "",
    typed: Typed | None = None,
    **settings: object,
) -> tuple[int, Paper, Server]:
    paper = Paper()

    async def main() -> tuple[int, Server]:
        async with serving(script) as server:
            prepare(server)
            job = Job(typed=typed or Typed(), target=Target(server.url, api_key=api_key))
            job = replace(job, **settings)  # type: ignore[arg-type]  # a shorthand of these tests
            return await perform(job, paper.screen), server

    code, server = asyncio.run(main())
    return code, paper, server


def test_a_plain_run_prints_the_success_line_first_and_nothing_on_the_side() -> None:
    code, paper, _ = go(Chat())
    assert (code, paper.notes) == (0, [])
    assert paper.text.startswith("Success: 30/30  PASS\n")


def test_every_format_can_go_to_a_file_and_to_stdout(tmp_path: Path) -> None:
    kinds = ("json", "ndjson", "csv", "md", "junit")
    code, paper, _ = go(Chat(), files=tuple((kind, str(tmp_path / kind)) for kind in kinds))
    assert code == 0
    assert paper.text.startswith("Success")
    assert all((tmp_path / kind).stat().st_size > 100 for kind in kinds)
    assert len((tmp_path / "ndjson").read_text().splitlines()) == 30
    _, paper, _ = go(Chat(), files=(("csv", "-"),))
    assert paper.text.startswith("index,")
    assert "Success" not in paper.text
    _, paper, _ = go(Chat(), output="json")
    assert json.loads(paper.text)["totals"]["ok"] == 30


def test_the_stream_begins_with_a_start_and_ends_with_the_result() -> None:
    _, paper, _ = go(Chat(), output="ndjson")
    lines = [json.loads(line) for line in paper.text.splitlines()]
    assert (lines[0]["type"], lines[-1]["type"]) == ("start", "result")
    assert sum(line["type"] == "request" for line in lines) == 30
    assert lines[-1]["meta"]["exit_code"] == 0


def test_the_stream_names_the_gates_and_ends_with_the_comparison() -> None:
    go(Chat(), save="base")
    _, paper, _ = go(Chat(), typed=Typed(fail_if=("errors>0",)), baseline="base", output="ndjson")
    lines = [json.loads(line) for line in paper.text.splitlines()]
    assert lines[0]["gates"] == ["errors>0"]
    assert [line["type"] for line in lines[-2:]] == ["result", "comparison"]
    assert lines[-1]["before"] == "base"
    assert {row["metric"] for row in lines[-1]["rows"]} <= {"ttft", "tpot", "e2e"}
    assert lines[-1]["errors"] == {"before": 0.0, "after": 0.0, "verdict": "no difference"}


def test_a_mistyped_gate_is_told_before_the_run_and_fails_after_it() -> None:
    code, paper, server = go(Chat(), typed=Typed(fail_if=("p90_tttf>1s",)))
    assert code == 10
    assert len(server.chats) == 30
    assert paper.notes[0].startswith("warning: the gate 'p90_tttf>1s' will fail")


def test_a_baseline_that_is_worse_fails_only_when_asked_to(tmp_path: Path) -> None:
    typed = Typed(requests=60, concurrency=4)
    assert go(Chat(), typed=typed, save="base")[0] == 0
    slow = Chat(ttft_s=0.05)
    assert go(slow, typed=typed, baseline="base")[0] == 0
    code, paper, _ = go(slow, typed=typed, baseline="base", fail_if_worse=0.1)
    assert code == 10
    assert "✘ worse" in paper.text
    assert go(Chat(), typed=typed, baseline="base", fail_if_worse=50.0)[0] == 0


def test_runs_that_are_not_alike_are_compared_only_by_force() -> None:
    go(Chat(), save="base")
    other = Typed(requests=31)
    sent: list[Server] = []
    with pytest.raises(ConfigurationError, match=r"base and this run are not alike \(load\)"):
        go(Chat(), typed=other, baseline="base", prepare=sent.append)
    assert sent[0].chats == [], "a long run must not end in a refusal that was certain before it"
    assert go(Chat(), typed=other, baseline="base", force=True)[0] == 0


def test_two_saved_runs_are_compared_as_text_or_markdown() -> None:
    go(Chat(), save="a")
    go(Chat(), save="b")
    paper = Paper()
    assert compare_saved("a", "b", markdown=False, force=False, screen=paper.screen) == 0
    assert paper.text.startswith("a → b\n")
    assert compare_saved("a", "b", markdown=True, force=False, screen=paper.screen) == 0
    assert "| a | b |" in paper.text


def test_a_missing_baseline_is_told_before_anything_is_sent() -> None:
    with pytest.raises(ConfigurationError, match="save one with --save"):
        go(Chat(), baseline="never")


def with_node(server: Server) -> None:
    node = {"id": "n1", "url": server.url, "state": "online", "loaded_models": ["m"]}
    server.replies["GET /v0/nodes"] = (200, {"nodes": [node]})


def test_direct_pairs_pin_the_routers_side_to_the_node() -> None:
    def script(request: Request) -> Chat:
        return Chat(headers=(("x-llmlb-node", request.headers.get("x-llmlb-pin", "")),))

    code, paper, server = go(script, prepare=with_node, api_key="sk-admin", vs="direct", typed=Typed(requests=10))
    assert code == 0
    assert "10 pairs, http://127.0.0.1:" in paper.text
    pins = [(request.headers.get("x-llmlb-pin"), request.headers.get("authorization")) for request in server.chats]
    assert sorted(set(pins), key=str) == [("n1", "Bearer sk-admin"), (None, None)]


def test_direct_without_a_node_list_says_what_it_needs() -> None:
    with pytest.raises(ClientError, match="needs an llmlb router and an admin's credential"):
        go(Chat(), vs="direct")


def test_two_policies_are_two_sides_and_one_is_a_header() -> None:
    _, paper, server = go(Chat(), policies=("metrics", "round_robin"), typed=Typed(requests=4))
    assert "4 pairs" in paper.text
    assert sorted(str(r.headers.get("x-llmlb-policy")) for r in server.chats) == ["metrics"] * 4 + ["round_robin"] * 4
    _, _, server = go(Chat(), policies=("metrics",), pin="n1", typed=Typed(requests=2))
    assert {(r.headers["x-llmlb-policy"], r.headers["x-llmlb-pin"]) for r in server.chats} == {("metrics", "n1")}
    with pytest.raises(ConfigurationError, match="choose one"):
        go(Chat(), policies=("a", "b"), vs="http://127.0.0.1:1")
    with pytest.raises(ConfigurationError, match="not more"):
        go(Chat(), policies=("a", "b", "c"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_the_partial_result(number: signal.Signals, code: int, tmp_path: Path) -> None:
    def script(request: Request) -> Chat:
        if request.number == 12:
            os.kill(os.getpid(), number)
        return Chat() if request.number < 12 else Chat(fault="hang")

    found, paper, _ = go(script, typed=Typed(requests=500, concurrency=2), save="partial")
    assert found == code
    assert paper.text.startswith("Success: 12/12  INTERRUPTED (partial result)\n")
    assert json.loads((tmp_path / "loadtest" / "partial.json").read_text())["meta"]["interrupted"] is True
