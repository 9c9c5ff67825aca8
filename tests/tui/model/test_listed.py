"""The filters of the lists mean in the console what they mean on the command line."""

from __future__ import annotations

from typing import Any

import pytest
from tui.model.test_alerts import alert_json
from tui.model.test_events import past
from tui.screens.test_lists import request

from llmlb.client.filters import read_filter
from llmlb.clock import unix_s
from llmlb.errors import FilterError
from llmlb_cli.commands.alerts import readable
from llmlb_cli.filtering import vocabulary_of
from llmlb_cli.record_columns import ALERTS as ALERT_COLUMNS
from llmlb_cli.record_columns import EVENTS as EVENT_COLUMNS
from llmlb_cli.record_columns import REQUESTS as REQUEST_COLUMNS
from llmlb_cli.registry import API_KEYS as KEY_COLUMNS
from llmlb_tui.model.alerts import read_alert
from llmlb_tui.model.events import read_past
from llmlb_tui.model.listed import ALERTS, EVENTS, KEYS, REQUESTS, AlertSubject, EventSubject, RowSubject

REQUEST_ROWS: list[dict[str, Any]] = [
    request(1),
    request(2, status=502, outcome="failed", error="node lost", ttft_ms=None, completion_tokens=None),
    request(3, model="qwen3-32b", node_id="gpu-0002", total_ms=6000.0, estimated=True, stream=False),
    request(4, status=429, outcome="refused", node_id="", key_name="ci", reason="", client_request_id="abc"),
]
NOW_UNIX_S = unix_s()
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
    found = [row["id"] for row in REQUEST_ROWS if here(RowSubject(row, 0.0))]
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


ALERT_ROWS: list[dict[str, Any]] = [
    alert_json("a1", rule="node_offline", subject="gpu-1", node_id="gpu-1", cause="silent"),
    alert_json("a2", rule="queue", subject="m", severity="warning", acknowledged_by="kim"),
    alert_json("a3", rule="node_late", severity="warning", is_firing=False, resolved_at_unix_s=1000.0),
    alert_json("a4", rule="temperature", silenced_until_unix_s=4e9, silenced_by="kim", hint="Look at the fan."),
    alert_json("a5", rule="vram", silenced_until_unix_s=1000.0),
]
KEY_ROWS: list[dict[str, Any]] = [
    {"id": "key-1", "name": "ci", "hint": "x9", "scopes": ["api"], "created_at": "2026-11-18T11:06:40Z",
     "expires_at": None, "models": ["qwen3-8b", "bge-m3"], "requests_per_minute": 600, "max_concurrency": None},
    {"id": "key-2", "name": "ops", "hint": "y8", "scopes": ["admin", "metrics"], "created_at": "2020-01-01T00:00:00Z",
     "expires_at": "2027-01-01T00:00:00Z", "models": None, "requests_per_minute": None, "max_concurrency": 4},
]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["id:a1", "severity:warning", "rule:node*", "subject:m", "about:gpu-1", "is_firing:yes", "state:firing",
     "state:silenced or state:acked", "state:over", "!state:over", "cause:silent", "hint:fan", "node_id:gpu-1",
     "acknowledged_by:kim", "kim", "resolved_at:1970", "resolved_at:-", "since>1d", "fired_at>1d", "/^vram$/"],
)  # fmt: skip
def test_a_filter_finds_the_same_alerts_as_on_the_command_line(text: str) -> None:
    told = [readable(row, NOW_UNIX_S) for row in ALERT_ROWS]
    there = read_filter(text, vocabulary_of(ALERT_COLUMNS, told))
    here = read_filter(text, ALERTS)
    alerts = [alert for alert in map(read_alert, ALERT_ROWS) if alert is not None]
    found = [alert.id for alert in alerts if here(AlertSubject(alert, NOW_UNIX_S))]
    assert found == [row["id"] for row in told if there(row)]
    assert found


@pytest.mark.parametrize(
    "text",
    ["id:key-1", "name:ops", "hint:x9", "scopes:admin", "scopes=api", "created>90d", "created_at:2026", "expires:-",
     "expires_at:2027", "models:qwen*", "models:-", "requests_per_minute>100", "max_concurrency:-", "ops", "!api"],
)  # fmt: skip
def test_a_filter_finds_the_same_keys_as_on_the_command_line(text: str) -> None:
    there = read_filter(text, vocabulary_of(KEY_COLUMNS, KEY_ROWS))
    here = read_filter(text, KEYS)
    found = [row["id"] for row in KEY_ROWS if here(RowSubject(row, NOW_UNIX_S))]
    assert found == [row["id"] for row in KEY_ROWS if there(row)]
    assert found


def test_an_instant_that_is_no_date_is_no_text_and_breaks_nothing() -> None:
    alert = read_alert(alert_json("a1", fired_at_unix_s=1e17))
    assert alert is not None
    assert read_filter("fired_at:-", ALERTS)(AlertSubject(alert, NOW_UNIX_S))
    (event,) = read_past([past(1, at=1e17)], 0.0)
    assert read_filter("at:-", EVENTS)(EventSubject(event, NOW_UNIX_S))


def test_ages_count_by_the_routers_clock() -> None:
    (event,) = read_past([past(1000)], 0.0)
    assert read_filter("at<10m", EVENTS)(EventSubject(event, 1300.0))
    assert not read_filter("at<10m", EVENTS)(EventSubject(event, 2000.0))
    row = request(1, at="1970-01-01T00:16:40Z")
    assert read_filter("at>5m", REQUESTS)(RowSubject(row, 1301.0))
    assert not read_filter("at>5m", REQUESTS)(RowSubject({"at": "soon"}, 1301.0))


def test_a_field_that_a_list_lacks_is_named_with_those_it_has() -> None:
    with pytest.raises(FilterError, match="there is no field gpu; the fields are actor, at, by"):
        read_filter("x gpu>80", EVENTS)
