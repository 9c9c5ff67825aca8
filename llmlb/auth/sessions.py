"""Operators' sessions: signed tokens (JWT, HS256 and nothing else) that survive a restart of the router."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import jwt

from llmlb.auth.principals import Role
from llmlb.errors import ConfigurationError

ALGORITHM = "HS256"
SESSION_S = 12 * 3600.0
CLOCK_LEEWAY_S = 60.0
SECRET_BYTES = 32
LONGEST_TOKEN = 4096

_HEADER = {"alg": ALGORITHM, "typ": "JWT"}
_CLAIMS = ["exp", "iat", "sub", "jti", "role", "ver"]


@dataclass(frozen=True, slots=True)
class Session:
    """What a session token says. issued_at, expires_at: unix seconds. version: the user's token_version."""

    username: str
    role: Role
    version: int
    jti: str
    issued_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class SessionToken:
    """A new session and the token that proves it, which is shown to its owner only."""

    token: str
    session: Session


class Sessions:
    """Signs and reads session tokens. Nothing in a token chooses how it is checked."""

    def __init__(self, secret: bytes, *, lifetime_s: float = SESSION_S) -> None:
        """secret: at least 32 bytes, else ConfigurationError: a shorter one can be guessed offline."""
        if len(secret) < SECRET_BYTES:
            raise ConfigurationError(
                f"auth.jwt_secret has {len(secret)} bytes and needs at least {SECRET_BYTES}; unset it to "
                "have one generated."
            )
        self._secret = secret
        self.lifetime_s = lifetime_s

    def issue(self, username: str, *, role: Role, version: int, now_unix: float) -> SessionToken:
        issued_at = int(now_unix)
        expires_at = issued_at + int(self.lifetime_s)
        jti = secrets.token_urlsafe(16)
        claims = {
            "exp": expires_at,
            "iat": issued_at,
            "sub": username,
            "jti": jti,
            "role": role.value,
            "ver": version,
        }
        token = jwt.encode(claims, self._secret, algorithm=ALGORITHM)
        return SessionToken(token, Session(username, role, version, jti, issued_at, expires_at))

    def read(self, token: str, now_unix: float) -> Session | None:
        """The session behind a token, or None if it is not ours, not valid yet or over.

        The header must be exactly the one we write: a key id, ``crit`` or another algorithm is refused before
        any signature is computed. Expiry is checked against now_unix, so that the caller owns the clock.
        """
        if len(token) > LONGEST_TOKEN:
            return None
        try:
            if jwt.get_unverified_header(token) != _HEADER:
                return None
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                options={
                    "require": _CLAIMS,
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except (jwt.PyJWTError, ValueError, RecursionError):
            return None
        session = _session_of(claims)
        if session is None or now_unix >= session.expires_at:
            return None
        return session if session.issued_at <= now_unix + CLOCK_LEEWAY_S else None


def _session_of(claims: dict[str, object]) -> Session | None:
    match claims:
        case {
            "sub": str(username),
            "role": str(role),
            "ver": int(version),
            "jti": str(jti),
            "iat": int(issued_at),
            "exp": int(expires_at),
        } if role in set(Role):
            return Session(username, Role(role), version, jti, float(issued_at), float(expires_at))
        case _:
            return None
