"""Sessions, and everything somebody may try instead of having one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.auth.principals import Role
from llmlb.auth.sessions import Sessions
from llmlb.errors import ConfigurationError

SECRET = b"0123456789abcdef0123456789abcdef"
NOW = 1_800_000_000.0
CLAIMS: dict[str, Any] = {
    "exp": int(NOW) + 3600,
    "iat": int(NOW),
    "sub": "admin",
    "jti": "j1",
    "role": "admin",
    "ver": 1,
}


def _sessions() -> Sessions:
    return Sessions(SECRET)


def _signed(
    claims: dict[str, Any], secret: bytes = SECRET, headers: dict[str, Any] | None = None, algorithm: str = "HS256"
) -> str:
    return jwt.encode(claims, secret, algorithm=algorithm, headers=headers)


def _signature(text: str) -> str:
    """An HMAC under our secret: what a forger gets who can make us sign, or confuses two kinds of key."""
    digest = hmac.new(SECRET, text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_session_is_read_back_as_it_was_issued() -> None:
    issued = _sessions().issue("ada", role=Role.VIEWER, version=3, now_unix=NOW)
    session = _sessions().read(issued.token, NOW + 1)
    assert session == issued.session
    assert (issued.session.username, issued.session.role, issued.session.version) == ("ada", Role.VIEWER, 3)
    assert issued.session.expires_at == NOW + 12 * 3600


def test_a_session_survives_a_restart_of_the_router_and_not_a_change_of_its_secret() -> None:
    token = _sessions().issue("ada", role=Role.ADMIN, version=1, now_unix=NOW).token
    assert Sessions(SECRET).read(token, NOW) is not None
    assert Sessions(SECRET[::-1]).read(token, NOW) is None


def test_a_session_ends_after_twelve_hours_to_the_second() -> None:
    token = _sessions().issue("ada", role=Role.ADMIN, version=1, now_unix=NOW).token
    assert _sessions().read(token, NOW + 12 * 3600 - 1) is not None
    assert _sessions().read(token, NOW + 12 * 3600) is None


def test_a_clock_that_is_a_minute_behind_still_accepts_and_more_does_not() -> None:
    token = _sessions().issue("ada", role=Role.ADMIN, version=1, now_unix=NOW).token
    assert _sessions().read(token, NOW - 60) is not None
    assert _sessions().read(token, NOW - 61) is None


def test_no_two_sessions_share_an_id() -> None:
    tokens = {_sessions().issue("a", role=Role.ADMIN, version=1, now_unix=NOW).session.jti for _ in range(50)}
    assert len(tokens) == 50


def test_the_claims_of_the_forgeries_are_genuine_when_signed_properly() -> None:
    assert _sessions().read(_signed(CLAIMS), NOW) is not None


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE"])
def test_a_token_that_declares_no_signature_is_refused(algorithm: str) -> None:
    head, body = _part({"alg": algorithm, "typ": "JWT"}), _part(CLAIMS)
    signature = _signed(CLAIMS).split(".")[2]
    for token in (f"{head}.{body}.", f"{head}.{body}", f"{head}.{body}.{signature}"):
        assert _sessions().read(token, NOW) is None


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_is_refused_even_with_our_secret(algorithm: str) -> None:
    token = _signed(CLAIMS, SECRET * 2, algorithm=algorithm)
    assert Sessions(SECRET * 2).read(token, NOW) is None


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA", "PS256", "", "HS256 "])
def test_a_header_that_names_another_algorithm_over_our_signature_is_refused(algorithm: str) -> None:
    _, body, signature = _signed(CLAIMS).split(".")
    head = _part({"alg": algorithm, "typ": "JWT"})
    assert _sessions().read(f"{head}.{body}.{signature}", NOW) is None
    resigned = _signature(f"{head}.{body}")
    assert _sessions().read(f"{head}.{body}.{resigned}", NOW) is None


@pytest.mark.parametrize(
    "extra",
    [
        {"crit": ["exp"]},
        {"crit": ["x"], "x": 1},
        {"kid": "../../dev/null"},
        {"kid": "' UNION SELECT 'a"},
        {"jku": "http://127.0.0.1/keys"},
        {"jwk": {"kty": "oct", "k": "AA"}},
        {"x5u": "http://127.0.0.1"},
        {"b64": False, "crit": ["b64"]},
        {"zip": "DEF"},
        {"typ": "at+jwt"},
    ],
    ids=lambda extra: next(iter(extra)),
)
def test_a_header_of_more_than_ours_is_refused_though_it_is_signed(extra: dict[str, Any]) -> None:
    head = _part({"alg": "HS256", "typ": "JWT", **extra})
    signing = f"{head}.{_part(CLAIMS)}"
    assert _sessions().read(f"{signing}.{_signature(signing)}", NOW) is None


def test_an_empty_a_cut_and_a_foreign_signature_are_refused() -> None:
    head, body, signature = _signed(CLAIMS).split(".")
    other = _signed(CLAIMS, b"another secret of thirty-two byte").split(".")[2]
    for forged in ("", signature[:-2], signature[::-1], other, "A" * len(signature)):
        assert _sessions().read(f"{head}.{body}.{forged}", NOW) is None


@pytest.mark.parametrize(
    "change", [{"role": "admin"}, {"sub": "root"}, {"ver": 9}, {"exp": int(NOW) + 10**9}, {"jti": "j2"}]
)
def test_a_claim_swapped_under_an_old_signature_is_refused(change: dict[str, Any]) -> None:
    genuine = {**CLAIMS, "role": "viewer"}
    head, _, signature = _signed(genuine).split(".")
    assert _sessions().read(f"{head}.{_part({**genuine, **change})}.{signature}", NOW) is None


@pytest.mark.parametrize("missing", list(CLAIMS))
def test_a_signed_token_that_lacks_a_claim_is_refused(missing: str) -> None:
    claims = {name: value for name, value in CLAIMS.items() if name != missing}
    assert _sessions().read(_signed(claims), NOW) is None


@pytest.mark.parametrize(
    "change",
    [
        {"role": "root"},
        {"role": None},
        {"role": ["admin"]},
        {"ver": "1"},
        {"exp": "never"},
        {"exp": None},
        {"iat": "now"},
        {"jti": ""},
        {"exp": 1e400},
    ],
    ids=str,
)
def test_a_signed_token_with_a_claim_of_the_wrong_type_is_refused(change: dict[str, Any]) -> None:
    claims = {**CLAIMS, **change}
    if change == {"jti": ""}:
        assert _sessions().read(_signed(claims), NOW) is not None, "an empty text is a text"
        return
    signing = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    assert _sessions().read(f"{signing}.{_signature(signing)}", NOW) is None


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}"))
def test_rubbish_is_refused_without_an_exception(text: str) -> None:
    assert _sessions().read(text, NOW) is None


@pytest.mark.parametrize(
    "payload", [b"[]", b"null", b'"text"', b"[" * 3000, b"9" * 3000, b'{"exp": 1', b"\xff\xfe", b"{}"]
)
def test_a_signed_payload_that_is_no_object_of_ours_is_refused(payload: bytes) -> None:
    body = base64.urlsafe_b64encode(payload).rstrip(b"=").decode()[:3900]
    signing = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{body}"
    assert _sessions().read(f"{signing}.{_signature(signing)}", NOW) is None


def test_an_endless_token_is_refused_unread() -> None:
    assert _sessions().read(_signed({**CLAIMS, "pad": "x" * 5000}), NOW) is None


@pytest.mark.parametrize("secret", [b"", b"short", b"x" * 31])
def test_a_secret_that_can_be_guessed_stops_the_start(secret: bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"auth\.jwt_secret.*at least 32"):
        Sessions(secret)
