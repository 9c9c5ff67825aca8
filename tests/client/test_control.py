"""Each method of the typed client asks the route that the API has, and reads its answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import httpx
import pytest

from llmlb.client.control import ControlClient
from llmlb.client.sse import ServerEvent
from llmlb.errors import RouterRefused

Call = Callable[[ControlClient], Awaitable[object]]


class Router:
    """Answers everything with one JSON value and remembers the requests."""

    def __init__(self, answer: object = None, *, status: int = 200) -> None:
        self.answer = {} if answer is None else answer
        self.status = status
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return httpx.Response(self.status, json=self.answer)

    def call(self, method: Call, *, token: str | None = "jwt") -> object:
        async def run() -> object:
            transport = httpx.MockTransport(self)
            async with ControlClient("http://router.test", token=token, transport=transport) as client:
                return await method(client)

        return asyncio.run(run())


ROUTES: list[tuple[Call, str, str, object]] = [
    (lambda c: c.logout(), "POST", "/v0/auth/logout", None),
    (lambda c: c.me(), "GET", "/v0/auth/me", None),
    (
        lambda c: c.change_password("a", "b"),
        "POST",
        "/v0/auth/password",
        {"current_password": "a", "new_password": "b"},
    ),
    (
        lambda c: c.create_user("ann", password="p", role="admin"),
        "POST",
        "/v0/users",
        {"username": "ann", "password": "p", "role": "admin"},
    ),
    (lambda c: c.edit_user("ann", role="viewer"), "PATCH", "/v0/users/ann", {"role": "viewer"}),
    (lambda c: c.status(), "GET", "/v0/status", None),
    (lambda c: c.delete_user("u/1"), "DELETE", "/v0/users/u%2F1", None),
    (lambda c: c.node("a b"), "GET", "/v0/nodes/a%20b", None),
    (lambda c: c.node_metrics("n"), "GET", "/v0/nodes/n/metrics", None),
    (lambda c: c.node_health("n"), "GET", "/v0/nodes/n/health", None),
    (lambda c: c.approve("n"), "POST", "/v0/nodes/n/approve", None),
    (lambda c: c.reject("n"), "POST", "/v0/nodes/n/reject", None),
    (lambda c: c.drain("n"), "POST", "/v0/nodes/n/drain", None),
    (lambda c: c.undrain("n"), "POST", "/v0/nodes/n/undrain", None),
    (lambda c: c.rotate_token("n"), "POST", "/v0/nodes/n/rotate-token", None),
    (lambda c: c.patch("n", {"note": "x"}), "PATCH", "/v0/nodes/n", {"note": "x"}),
    (lambda c: c.delete("n"), "DELETE", "/v0/nodes/n", None),
    (lambda c: c.settings(), "GET", "/v0/settings/load-balancer", None),
    (lambda c: c.put_settings({"gpu_threshold": 90}), "PUT", "/v0/settings/load-balancer", {"gpu_threshold": 90}),
    (
        lambda c: c.put_settings({"gpu_threshold": 90}, dry_run=True),
        "PUT",
        "/v0/settings/load-balancer?dry_run=true",
        {"gpu_threshold": 90},
    ),
    (lambda c: c.stats(), "GET", "/v0/load-balancer/stats", None),
    (lambda c: c.explain("a:b"), "GET", "/v0/explain?model=a%3Ab", None),
    (lambda c: c.request("r-1"), "GET", "/v0/requests/r-1", None),
    (lambda c: c.ack_alert("a"), "POST", "/v0/alerts/a/ack", None),
    (lambda c: c.silence_alert("a", seconds=60), "POST", "/v0/alerts/a/silence", {"seconds": 60}),
    (
        lambda c: c.create_api_key("k", scopes=["api", "admin"], requests_per_minute=5),
        "POST",
        "/v0/api-keys",
        {"name": "k", "scopes": ["api", "admin"], "requests_per_minute": 5},
    ),
    (lambda c: c.revoke_api_key("k"), "DELETE", "/v0/api-keys/k", None),
    (lambda c: c.create_join_token(name="lab"), "POST", "/v0/join-tokens", {"name": "lab"}),
    (lambda c: c.delete_join_token("j"), "DELETE", "/v0/join-tokens/j", None),
]


@pytest.mark.parametrize(("method", "verb", "target", "body"), ROUTES, ids=[f"{r[1]} {r[2]}" for r in ROUTES])
def test_a_method_asks_another_route(method: Call, verb: str, target: str, body: object) -> None:
    router = Router()
    router.call(method)
    (asked,) = router.asked
    assert (asked.method, asked.url.raw_path.decode()) == (verb, target)
    assert asked.headers["authorization"] == "Bearer jwt"
    assert (json.loads(asked.content) if asked.content else None) == body


LISTS: list[tuple[Call, str]] = [
    (lambda c: c.users(), "/v0/users"),
    (lambda c: c.nodes(), "/v0/nodes"),
    (lambda c: c.models(), "/v1/models"),
    (lambda c: c.requests(limit=5, model="m", status=None), "/v0/requests?limit=5&model=m"),
    (lambda c: c.audit(limit=5, before=9), "/v0/audit?limit=5&before=9"),
    (lambda c: c.alerts(), "/v0/alerts"),
    (lambda c: c.api_keys(), "/v0/api-keys"),
    (lambda c: c.join_tokens(), "/v0/join-tokens"),
]


@pytest.mark.parametrize(("method", "target"), LISTS, ids=[target for _, target in LISTS])
def test_a_list_is_its_rows_whatever_its_field_is_called(method: Call, target: str) -> None:
    router = Router({"object": "list", "rows": [{"id": "x"}]})
    assert router.call(method) == [{"id": "x"}]
    assert router.asked[0].url.raw_path.decode() == target


def test_the_field_named_like_the_route_wins_over_other_lists() -> None:
    assert Router({"warnings": [], "api_keys": [{"id": "k"}]}).call(lambda c: c.api_keys()) == [{"id": "k"}]


@pytest.mark.parametrize("answer", [{}, {"a": [], "b": []}, "text", 7])
def test_an_answer_without_a_list_is_refused_and_not_an_empty_fleet(answer: object) -> None:
    with pytest.raises(RouterRefused, match="did not answer a list"):
        Router(answer).call(lambda c: c.nodes())


@pytest.mark.parametrize("answer", [[], "text", 7, None])
def test_an_answer_that_is_no_object_is_refused(answer: object) -> None:
    router = Router()
    router.answer = answer
    with pytest.raises(RouterRefused, match="is it an llmlb router"):
        router.call(lambda c: c.node("n"))


def test_models_are_asked_for_with_an_api_key_where_one_is_given() -> None:
    router = Router({"object": "list", "data": []})
    router.call(lambda c: c.models(api_key="sk-1"), token="jwt")
    assert router.asked[0].headers["authorization"] == "Bearer sk-1"


def test_filters_travel_as_a_query() -> None:
    router = Router({"nodes": []})
    router.call(lambda c: c.nodes(state="pending", model="llama3.2:1b", q="gpu"))
    assert dict(router.asked[0].url.params) == {"state": "pending", "model": "llama3.2:1b", "q": "gpu"}


@pytest.mark.parametrize("act", ["approve", "reject", "drain", "undrain", "rotate_token", "delete"])
def test_an_act_on_a_changed_node_can_be_made_conditional(act: str) -> None:
    router = Router()
    router.call(lambda c: getattr(c, act)("n", if_match=7))
    assert router.asked[0].headers["if-match"] == "7"


def test_login_sends_no_old_credential_and_later_calls_carry_the_new_one() -> None:
    router = Router({"token": "new", "expires_in": 43_200, "user": {"username": "admin", "role": "admin"}})

    async def twice(client: ControlClient) -> None:
        assert (await client.login("admin", "pw"))["expires_in"] == 43_200
        await client.me()

    router.call(twice, token="old")
    login, me = router.asked
    assert "authorization" not in login.headers
    assert me.headers["authorization"] == "Bearer new"


def test_a_changed_password_ends_the_session_and_the_new_one_is_used() -> None:
    router = Router({"token": "new", "expires_in": 43_200, "user": {}})

    async def change(client: ControlClient) -> None:
        await client.change_password("old password", "new password")
        await client.me()

    router.call(change, token="old")
    assert [request.headers["authorization"] for request in router.asked] == ["Bearer old", "Bearer new"]


def test_a_heartbeat_carries_the_nodes_token_and_no_operators() -> None:
    router = Router({"status": "ok", "server_time": 1})
    router.call(lambda c: c.heartbeat({"node_id": "n"}, token="nt_1"))
    (asked,) = router.asked
    assert asked.headers["x-node-token"] == "nt_1"
    assert "authorization" not in asked.headers


def test_a_registration_carries_only_the_tokens_it_has() -> None:
    router = Router({"node_id": "n"})
    router.call(lambda c: c.register_node({"url": "http://e"}, join_token="jt_1"), token=None)
    (asked,) = router.asked
    assert asked.headers["x-join-token"] == "jt_1"
    assert "x-node-token" not in asked.headers
    assert "authorization" not in asked.headers


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False)])
def test_a_router_that_is_not_ready_is_an_answer_and_not_an_error(status: int, ready: bool) -> None:
    router = Router({"status": "draining", "nodes": 3}, status=status)
    assert router.call(lambda c: c.health_ready()) == {"status": "draining", "nodes": 3, "ready": ready}


def test_an_error_keeps_status_code_and_words() -> None:
    router = Router({"error": {"message": "changed meanwhile", "code": "conflict"}}, status=409)
    with pytest.raises(RouterRefused, match="changed meanwhile") as refused:
        router.call(lambda c: c.approve("n", if_match=1))
    assert (refused.value.status, refused.value.code) == (409, "conflict")


def test_events_stream_and_resume() -> None:
    seen: list[httpx.Request] = []

    async def pieces() -> object:
        for piece in (b": hi\n\nid: 4\nevent: no", b'de\ndata: {"id": "n"}\n\n'):
            yield piece

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=pieces())  # type: ignore[arg-type]  # an async iterator of bytes

    async def run() -> list[ServerEvent]:
        transport = httpx.MockTransport(answer)
        async with ControlClient("http://router.test", token="jwt", transport=transport) as client:
            return [event async for event in client.events(3)]

    assert asyncio.run(run()) == [ServerEvent("4", "node", {"id": "n"})]
    assert seen[0].headers["last-event-id"] == "3"
