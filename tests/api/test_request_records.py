"""Request records: the recent ones at once, older ones from the store, contents for nobody who may not see them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from api.rig import Rig, error_of, play

from llmlb.config.sections import RecordsSettings
from llmlb.config.settings import Settings
from llmlb.errors import StoreBusy
from llmlb.store.rows import RequestRow
from llmlb.telemetry.requests import AttemptRecord, ExchangeOutcome, ExchangeRecord
from llmlb.wire.records import RequestDetail, RequestView


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
        rows = [RequestRow(id=f"r{number}", at=1_790_000_000.0 + number, model="m") for number in range(5)]
        rig.services.store.enqueue_requests(rows)
        await rig.services.store.flush()
        for number in (3, 4):
            rig.services.requests.add(record(number))
        assert await listed(rig) == ["r4", "r3", "r2", "r1", "r0"]
        assert await listed(rig, "?limit=3") == ["r4", "r3", "r2"]
        assert await listed(rig, "?before=1790000002") == ["r1", "r0"]

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
        attempts = [AttemptRecord("node-2", "least_active", "refused", 0, 0.0012345), AttemptRecord("node-1", "retry")]
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
    row = RequestRow(
        id="old", at=1.0, model="m", node_id="node-1", attempts_json='[{"node_id": "node-1", "reason": "retry"}]'
    )

    async def scenario(rig: Rig) -> None:
        rig.services.store.enqueue_requests([row])
        await rig.services.store.flush()
        shown = (await rig.ask("GET", "/v0/requests/old", token=rig.viewer)).json()
        assert set(shown) == set(RequestDetail.model_fields)
        assert shown["attempts"][0]["reason"] == "retry"

    play(tmp_path, scenario)


def test_unknown_request_is_404(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        answer = await rig.ask("GET", "/v0/requests/nothing", token=rig.viewer)
        assert (answer.status_code, error_of(answer)["code"]) == (404, "request_not_found")

    play(tmp_path, scenario)


def test_contents_are_for_administrators_and_never_in_the_list(tmp_path: Path) -> None:
    recording = replace(Settings(), records=RecordsSettings(bodies=True))

    async def scenario(rig: Rig) -> None:
        row = RequestRow(id="r1", at=1_790_000_001.0, request_body="my secret prompt", response_body="its answer")
        rig.services.store.enqueue_requests([row])
        await rig.services.store.flush()
        rig.services.requests.add(record(1))
        admin = await rig.ask("GET", "/v0/requests/r1", token=rig.admin)
        assert (admin.json()["request_body"], admin.json()["response_body"]) == ("my secret prompt", "its answer")
        viewer = await rig.ask("GET", "/v0/requests/r1", token=rig.viewer)
        assert viewer.json()["request_body"] is None
        assert "body" not in " ".join(RequestView.model_fields)

    play(tmp_path, scenario, settings=recording)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "status=-1", "before=nan", "since=inf", "model=" + "m" * 257]
)
def test_filter_that_does_not_fit_is_refused(query: str, tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        answer = await rig.ask("GET", f"/v0/requests?{query}", token=rig.viewer)
        assert (answer.status_code, error_of(answer)["param"]) == (422, query.partition("=")[0])

    play(tmp_path, scenario)
