"""The random credentials: how they are made, told apart and kept.

256 random bits need no slow hash: SHA-256 at rest, and looking up the hash leaks nothing through timing.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from enum import StrEnum

RANDOM_BYTES = 32
HINT_CHARACTERS = 4


class CredentialKind(StrEnum):
    """What a credential claims to be, by its prefix. OTHER is nothing that llmlb issues."""

    API_KEY = "api_key"
    NODE_TOKEN = "node_token"
    JOIN_TOKEN = "join_token"
    LOCAL_TOKEN = "local_token"
    SESSION = "session"
    OTHER = "other"


PREFIXES = {
    CredentialKind.API_KEY: "sk-",
    CredentialKind.NODE_TOKEN: "nt_",
    CredentialKind.JOIN_TOKEN: "jt_",
    CredentialKind.LOCAL_TOKEN: "lt_",
}
"""Disjoint, so that no credential is ever mistaken for one of another kind."""

_SESSION = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


def new_api_key() -> str:
    """A key for clients of ``/v1``."""
    return _new(CredentialKind.API_KEY)


def new_node_token() -> str:
    """The token that one node's heartbeats carry."""
    return _new(CredentialKind.NODE_TOKEN)


def new_join_token() -> str:
    """A token for registering nodes."""
    return _new(CredentialKind.JOIN_TOKEN)


def new_local_token() -> str:
    """The credential of the router's own machine, kept in a 0600 file of the data directory."""
    return _new(CredentialKind.LOCAL_TOKEN)


def _new(kind: CredentialKind) -> str:
    return PREFIXES[kind] + secrets.token_urlsafe(RANDOM_BYTES)


def hash_token(token: str) -> str:
    """What the store keeps of a token: its SHA-256 in hex."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def hint(token: str) -> str:
    """The last characters of a token, by which its owner recognises it in a list."""
    return token[-HINT_CHARACTERS:]


def kind_of(credential: str) -> CredentialKind:
    """Which kind a credential claims to be; says nothing about whether it is genuine."""
    for kind, prefix in PREFIXES.items():
        if credential.startswith(prefix):
            return kind
    return CredentialKind.SESSION if _SESSION.fullmatch(credential) else CredentialKind.OTHER
