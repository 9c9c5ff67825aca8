"""Random credentials."""

from __future__ import annotations

import base64

import pytest

from llmlb.auth.tokens import (
    CredentialKind,
    hash_token,
    hint,
    kind_of,
    new_api_key,
    new_join_token,
    new_local_token,
    new_node_token,
)

MAKERS = {
    CredentialKind.API_KEY: (new_api_key, "sk-"),
    CredentialKind.NODE_TOKEN: (new_node_token, "nt_"),
    CredentialKind.JOIN_TOKEN: (new_join_token, "jt_"),
    CredentialKind.LOCAL_TOKEN: (new_local_token, "lt_"),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_every_kind_has_its_prefix_and_256_random_bits(kind: CredentialKind) -> None:
    make, prefix = MAKERS[kind]
    token = make()
    assert token.startswith(prefix)
    assert len(base64.urlsafe_b64decode(token[len(prefix) :] + "=")) == 32
    assert kind_of(token) is kind
    assert len({make() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("credential", "kind"),
    [
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln", CredentialKind.SESSION),
        ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.", CredentialKind.SESSION),
        ("", CredentialKind.OTHER),
        ("SK-abc", CredentialKind.OTHER),
        ("a.b", CredentialKind.OTHER),
        ("a.b.c.d", CredentialKind.OTHER),
        ("admin", CredentialKind.OTHER),
    ],
)
def test_a_credential_is_told_by_its_form(credential: str, kind: CredentialKind) -> None:
    assert kind_of(credential) is kind


def test_what_is_stored_does_not_contain_what_is_shown() -> None:
    token = new_api_key()
    assert token not in hash_token(token)
    assert hash_token("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hint(token) == token[-4:]
    assert len(hash_token("\ud800")) == 64, "a hostile text is hashed like any other"
