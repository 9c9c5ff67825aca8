from __future__ import annotations

import asyncio

import pytest
from loadtest.scripted import Chat, Request, serving

from llmlb.errors import ClientError, RouterRefused
from llmlb.loadtest.keys import keyed
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
