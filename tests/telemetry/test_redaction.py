from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.auth.tokens import new_api_key, new_join_token, new_node_token
from llmlb.telemetry.redaction import HIDDEN, is_secret_field, printable, redacted

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLXNpZ25hdHVyZQ"


@given(
    st.sampled_from([new_api_key, new_node_token, new_join_token]),
    st.text(st.characters(exclude_categories=["L", "N", "Cs"]), max_size=20),
)
def test_no_credential_of_ours_survives(make: object, around: str) -> None:
    assert callable(make)
    secret = make()
    shown = redacted(f"{around}{secret}{around}")
    assert secret[3:] not in shown
    assert HIDDEN in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"token {JWT}!", "token eyJ***!"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("authorization: Basic YWRtaW46dGVzdA==", "authorization: Basic ***"),
        ("{'x-api-key': 'whatever'}", "{'x-api-key': '***'}"),
        ("X-Node-Token: opaque", "X-Node-Token: ***"),
        ("bearer opaque-credential", "bearer ***"),
        ("http://alice:hunter2@host:1/v1", "http://alice:***@host:1/v1"),
        ("sk-proj-abcdefghijklmnop", "sk-***"),
    ],
)
def test_credentials_in_every_dress_are_hidden(text: str, shown: str) -> None:
    assert redacted(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "task-force-alpha-model",
        "desk-organiser-7b",
        "http://127.0.0.1:8080/v1/chat/completions",
        "nt_short",
        "prompt tokens 17, completion tokens 99",
        "",
    ],
)
def test_ordinary_words_are_left_alone(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize("name", ["password", "admin_password", "jwt_secret", "api_key", "node_token", "Authorization"])
def test_fields_named_for_secrets_are_secret(name: str) -> None:
    assert is_secret_field(name)


@pytest.mark.parametrize("name", ["prompt_tokens", "node_id", "key", "model", "tokens_estimated"])
def test_fields_that_only_sound_like_it_are_shown(name: str) -> None:
    assert not is_secret_field(name)


@given(st.text())
def test_nothing_that_a_terminal_obeys_gets_through(text: str) -> None:
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    assert not [character for character in shown if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")]
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
    shown.encode()


def test_what_was_there_can_still_be_told() -> None:
    assert printable("a\nb\x1b[2J\u202e") == "a\\nb\\x1b[2J\\u202e"
