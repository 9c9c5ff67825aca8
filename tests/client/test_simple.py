"""The blocking client over a real socket, and how fast it starts."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest
from client.http_server import Said, json_said, refused_url, serving

from llmlb.client.simple import call, events, lines
from llmlb.client.sse import ServerEvent
from llmlb.errors import ConfigurationError, RouterRefused, RouterUnreachable


def test_a_call_carries_body_query_and_credential_and_returns_json() -> None:
    with serving(json_said({"nodes": []})) as server:
        answer = call("PUT", server.url, "/v0/x", token="sk-1", body={"a": "é"}, query={"q": "a b", "state": None})
    (asked,) = server.asked
    assert answer == {"nodes": []}
    assert (asked.method, asked.target) == ("PUT", "/v0/x?q=a+b")
    assert asked.headers["authorization"] == "Bearer sk-1"
    assert json.loads(asked.body) == {"a": "é"}


def test_without_a_credential_the_router_is_still_asked() -> None:
    with serving(json_said({"error": {"message": "log in", "code": "not_logged_in"}}, status=401)) as server:
        with pytest.raises(RouterRefused, match="log in") as refused:
            call("GET", server.url, "/v0/nodes")
        assert "authorization" not in server.asked[0].headers
    assert refused.value.status == 401


def test_a_condition_travels_as_a_header() -> None:
    with serving(Said(204, ())) as server:
        assert call("DELETE", server.url, "/v0/nodes/x", headers={"If-Match": "7"}) is None
    assert server.asked[0].headers["if-match"] == "7"


def test_a_router_that_is_down_is_unreachable_with_the_reason() -> None:
    url = refused_url()
    with pytest.raises(RouterUnreachable) as error:
        call("GET", url, "/v0/nodes")
    assert error.value.message == f"cannot reach the router at {url} (connection refused)"


def test_an_answer_that_breaks_off_is_unreachable_and_not_a_traceback() -> None:
    with serving(Said(200, (b'{"nodes": [',), cut=True)) as server, pytest.raises(RouterUnreachable):
        call("GET", server.url, "/v0/nodes")


def test_a_router_that_does_not_answer_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(RouterUnreachable, match=r"no answer within 0\.05 s"):
            call("GET", url, "/v0/nodes", timeout_s=0.05)


def test_https_to_a_plain_router_says_so() -> None:
    with serving() as server, pytest.raises(RouterUnreachable, match="http:// instead of https://"):
        call("GET", server.url.replace("http:", "https:"), "/v0/nodes")


def test_a_token_never_becomes_a_second_header() -> None:
    with serving() as server:
        with pytest.raises(ConfigurationError):
            call("GET", server.url, "/", token="x\r\nX-Evil: 1")
        assert server.asked == []


def test_lines_arrive_one_by_one() -> None:
    with serving(Said(200, (b": hello\n", b"data: 1\r\n\n"))) as server:
        assert list(lines(server.url, "/v0/events", token="t")) == [": hello", "data: 1", ""]
    assert server.asked[0].headers["accept"] == "text/event-stream"


def test_a_feed_that_is_refused_raises_the_routers_error() -> None:
    refused = json_said({"error": {"message": "log in", "code": "x"}}, status=401)
    with serving(refused) as server, pytest.raises(RouterRefused, match="log in"):
        list(lines(server.url, "/v0/events"))


def test_events_resume_after_the_last_one() -> None:
    with serving(Said(200, (b"id: 9\nevent: node\nda", b'ta: {"a": 1}\n\n'))) as server:
        assert list(events(server.url, last_event_id="8")) == [ServerEvent("9", "node", {"a": 1})]
    assert server.asked[0].headers["last-event-id"] == "8"


def test_the_simple_client_imports_nothing_heavy() -> None:
    heavy = "asyncio httpx pydantic dataclasses tomllib tomli_w platformdirs rich typer http.client email ssl"
    program = (
        "import sys, llmlb.client.simple, llmlb.client.credentials; "
        f"print([name for name in '{heavy}'.split() if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert found.stdout.strip() == "[]"
