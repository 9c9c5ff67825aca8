"""llmlb requests list, get and tail"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import NamedTuple, cast

import pytest
from cli.command_line import Run
from cli.fake_router import Answer, Asked, FakeRouter, refusal
from hypothesis import given
from hypothesis import strategies as st

from llmlb.clock import rfc3339
from llmlb_cli.commands import requests as command
from llmlb_cli.context import Router
from llmlb_cli.spans import since_unix_s

PATH = "/v0/requests"


def _request(number: int, at: float = 0.0, **fields: object) -> dict[str, object]:
    usual: dict[str, object] = {
        "id": f"req_{number:04}",
        "at": rfc3339(at or 1_790_000_000.0 + number),
        "model": "m",
        "node_id": "gpu-1",
        "status": 200,
        "outcome": "answered",
        "stream": True,
        "queue_ms": 0.0,
        "ttft_ms": 120.0,
        "total_ms": 2000.0,
        "prompt_tokens": 12,
        "completion_tokens": 48,
        "estimated": False,
        "attempts": [],
        "error": "",
    }
    return {**usual, **fields}


def _paging(rows: list[dict[str, object]]) -> object:
    """Answers as the router does: newest first, narrowed and cut."""

    def answer(asked: Asked) -> Answer:
        since, before = float(asked.query.get("since", "-inf")), float(asked.query.get("before", "inf"))
        found = [row for row in rows if since <= since_unix_s(str(row["at"])) < before]
        return Answer(200, {"requests": found[: int(asked.query["limit"])]})

    return answer


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "POLL_S", 0.0)


def test_requests_are_told_by_where_they_went_and_how_they_ended(router: FakeRouter, run: Run) -> None:
    rows = [
        _request(2, model="q\x1b[2J", status=502, outcome="failed", node_id="", ttft_ms=None, completion_tokens=None),
        _request(1, status=0, outcome="cancelled", estimated=True, prompt_tokens=None),
    ]
    router.answers["GET", PATH] = Answer(200, {"requests": rows})
    assert run("requests", "list").out == (
        "AT                   MODEL  NODE   RESULT       TTFT  TOTAL  TOKENS\n"
        "2026-09-21 14:13:22  q[2J   -      502 failed      -  2.00s    12>-\n"
        "2026-09-21 14:13:21  m      gpu-1  cancelled   120ms  2.00s   ->~48\n"
    )


def test_what_is_asked_for_reaches_the_router(router: FakeRouter, run: Run) -> None:
    router.answers["GET", PATH] = Answer(200, {"requests": []})
    words = "--model m --node n --key k --outcome failed --status 502 --since 1970-01-01T00:01:00Z --limit 7"
    assert run("requests", "list", *words.split()).code == 0
    assert router.asked[0].query == {
        "model": "m",
        "node": "n",
        "key": "k",
        "outcome": "failed",
        "status": "502",
        "since": "60.0",
        "limit": "7",
    }
    ran = run("requests", "list", "--outcome", "fialed")
    assert (ran.code, "did you mean failed" in ran.err) == (2, True)


@pytest.mark.parametrize("limit", [1, 7, 10, 11, 25, 0])
def test_pages_are_joined_without_loss_or_repetition(
    limit: int, router: FakeRouter, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "PAGE", 10)
    # Several a second, and none of the seconds ends where a page does.
    rows = [_request(number, at=1_790_000_000.0 + number // 4) for number in range(24, 0, -1)]
    router.answers["GET", PATH] = _paging(rows)  # type: ignore[assignment]  # a Route
    shown = run("requests", "list", "--limit", str(limit), "-o", "name").out.split()
    assert shown == [str(row["id"]) for row in rows][: limit or None]


class Paged(NamedTuple):
    """A router that holds these requests, in the order in which they ended. arrivals: by id."""

    ended: list[dict[str, object]]
    arrivals: Mapping[object, float]

    def rows(self, path: str, name: str, query: Mapping[str, float | None]) -> list[dict[str, object]]:
        since, before = query.get("since") or 0.0, query.get("before") or 2e9
        found = [row for row in self.ended if since <= self.arrivals[row["id"]] < before]
        size = int(query["limit"] or 0)
        # Where the memory of a router ends and its store begins, one may come twice.
        return [*found[: size - 1], *found[:1]] if 1 < len(found) < size else found[:size]


@given(
    times=st.lists(
        st.tuples(st.integers(0, 20_000), st.sampled_from((0.1, 1.0, 60.0))),
        max_size=60,
        unique_by=lambda each: each[0],
    ),
    limit=st.sampled_from((0, 30)),
    since=st.sampled_from((None, 1_790_000_003.25)),
)
def test_long_requests_and_full_seconds_hide_nothing(
    times: list[tuple[int, float]], limit: int, since: float | None
) -> None:
    # A page holds what ended last; what came and went during a long request stands behind it.
    arrivals: dict[object, float] = {f"req_{at_ms:04}": 1_790_000_000.0 + at_ms / 1000 for at_ms, _ in times}
    by_end = sorted(times, key=lambda each: each[0] / 1000 + each[1], reverse=True)
    rows = [_request(at_ms, at=1_790_000_000.0 + at_ms / 1000, total_ms=took * 1000) for at_ms, took in by_end]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "PAGE", 8)
        found = command._pages(cast(Router, Paged(rows, arrivals)), {"since": since}, limit)
    shown = [row["id"] for row in found]
    wanted = [each for each, at in arrivals.items() if at >= (since or 0.0)]
    assert len(shown) == len(set(shown)) == min(len(wanted), limit or len(wanted))
    assert set(shown) <= set(wanted)


def test_one_request_is_shown_with_its_failed_tries(router: FakeRouter, run: Run) -> None:
    attempts = [{"node_id": "gpu-2", "reason": "least_active", "cause": "reset", "status": 0, "seconds": 0.25}]
    router.answers["GET", f"{PATH}/req_0001"] = Answer(200, _request(1, attempts=attempts, error=""))
    out = run("requests", "get", "req_0001").out
    assert "outcome            answered\n" in out
    assert "gpu-2  least_active       0  250ms  reset" in out
    assert "error" not in out
    assert json.loads(run("requests", "get", "req_0001", "-o", "json").out)["item"]["attempts"] == attempts


def test_one_request_shows_what_each_candidate_would_have_cost(router: FakeRouter, run: Run) -> None:
    costs = [
        {"node_id": "gpu-1", "total_s": 0.52, "terms": {"wait": 0.0, "pre\x1b[2Jfill": 0.12, "decode": 0.4}},
        {"node_id": "gpu-2", "total_s": 2.5, "terms": {}},
    ]
    router.answers["GET", f"{PATH}/req_0001"] = Answer(200, _request(1, costs=costs))
    out = run("requests", "get", "req_0001").out
    assert "CANDIDATE   COST  COST OF\n" in out
    assert "gpu-1      520ms  pre[2Jfill 120ms, decode 400ms\n" in out
    assert "gpu-2      2.50s  -\n" in out
    assert "total_s=" not in out
    assert json.loads(run("requests", "get", "req_0001", "-o", "json").out)["item"]["costs"][1] == costs[1]


def test_one_request_says_why_other_nodes_were_not_asked(router: FakeRouter, run: Run) -> None:
    left_out = [{"node_id": "gpu-2", "because": "at_capacity"}, {"node_id": "gpu-3", "because": "gpu"}]
    counts = {"at_capacity": 41, "gpu": 1}
    told = _request(1, eligible=2, left_out=left_out, left_out_counts=counts)
    router.answers["GET", f"{PATH}/req_0001"] = Answer(200, told)
    out = run("requests", "get", "req_0001").out
    assert "left_out_counts    at_capacity=41,gpu=1\n" in out
    assert "LEFT OUT  BECAUSE\ngpu-2     at capacity\ngpu-3     over the GPU threshold\n" in out
    assert json.loads(run("requests", "get", "req_0001", "-o", "json").out)["item"]["left_out"] == left_out
    router.answers["GET", f"{PATH}/req_0001"] = Answer(200, {**told, "left_out": [], "left_out_counts": {}})
    assert "left" not in run("requests", "get", "req_0001").out.lower()


def test_an_unknown_request_gets_the_nearest_id(router: FakeRouter, run: Run) -> None:
    router.answers["GET", PATH] = Answer(200, {"requests": [_request(1)]})
    router.answers["GET", f"{PATH}/req_0002"] = refusal(404, "request_not_found")
    ran = run("requests", "get", "req_0002")
    assert (ran.code, "did you mean req_0001" in ran.err) == (6, True)


def test_a_kept_body_becomes_a_command_that_the_shell_reads_back(router: FakeRouter, run: Run) -> None:
    body = '{"model": "m", "messages": [{"content": "it\'s $HOME `x`"}]}'
    kept = _request(1, request_body=body, endpoint="/v1/chat/completions")
    router.answers["GET", f"{PATH}/req_0001"] = Answer(200, kept)
    words = shlex.split(run("requests", "get", "req_0001", "--curl").out)
    assert words[0] == "curl"
    assert f"{router.url}/v1/chat/completions" in words
    assert words[words.index("--data-raw") + 1] == body
    router.answers["GET", f"{PATH}/req_0001"] = Answer(200, _request(1, request_body=None))
    ran = run("requests", "get", "req_0001", "--curl")
    assert (ran.code, "records.bodies" in ran.err) == (6, True)


def test_a_tail_shows_each_request_once_and_none_from_before_it_began(router: FakeRouter, run: Run) -> None:
    older, old, new, newest = _request(1), _request(2), _request(30), _request(31)

    def answer(asked: Asked) -> Answer:
        polls = [[old], [old], [new, old, older], [newest, new, old]]
        return Answer(200, {"requests": polls[min(len(router.told("GET", PATH)), len(polls)) - 1]})

    router.answers["GET", PATH] = answer
    assert run("requests", "tail", "--limit", "3", "-o", "name").out.split() == ["req_0002", "req_0030", "req_0031"]
    router.asked.clear()
    assert run("requests", "tail", "--last", "0", "--limit", "1", "-o", "name").out.split() == ["req_0030"]


def test_a_burst_beyond_a_page_is_asked_for_again_and_what_is_lost_is_said(
    router: FakeRouter, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "POLLED_ROWS", 2)
    monkeypatch.setattr(command, "PAGE", 4)

    def answer(asked: Asked) -> Answer:
        times = len(router.told("GET", PATH))
        rows = [_request(1)] if times == 1 else [_request(number) for number in range(20, 10, -1)]
        return Answer(200, {"requests": rows[: int(asked.query["limit"])]})

    router.answers["GET", PATH] = answer
    ran = run("requests", "tail", "--limit", "5", "-o", "name")
    assert ran.out.split() == ["req_0001", "req_0017", "req_0018", "req_0019", "req_0020"]
    assert "some are not shown" in ran.err
