"""The filters of the lists mean in the console what they mean on the command line."""

from __future__ import annotations

from typing import Any

import pytest
from tui.model.test_events import past
from tui.screens.test_lists import request

from llmlb.client.filters import read_filter
from llmlb.errors import FilterError
from llmlb_cli.filtering import vocabulary_of
from llmlb_cli.record_columns import EVENTS as EVENT_COLUMNS
from llmlb_cli.record_columns import REQUESTS as REQUEST_COLUMNS
from llmlb_tui.model.events import read_past
from llmlb_tui.model.listed import EVENTS, REQUESTS, EventSubject, RequestSubject

REQUEST_ROWS: list[dict[str, Any]] = [
    request(1),
    request(2, status=502, outcome="failed", error="node lost", ttft_ms=None, completion_tokens=None),
    request(3, model="qwen3-32b", node_id="gpu-0002", total_ms=6000.0, estimated=True, stream=False),
    request(4, status=429, outcome="refused", node_id="", key_name="ci", reason="", client_request_id="abc"),
]
EVENT_ROWS: list[dict[str, Any]] = [
    past(1, cause="no heartbeat"),
    past(2, kind="draining", node_id="n2", actor="bob"),
    past(3, kind="fired", type="alert", rule="queue", subject="m", node_id="", cause="14 wait"),
    past(4, kind="settings", type="settings", node_id="", cause="gpu 80 -> 90", actor="alice"),
]


@pytest.mark.parametrize(
    "text",
    ["status:200", "status>=429", "outcome:failed or result:refused", "model:qwen*", "node:-", "node_id=gpu-0001",
     "key:ci", "total>5s", "ttft:-", "tokens>800", "completion_tokens:812", "queue<1ms", "!failed", "/lost$/",
     "gpu-0002", "stream:no", "estimated:yes", "reason:least*", "client_request_id:abc", "id:req-3", "at:2026-11-18",
     "(ci or lost)", "prompt:40 key_name:billing", "error:lost status!=200"],
)  # fmt: skip
def test_a_filter_finds_the_same_requests_as_on_the_command_line(text: str) -> None:
    there = read_filter(text, vocabulary_of(REQUEST_COLUMNS, REQUEST_ROWS))
    here = read_filter(text, REQUESTS)
    found = [row["id"] for row in REQUEST_ROWS if here(RequestSubject(row, 0.0))]
    assert found == [row["id"] for row in REQUEST_ROWS if there(row)]
    assert 0 < len(found) <= len(REQUEST_ROWS)


@pytest.mark.parametrize(
    "text",
    ["kind:offline", "event:drain*", "node:n2", "node_id:-", "by:bob", "actor:-", "rule:queue", "subject:m", "id>2",
     "cause:heartbeat", "type:alert", "!alice", "/->/", "at:1970", "n1", "kind:settings or type:node"],
)  # fmt: skip
def test_a_filter_finds_the_same_events_as_on_the_command_line(text: str) -> None:
    there = read_filter(text, vocabulary_of(EVENT_COLUMNS, EVENT_ROWS))
    here = read_filter(text, EVENTS)
    found = [int(event.id) for event in read_past(EVENT_ROWS, 0.0) if here(EventSubject(event, 0.0))]
    assert found == [row["id"] for row in EVENT_ROWS if there(row)]
    assert found


def test_ages_count_by_the_routers_clock() -> None:
    (event,) = read_past([past(1000)], 0.0)
    assert read_filter("at<10m", EVENTS)(EventSubject(event, 1300.0))
    assert not read_filter("at<10m", EVENTS)(EventSubject(event, 2000.0))
    row = request(1, at="1970-01-01T00:16:40Z")
    assert read_filter("at>5m", REQUESTS)(RequestSubject(row, 1301.0))
    assert not read_filter("at>5m", REQUESTS)(RequestSubject({"at": "soon"}, 1301.0))


def test_a_field_that_a_list_lacks_is_named_with_those_it_has() -> None:
    with pytest.raises(FilterError, match="there is no field gpu; the fields are actor, at, by"):
        read_filter("x gpu>80", EVENTS)
