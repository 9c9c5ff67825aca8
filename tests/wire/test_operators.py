from __future__ import annotations

import pytest
from pydantic import ValidationError

from llmlb.wire.operators import LoginRequest, PasswordChange, UserCreation, UserPatch


def test_a_new_user_is_a_viewer_unless_said_otherwise() -> None:
    assert UserCreation.model_validate_json('{"username": "kim", "password": "a long phrase"}').role == "viewer"


@pytest.mark.parametrize(
    "body",
    [
        '{"username": "", "password": "a long phrase"}',
        '{"username": "a b", "password": "a long phrase"}',
        '{"username": "a\\u001b", "password": "a long phrase"}',
        '{"username": "kim", "password": "short"}',
        '{"username": "kim", "password": "a long phrase", "role": "owner"}',
        '{"username": "kim"}',
    ],
)
def test_a_user_who_does_not_fit_is_refused(body: str) -> None:
    with pytest.raises(ValidationError):
        UserCreation.model_validate_json(body)


def test_an_old_short_password_may_log_in_but_no_new_one_is_short() -> None:
    assert LoginRequest.model_validate_json('{"username": "admin", "password": "test"}').password == "test"
    with pytest.raises(ValidationError):
        PasswordChange.model_validate_json('{"current_password": "test", "new_password": "test2"}')
    with pytest.raises(ValidationError):
        UserPatch.model_validate_json('{"password": "test"}')
