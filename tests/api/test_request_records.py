"""Request records: the recent ones at once, older ones from the store, contents for nobody who may not see them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from api.rig import Rig, error_of, play
from msgspec import structs
from store.sample import FULL

from llmlb.core.choice import Cost
from llmlb.core.lineup import NAMED_NODES, LeftOut, Lineup
from llmlb.core.node import NodeId
from llmlb.core.record import AttemptRecord, ExchangeOutcome, ExchangeRecord
from llmlb.errors import StoreBusy
from llmlb.store.rows import BodyRow
from llmlb.telemetry.requests import RequestLog
from llmlb.wire.records import RequestDetail


def record(number: int, **fields: Any) -> ExchangeRecord:
    given = ExchangeRecord(id=f"r{number}", at_unix_s=1_790_000_000.0 + number, model="m", node_id="node-1")
    for name, value in fields.items():
        setattr(given, name, value)
    return given


async def listed(rig: Rig, query: str = "") -> list[str]:
    answer = await rig.ask("GET", f"/v0/requests{query}", token=rig.viewer)
    assert answer.status_code == 200, answer.text
    return [request["id"] for request in answer.json()["requests"]]


def test_recent_requests_come_newest_first_and_narrowed(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        for number in range(4):
            rig.services.requests.add(record(number, model=f"m{number % 2}", status=200 + number))
        assert await listed(rig) == ["r3", "r2", "r1", "r0"]
        assert await listed(rig, "?limit=2") == ["r3", "r2"]
        assert await listed(rig, "?model=m1") == ["r3", "r1"]
        assert await listed(rig, "?status=202") == ["r2"]
        assert await listed(rig, "?node=node-2") == []
        assert await listed(rig, "?before=1790000002") == ["r1", "r0"]
        assert await listed(rig, "?since=1790000002") == ["r3", "r2"]

    play(tmp_path, scenario)


def test_older_requests_come_from_the_store_without_repeats(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.services.store.enqueue_requests(record(number) for number in range(5))
        await rig.services.store.flush()
        for number in (3, 4):
            rig.services.requests.add(record(number))
        assert await listed(rig) == ["r4", "r3", "r2", "r1", "r0"]
        assert await listed(rig, "?limit=3") == ["r4", "r3", "r2"]
        assert await listed(rig, "?before=1790000002") == ["r1", "r0"]

    play(tmp_path, scenario)


def test_a_long_request_hides_none_that_came_and_went_meanwhile(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.services.store.enqueue_requests(record(number) for number in range(6))
        await rig.services.store.flush()
        rig.services.requests = RequestLog(capacity=2)
        for number in (2, 3, 4, 5, 1):
            rig.services.requests.add(record(number))
        assert await listed(rig) == ["r5", "r4", "r3", "r2", "r1", "r0"]
        assert await listed(rig, "?limit=1") == ["r5"]
        assert await listed(rig, "?limit=2") == ["r5", "r4"]
        assert await listed(rig, "?limit=3") == ["r5", "r4", "r3"]

    play(tmp_path, scenario)


def test_stuck_store_still_shows_the_recent_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(rig: Rig) -> None:
        async def refuse(*_: object, **__: object) -> None:
            raise StoreBusy

        monkeypatch.setattr(rig.services.store, "list_requests", refuse)
        rig.services.requests.add(record(1))
        assert await listed(rig) == ["r1"]

    play(tmp_path, scenario)


def test_one_request_tells_every_try(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        attempts = (AttemptRecord("node-2", "least_active", "refused", 0, 0.0012345), AttemptRecord("node-1", "retry"))
        given = record(
            1,
            attempts=attempts,
            outcome=ExchangeOutcome.ANSWERED,
            status=200,
            ttft_s=0.25,
            total_s=1.5,
            queue_s=0.01,
            prompt_tokens=7,
            completion_tokens=9,
            key_id="key_1",
            key_name="ci",
            reason="retry",
            endpoint="/v1/chat/completions",
        )
        rig.services.requests.add(given)
        shown = (await rig.ask("GET", "/v0/requests/r1", token=rig.viewer)).json()
        RequestDetail.model_validate(shown)
        assert [(attempt["node_id"], attempt["cause"]) for attempt in shown["attempts"]] == [
            ("node-2", "refused"),
            ("node-1", ""),
        ]
        assert (shown["ttft_ms"], shown["total_ms"], shown["queue_ms"]) == (250.0, 1500.0, 10.0)
        assert (shown["key_name"], shown["outcome"], shown["reason"]) == ("ci", "answered", "retry")

    play(tmp_path, scenario)


def test_stored_request_is_shown_after_a_restart(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.services.store.enqueue_requests([record(1, attempts=(AttemptRecord("node-1", "retry"),))])
        await rig.services.store.flush()
        shown = (await rig.ask("GET", "/v0/requests/r1", token=rig.viewer)).json()
        assert set(shown) == set(RequestDetail.model_fields)
        assert shown["attempts"][0]["reason"] == "retry"

    play(tmp_path, scenario)


EVERYTHING = structs.replace(
    FULL,
    id="r7",
    at_unix_s=1_790_000_007.0,
    key_name="ci \N{SNOWMAN}",
    queue_s=0.0123456,
    ttft_s=0.2512345,
    total_s=1.5012345,
    overhead_s=0.0001234,
    attempts=(AttemptRecord("node-2", "least_active", "refused", 0, 0.0012345),),
)


def test_a_request_tells_the_same_from_memory_and_after_a_restart(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.services.requests.add(EVERYTHING)
        page = await rig.ask("GET", "/v0/requests/r7", token=rig.viewer)
        line = await rig.ask("GET", "/v0/requests", token=rig.viewer)
        rig.services.store.enqueue_requests(rig.services.requests.take_batch())
        await rig.services.store.flush()
        rig.services.requests = RequestLog()
        assert (await rig.ask("GET", "/v0/requests/r7", token=rig.viewer)).content == page.content
        assert (await rig.ask("GET", "/v0/requests", token=rig.viewer)).content == line.content
        detail = page.json()
        told = {name for name, field in RequestDetail.model_fields.items() if detail[name] not in (None, "", 0, [], {})}
        assert set(RequestDetail.model_fields) - told == {
            "request_body",
            "response_body",
            "request_body_cut",
            "response_body_cut",
        }, "this record leaves nothing at its default, or the comparison would say little"
        assert detail["left_out"] == [
            {"node_id": "node-3", "because": "draining"},
            {"node_id": "node-4", "because": "model_missing"},
        ]
        assert (detail["eligible"], detail["left_out_counts"]) == (2, {"draining": 1, "model_missing": 1})

    play(tmp_path, scenario)


def test_of_many_nodes_that_were_left_out_some_are_named_and_all_counted(tmp_path: Path) -> None:
    names = tuple(NodeId(f"n{number}") for number in range(NAMED_NODES))

    async def scenario(rig: Rig) -> None:
        serving = LeftOut(names, ("at_capacity",) * NAMED_NODES, {"at_capacity": 900})
        others = LeftOut(names, ("pending",) * NAMED_NODES, {"pending": NAMED_NODES})
        rig.services.requests.add(record(1, lineup=Lineup(0, serving, others)))
        shown = (await rig.ask("GET", "/v0/requests/r1", token=rig.viewer)).json()
        assert [each["node_id"] for each in shown["left_out"]] == list(names)
        assert shown["left_out_counts"] == {"at_capacity": 900, "pending": NAMED_NODES}

    play(tmp_path, scenario)


def test_unknown_request_is_404(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        answer = await rig.ask("GET", "/v0/requests/nothing", token=rig.viewer)
        assert (answer.status_code, error_of(answer)["code"]) == (404, "request_not_found")

    play(tmp_path, scenario)


def test_contents_are_for_administrators_and_never_in_the_list(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        said = BodyRow(request_id="r1", at=1_790_000_001.0, prompt=b"my secret \xff", answer=b"its", answer_cut=True)
        rig.services.store.enqueue_bodies([said])
        rig.services.store.enqueue_requests([ExchangeRecord(id="old", at_unix_s=1.0)])
        rig.services.store.enqueue_bodies([replace(said, request_id="old")])
        await rig.services.store.flush()
        rig.services.requests.add(record(1))
        for request_id in ("r1", "old"):
            shown = (await rig.ask("GET", f"/v0/requests/{request_id}", token=rig.admin)).json()
            assert (shown["request_body"], shown["response_body"]) == ("my secret \N{REPLACEMENT CHARACTER}", "its")
            assert (shown["request_body_cut"], shown["response_body_cut"]) == (False, True)
            viewed = await rig.ask("GET", f"/v0/requests/{request_id}", token=rig.viewer)
            assert viewed.status_code == 200
            assert "secret" not in viewed.text
        assert "secret" not in (await rig.ask("GET", "/v0/requests", token=rig.admin)).text

    play(tmp_path, scenario)


def test_costs_of_the_candidates_are_shown_now_and_after_a_restart(tmp_path: Path) -> None:
    cost = Cost(NodeId("node-1"), 1.25, {"queue": 1.0, "decode": 0.25})
    expected = [{"node_id": "node-1", "total_s": 1.25, "terms": {"queue": 1.0, "decode": 0.25}}]

    async def scenario(rig: Rig) -> None:
        rig.services.requests.add(record(1, costs=(cost,)))
        rig.services.store.enqueue_requests([record(2, costs=(cost,))])
        await rig.services.store.flush()
        for request_id in ("r1", "r2"):
            shown = (await rig.ask("GET", f"/v0/requests/{request_id}", token=rig.viewer)).json()
            assert shown["costs"] == expected

    play(tmp_path, scenario)


def test_filter_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    queries = ("limit=0", "limit=1001", "limit=x", "status=-1", "before=nan", "since=inf", "model=" + "m" * 257)

    async def scenario(rig: Rig) -> None:
        for query in queries:
            answer = await rig.ask("GET", f"/v0/requests?{query}", token=rig.viewer)
            assert (answer.status_code, error_of(answer)["param"]) == (422, query.partition("=")[0])

    play(tmp_path, scenario)
