from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from loadtest.scripted import Chat, Request, serving

from llmlb.errors import ClientError, RouterRefused
from llmlb.loadtest.keys import keyed, tenant_keyed
from llmlb.loadtest.target import Target

REFUSED = {"GET /v1/models": (401, {"error": {"message": "an API key is needed", "code": "unauthorized"}})}
CREATED = {"POST /v0/api-keys": (201, {"id": "k 1", "key": "sk-temporary"})}
GONE = {"DELETE /v0/api-keys/k%201": (204, None)}
Replies = dict[str, tuple[int, object]]


def key_of(replies: Replies, *, api_key: str = "", token: str = "jwt") -> tuple[str, list[Request]]:
    async def main() -> tuple[str, list[Request]]:
        async with serving(Chat()) as server:
            server.replies.update(replies)
            async with keyed(Target(server.url, api_key=api_key), operator_token=token) as target:
                return target.api_key, server.others

    return asyncio.run(main())


def sent(requests: list[Request]) -> list[tuple[str, str]]:
    return [(request.method, request.headers.get("authorization", "")) for request in requests]


def test_an_operator_gets_a_temporary_key_that_is_deleted_afterwards() -> None:
    key, requests = key_of({**REFUSED, **CREATED, **GONE})
    assert key == "sk-temporary"
    assert sent(requests) == [("GET", ""), ("POST", "Bearer jwt"), ("DELETE", "Bearer jwt")]
    assert requests[1].body["scopes"] == ["api", "admin"]
    assert str(requests[1].body["expires_at"]).endswith("Z")


def test_a_given_key_is_used_and_nothing_is_asked() -> None:
    assert key_of({}, api_key="sk-mine") == ("sk-mine", [])


def test_the_operators_credential_never_goes_to_a_server_that_needs_no_key() -> None:
    key, requests = key_of({})
    assert key == ""
    assert sent(requests) == [("GET", "")]


def test_the_key_is_deleted_when_the_run_fails() -> None:
    requests: list[Request] = []

    async def main() -> None:
        async with serving(Chat()) as server:
            server.replies.update({**REFUSED, **CREATED, **GONE})
            server.others = requests
            async with keyed(Target(server.url), operator_token="jwt"):
                raise RuntimeError("the run failed")

    with pytest.raises(RuntimeError, match="the run failed"):
        asyncio.run(main())
    assert requests[-1].method == "DELETE"


def test_a_credential_that_may_not_make_keys_says_what_to_do() -> None:
    forbidden: Replies = {"POST /v0/api-keys": (403, {"error": {"message": "an admin may"}})}
    with pytest.raises(RouterRefused, match="give --api-key or log in as an admin") as refused:
        key_of({**REFUSED, **forbidden})
    assert refused.value.status == 403
    with pytest.raises(ClientError, match="is no llmlb router"):
        key_of(dict(REFUSED))
    with pytest.raises(ClientError, match="without a key"):
        key_of({**REFUSED, "POST /v0/api-keys": (201, {"id": 1})})


def test_a_key_that_cannot_be_deleted_is_left_to_expire(caplog: pytest.LogCaptureFixture) -> None:
    assert key_of({**REFUSED, **CREATED})[0] == "sk-temporary"
    assert "expires by itself" in caplog.text
    assert "sk-temporary" not in caplog.text


def tenant_keys_of(replies: Replies, target: Target, *, token: str = "jwt") -> tuple[Target, list[Request]]:
    async def main() -> tuple[Target, list[Request]]:
        async with serving(Chat()) as server:
            server.replies.update(replies)
            at_server = replace(target, url=server.url)
            async with tenant_keyed(at_server, ("a", "b"), operator_token=token) as found:
                return found, server.others

    return asyncio.run(main())


LISTED: Replies = {"GET /v0/api-keys": (200, {"api_keys": []})}
KEYED = Target("", api_key="sk-admin")


def test_each_tenant_gets_a_plain_temporary_key_that_is_deleted_afterwards() -> None:
    found, requests = tenant_keys_of({**LISTED, **CREATED, **GONE}, KEYED)
    assert found.tenant_keys == (("a", "sk-temporary"), ("b", "sk-temporary"))
    assert [request.method for request in requests] == ["GET", "POST", "POST", "DELETE", "DELETE"]
    made = [request.body for request in requests if request.method == "POST"]
    assert [str(body["name"]).rpartition("-")[2] for body in made] == ["a", "b"]
    assert all(body["scopes"] == ["api"] for body in made)
    assert {request.headers["authorization"] for request in requests} == {"Bearer sk-admin"}


def test_a_plain_key_leaves_the_tenants_keys_to_the_operator() -> None:
    refused: Replies = {"GET /v0/api-keys": (403, {"error": {"message": "admin only"}})}
    _, requests = tenant_keys_of({**refused, **CREATED, **GONE}, KEYED)
    assert requests[1].headers["authorization"] == "Bearer jwt"
    with pytest.raises(RouterRefused, match="give --tenant-key NAME=KEY for each"):
        tenant_keys_of(refused, KEYED, token="")


def test_a_server_that_makes_no_keys_asks_for_those_of_the_tenants() -> None:
    with pytest.raises(ClientError, match="makes no keys for tenants; give --tenant-key"):
        tenant_keys_of({}, KEYED)


def test_given_keys_are_used_and_the_first_one_looks_around() -> None:
    own = Target("", tenant_keys=(("a", "sk-1"), ("b", "sk-2")))
    assert tenant_keys_of({}, own)[0].tenant_keys == own.tenant_keys

    async def main() -> str:
        async with keyed(own, operator_token="jwt") as found:
            return found.api_key

    assert asyncio.run(main()) == "sk-1"
