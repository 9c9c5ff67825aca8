from __future__ import annotations

import json

import pytest

from llmlb.api.answers import ApiRefusal, answer, answer_json, denied, refusal_response
from llmlb.auth import denials
from llmlb.wire.insight import Liveness


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "invalid_request_error"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
        (507, "server_error"),
    ],
)
def test_a_refusal_has_openais_shape_and_type(status: int, kind: str) -> None:
    response = refusal_response(ApiRefusal(status, "code", "Why. What next.", param="field"), "/v0/nodes")
    assert response.status_code == status
    assert json.loads(bytes(response.body)) == {
        "error": {"message": "Why. What next.", "type": kind, "code": "code", "param": "field"}
    }


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (404, "not_found_error"),
        (405, "invalid_request_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "overloaded_error"),
    ],
)
def test_a_refusal_on_the_messages_path_has_anthropics_shape(status: int, kind: str) -> None:
    response = refusal_response(ApiRefusal(status, "code", "Why. What next."), "/v1/messages")
    assert json.loads(bytes(response.body)) == {"type": "error", "error": {"type": kind, "message": "Why. What next."}}


def test_headers_say_when_to_come_back_and_what_to_bring() -> None:
    later = refusal_response(ApiRefusal(429, "c", "m", retry_after_s=7), "/")
    assert later.headers["retry-after"] == "7"
    assert "retry-after" not in refusal_response(ApiRefusal(429, "c", "m"), "/").headers
    assert refusal_response(denied(denials.LOGIN_NEEDED), "/").headers["www-authenticate"] == "Bearer"


def test_a_denial_keeps_its_words_and_its_waiting_time() -> None:
    refusal = denied(denials.LOGINS_QUEUED)
    assert (refusal.status, refusal.code, refusal.retry_after_s) == (429, "too_many_logins", 5)


def test_messages_and_plain_values_are_written_as_json() -> None:
    assert answer(Liveness(), 201).body == b'{"status":"live"}'
    assert answer_json({"a": (1, None)}).body == b'{"a":[1,null]}'
