"""From a user name and a password to a session, at a guesser's expense and not at ours."""

from __future__ import annotations

from dataclasses import dataclass

from llmlb.auth import denials
from llmlb.auth.gatekeeper import Gatekeeper
from llmlb.auth.limits import LoginLimiter
from llmlb.auth.passwords import Passwords
from llmlb.auth.principals import Denial, Role
from llmlb.auth.sessions import SessionToken
from llmlb.errors import PasswordsBusy
from llmlb.store.rows import UserRow


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A login that succeeded. token: shown to the caller only.  user: as it was when the password was checked."""

    token: SessionToken
    user: UserRow


class LoginDesk:
    """Checks logins against the users that the gatekeeper knows."""

    def __init__(self, gatekeeper: Gatekeeper, passwords: Passwords) -> None:
        self._gatekeeper = gatekeeper
        self._passwords = passwords
        self._limiter = LoginLimiter()

    async def log_in(
        self, username: str, password: str, *, address: str, now_s: float, now_unix: float
    ) -> LoggedIn | Denial:
        """A new session, or why not. address: the caller's, for the limits.

        An unknown user and a wrong password give the same answer after the same time. The caller writes the
        audit row and the user's last_login.
        """
        refusal = self._limiter.attempt(username, address, now_s)
        if refusal is not None:
            return refusal
        user = self._gatekeeper.user(username)
        try:
            is_right = await self._passwords.verify(user.password_hash if user else None, password)
        except PasswordsBusy:
            return denials.LOGINS_QUEUED
        if user is None or not is_right:
            return denials.WRONG_LOGIN
        self._limiter.succeeded(username, address, now_s)
        token = self._gatekeeper.sessions.issue(
            user.username, role=Role(user.role), version=user.token_version, now_unix=now_unix
        )
        return LoggedIn(token, user)
