"""Every call of the router's control API, typed. One method per route; answers are plain dictionaries."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Self, cast

import httpx

from llmlb.client.address import QueryValue, segment
from llmlb.client.answers import decode
from llmlb.client.connection import RouterConnection
from llmlb.client.shapes import (
    ApiKey,
    HeartbeatReply,
    LoadBalancerSettings,
    Login,
    Model,
    Node,
    NodeDetail,
    Registration,
    Row,
    User,
)
from llmlb.client.sse import Decode, EventParser, ServerEvent
from llmlb.errors import RouterRefused

DEFAULT_TIMEOUT_S = 10.0


class ControlClient:
    """An operator's or a node's view of one router.

    url: ``http(s)://host:port``.  token: a JWT or an admin key, None to ask without one; ``login`` sets it.
    timeout_s: for connecting and for each wait.  ca_file: the only authority trusted, where one is given.
    Every method raises RouterUnreachable (no answer), RouterRefused (an error answer: status, code)
    or ConfigurationError (a URL, token or CA file that cannot be used).
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        ca_file: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.token = token
        self._connection = RouterConnection(url, timeout_s=timeout_s, ca_file=ca_file, transport=transport)

    @property
    def url(self) -> str:
        """The router's base URL, normalised."""
        return self._connection.address.url

    async def aclose(self) -> None:
        """Close every connection to the router."""
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # --- operators ---------------------------------------------------------------------------------------

    async def login(self, username: str, password: str) -> Login:
        """Exchange a password for a JWT of 12 hours; later calls of this client carry it."""
        body = {"username": username, "password": password}
        answer = await self._connection.request("POST", "/v0/auth/login", token=None, body=body)
        return self._take_login(self._object(answer, "/v0/auth/login"))

    async def logout(self) -> None:
        """End the session of this client's JWT."""
        await self._request("POST", "/v0/auth/logout")
        self.token = None

    async def me(self) -> User:
        """Who this client's credential stands for."""
        return cast(User, await self._fields("GET", "/v0/auth/me"))

    async def change_password(self, current_password: str, new_password: str) -> Login:
        """Change one's own password. It ends every session; later calls carry the new one."""
        body = {"current_password": current_password, "new_password": new_password}
        return self._take_login(await self._fields("POST", "/v0/auth/password", body=body))

    async def users(self) -> list[User]:
        """All operators."""
        return cast(list[User], await self._rows("/v0/users"))

    async def create_user(self, username: str, *, password: str, role: str = "viewer") -> User:
        """Create an operator; role: admin or viewer."""
        body = {"username": username, "password": password, "role": role}
        return cast(User, await self._fields("POST", "/v0/users", body=body))

    async def edit_user(self, username: str, *, password: str | None = None, role: str | None = None) -> User:
        """Give an operator a new password, a new role, or both; their sessions end."""
        body = _given({"password": password, "role": role})
        return cast(User, await self._fields("PATCH", f"/v0/users/{segment(username)}", body=body))

    async def delete_user(self, username: str) -> None:
        """Take an operator's login away."""
        await self._request("DELETE", f"/v0/users/{segment(username)}")

    # --- nodes -------------------------------------------------------------------------------------------

    async def nodes(self, *, state: str | None = None, model: str | None = None, q: str | None = None) -> list[Node]:
        """The fleet, optionally only nodes in one state, with one model, or matching ``q``."""
        return cast(list[Node], await self._rows("/v0/nodes", {"state": state, "model": model, "q": q}))

    async def node(self, node_id: str) -> NodeDetail:
        """One node with its history, circuit and last error."""
        return cast(NodeDetail, await self._fields("GET", _node_path(node_id)))

    async def node_metrics(self, node_id: str) -> Row:
        """The node's last history points."""
        return await self._fields("GET", _node_path(node_id, "metrics"))

    async def node_health(self, node_id: str) -> Row:
        """The node's state, its last heartbeat and the seconds until it times out."""
        return await self._fields("GET", _node_path(node_id, "health"))

    async def approve(self, node_id: str, *, if_match: int | None = None) -> Node:
        """Let a pending node serve; with ``if_match``, only if its revision is still that one (else 409)."""
        return await self._act(node_id, "approve", if_match=if_match)

    async def reject(self, node_id: str, *, if_match: int | None = None) -> Node:
        """Remove a node and refuse its id for 24 h."""
        return await self._act(node_id, "reject", if_match=if_match)

    async def drain(self, node_id: str, *, if_match: int | None = None, reason: str = "") -> Node:
        """Give the node nothing new; what it has it finishes. reason: for the audit and the event, "" for none."""
        query = {"reason": reason} if reason else None
        return await self._act(node_id, "drain", if_match=if_match, query=query)

    async def undrain(self, node_id: str, *, if_match: int | None = None) -> Node:
        """Give the node work again."""
        return await self._act(node_id, "undrain", if_match=if_match)

    async def rotate_token(self, node_id: str, *, if_match: int | None = None) -> Row:
        """Replace the node's token; the answer shows the new one once, as ``node_token``."""
        return cast(Row, await self._act(node_id, "rotate-token", if_match=if_match))

    async def patch(self, node_id: str, changes: Mapping[str, object], *, if_match: int | None = None) -> Node:
        """Change name, tags, note, capability_score, max_concurrency or api_key."""
        answer = await self._fields("PATCH", _node_path(node_id), body=dict(changes), headers=_if_match(if_match))
        return cast(Node, answer)

    async def delete(self, node_id: str, *, if_match: int | None = None) -> None:
        """Remove the node and its token; it may register again."""
        await self._request("DELETE", _node_path(node_id), headers=_if_match(if_match))

    async def register_node(
        self, body: Mapping[str, object], *, join_token: str = "", node_token: str = ""
    ) -> Registration:
        """Register a node. ``node_token`` proves a known one; ``join_token`` where the router demands one."""
        headers = {"X-Join-Token": join_token, "X-Node-Token": node_token}
        given = {name: value for name, value in headers.items() if value}
        return cast(Registration, await self._fields("POST", "/v0/nodes", body=dict(body), headers=given))

    async def heartbeat(self, body: Mapping[str, object], *, token: str) -> HeartbeatReply:
        """Report a node's figures with its own token."""
        answer = await self._connection.request(
            "POST", "/v0/health", token=None, body=dict(body), headers={"X-Node-Token": token}
        )
        return cast(HeartbeatReply, self._object(answer, "/v0/health"))

    # --- choosing ----------------------------------------------------------------------------------------

    async def settings(self) -> LoadBalancerSettings:
        """The live settings of choosing a node."""
        return cast(LoadBalancerSettings, await self._fields("GET", "/v0/settings/load-balancer"))

    async def put_settings(self, changes: Mapping[str, object], *, dry_run: bool = False) -> Row:
        """Merge ``changes`` into the live settings, answer the whole.  dry_run: what they would exclude."""
        query = {"dry_run": True} if dry_run else None
        return await self._fields("PUT", "/v0/settings/load-balancer", body=dict(changes), query=query)

    async def stats(self) -> Row:
        """Selections by node and by reason, and how long choosing takes."""
        return await self._fields("GET", "/v0/load-balancer/stats")

    async def explain(self, model: str) -> Row:
        """Why each node would be chosen or filtered out for ``model``, now."""
        return await self._fields("GET", "/v0/explain", query={"model": model})

    async def models(self, *, api_key: str | None = None) -> list[Model]:
        """What clients may ask for. The route takes API keys, no logins: ``api_key`` stands in for the token."""
        return cast(list[Model], await self._rows("/v1/models", token=api_key))

    # --- what happened -----------------------------------------------------------------------------------

    async def requests(self, *, limit: int | None = None, **filters: QueryValue | None) -> list[Row]:
        """Recent inference requests, newest first."""
        return await self._rows("/v0/requests", {"limit": limit, **filters})

    async def request(self, request_id: str) -> Row:
        """One request and why its node was chosen."""
        return await self._fields("GET", f"/v0/requests/{segment(request_id)}")

    async def audit(self, *, limit: int | None = None, before: int | None = None) -> list[Row]:
        """Who changed what, newest first; ``before`` is the id to go on from."""
        return await self._rows("/v0/audit", {"limit": limit, "before": before})

    async def alerts(self) -> list[Row]:
        """What needs a person."""
        return await self._rows("/v0/alerts")

    async def ack_alert(self, alert_id: str) -> Row:
        """Say that somebody is looking at it."""
        return await self._fields("POST", f"/v0/alerts/{segment(alert_id)}/ack")

    async def silence_alert(self, alert_id: str, *, seconds: int) -> Row:
        """Keep it quiet for that long."""
        path = f"/v0/alerts/{segment(alert_id)}/silence"
        return await self._fields("POST", path, body={"seconds": seconds})

    async def events(
        self,
        last_event_id: str | int | None = None,
        *,
        idle_timeout_s: float | None = None,
        decode: Decode | None = None,
    ) -> AsyncGenerator[ServerEvent]:
        """The live feed: ``(id, type, data)``, a snapshot first or what came after ``last_event_id``.

        Ends when the router closes the feed.  idle_timeout_s: the longest silence before RouterUnreachable
        (keep-alives end a silence); None waits for ever.  decode: as ``EventParser`` takes it.
        """
        feed = self.event_batches(last_event_id, idle_timeout_s=idle_timeout_s, decode=decode)
        async with aclosing(feed) as batches:
            async for events in batches:
                for event in events:
                    yield event

    async def event_batches(
        self,
        last_event_id: str | int | None = None,
        *,
        idle_timeout_s: float | None = None,
        decode: Decode | None = None,
    ) -> AsyncGenerator[Sequence[ServerEvent]]:
        """As ``events``, those together that came together: for who has a thousand in a second. None is empty."""
        headers = {"Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = str(last_event_id)
        parser = EventParser(decode)
        feed = self._connection.stream("/v0/events", token=self.token, headers=headers, idle_timeout_s=idle_timeout_s)
        async with feed as chunks:
            async for chunk in chunks:
                if events := parser.feed(chunk):
                    yield events

    async def recent_events(self, *, limit: int | None = None) -> list[Row]:
        """What happened to the fleet, newest first, also before the router's last start."""
        return await self._rows("/v0/events/recent", {"limit": limit})

    # --- keys and tokens ---------------------------------------------------------------------------------

    async def api_keys(self) -> list[ApiKey]:
        """All API keys, without their secrets."""
        return cast(list[ApiKey], await self._rows("/v0/api-keys"))

    async def create_api_key(
        self,
        name: str,
        *,
        scopes: Sequence[str] = ("api",),
        expires_at: str | None = None,
        models: Sequence[str] | None = None,
        requests_per_minute: int | None = None,
        max_concurrency: int | None = None,
    ) -> ApiKey:
        """Create a key; only this answer holds it, as ``key``.  expires_at: RFC 3339."""
        limits = {
            "expires_at": expires_at,
            "models": None if models is None else list(models),
            "requests_per_minute": requests_per_minute,
            "max_concurrency": max_concurrency,
        }
        body = {"name": name, "scopes": list(scopes), **_given(limits)}
        return cast(ApiKey, await self._fields("POST", "/v0/api-keys", body=body))

    async def revoke_api_key(self, key_id: str) -> None:
        """End a key at once."""
        await self._request("DELETE", f"/v0/api-keys/{segment(key_id)}")

    async def join_tokens(self) -> list[Row]:
        """All join tokens, without their secrets."""
        return await self._rows("/v0/join-tokens")

    async def create_join_token(self, **fields: object) -> Row:
        """Create a join token; only this answer holds it."""
        return await self._fields("POST", "/v0/join-tokens", body=_given(fields))

    async def delete_join_token(self, token_id: str) -> None:
        """End a join token; nodes that used it stay."""
        await self._request("DELETE", f"/v0/join-tokens/{segment(token_id)}")

    # --- the router itself -------------------------------------------------------------------------------

    async def status(self) -> Row:
        """The router on one screen: version, uptime, nodes by state, load, alerts."""
        return await self._fields("GET", "/v0/status")

    async def health_ready(self) -> Row:
        """The readiness body with ``ready``: False for the 503 of a router that is starting or draining."""
        response = await self._connection.exchange("GET", "/health/ready", token=None)
        status = 200 if response.status_code == 503 else response.status_code
        body = decode(status, response.headers, response.content, url=self.url)
        return {**(body if isinstance(body, dict) else {}), "ready": response.status_code == 200}

    # --- plumbing ----------------------------------------------------------------------------------------

    def _take_login(self, fields: Row) -> Login:
        self.token = str(fields.get("token", "")) or None
        return cast(Login, fields)

    async def _fields(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, QueryValue | None] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Row:
        return self._object(await self._request(method, path, body=body, query=query, headers=headers), path)

    def _object(self, answer: object, path: str) -> Row:
        """The answer as an object; raises RouterRefused for anything else, which no router of ours sends."""
        if isinstance(answer, dict):
            return answer
        message = f"{self.url}{path} did not answer a JSON object; is it an llmlb router?"
        raise RouterRefused(message, status=200, code="not_a_router")

    async def _act(
        self, node_id: str, verb: str, *, if_match: int | None, query: Mapping[str, QueryValue] | None = None
    ) -> Node:
        path = _node_path(node_id, verb)
        return cast(Node, await self._fields("POST", path, query=query, headers=_if_match(if_match)))

    async def _rows(
        self, path: str, query: Mapping[str, QueryValue | None] | None = None, *, token: str | None = None
    ) -> list[Row]:
        """The rows of a list answer: the field named like the route, else the only one that holds a list."""
        answer = await self._connection.request("GET", path, token=token or self.token, query=query)
        fields = answer if isinstance(answer, dict) else {"": answer}
        lists = {name: value for name, value in fields.items() if isinstance(value, list)}
        rows = lists.get(path.rpartition("/")[2].replace("-", "_"))
        if rows is None and len(lists) == 1:
            (rows,) = lists.values()
        if rows is None:
            message = f"{self.url}{path} did not answer a list; are the router and this client of one version?"
            raise RouterRefused(message, status=200, code="not_a_list")
        return cast(list[Row], rows)

    async def _request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, QueryValue | None] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> object:
        return await self._connection.request(method, path, token=self.token, body=body, query=query, headers=headers)


def _node_path(node_id: str, verb: str = "") -> str:
    return f"/v0/nodes/{segment(node_id)}" + (f"/{verb}" if verb else "")


def _if_match(revision: int | None) -> dict[str, str] | None:
    return None if revision is None else {"If-Match": str(revision)}


def _given(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
