from __future__ import annotations

import pytest
from pydantic import ValidationError

from llmlb.wire.keys import ApiKeyCreation, JoinTokenCreation


def test_a_name_is_all_that_a_key_needs() -> None:
    key = ApiKeyCreation.model_validate_json('{"name": "ci"}')
    assert key.scopes == ("api",)
    assert key.models is None
    assert key.expires_at is None


def test_an_expiry_is_read_with_its_time_zone() -> None:
    key = ApiKeyCreation.model_validate_json('{"name": "ci", "expires_at": "2031-01-01T02:00:00+02:00"}')
    assert key.expires_at is not None
    assert key.expires_at.timestamp() == 1_924_992_000


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"name": ""}',
        '{"name": "ci", "scopes": []}',
        '{"name": "ci", "scopes": ["root"]}',
        '{"name": "ci", "expires_at": "2031-01-01T00:00:00"}',
        '{"name": "ci", "expires_at": "tomorrow"}',
        '{"name": "ci", "requests_per_minute": 0}',
        '{"name": "ci", "max_concurrency": -1}',
        '{"name": "ci", "scope": ["api"]}',
    ],
)
def test_a_key_that_does_not_fit_is_refused(body: str) -> None:
    with pytest.raises(ValidationError):
        ApiKeyCreation.model_validate_json(body)


def test_a_join_token_may_be_limited_to_some_uses() -> None:
    assert JoinTokenCreation.model_validate_json('{"max_uses": 3}').max_uses == 3
    with pytest.raises(ValidationError):
        JoinTokenCreation.model_validate_json('{"max_uses": 0}')
