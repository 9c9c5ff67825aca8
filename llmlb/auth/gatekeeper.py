"""The one object that tells who is calling. It answers from memory, at once, on the event loop's thread.

The runtime fills it from the store and tells it of every change; it never asks the store, so a frozen
database delays nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from llmlb.auth import denials
from llmlb.auth.limits import KeyLimiter
from llmlb.auth.principals import ApiKey, Denial, LocalOperator, NodeIdentity, Operator, Scope
from llmlb.auth.sessions import Session, Sessions
from llmlb.auth.tokens import CredentialKind, hash_token, kind_of
from llmlb.store.rows import ApiKeyRow, JoinTokenRow, UserRow

CACHED_CREDENTIALS = 4096
LONGEST_CREDENTIAL = 4096
_LATEST = ":latest"


class Gatekeeper:
    """Turns credentials into principals, or into a ``Denial`` that says what to do next.

    A credential is the raw value of a header: ``Authorization`` with or without ``Bearer``, ``x-api-key``,
    ``X-Node-Token``. Empty means that the header was absent. ``now_unix`` is the wall clock (expiry),
    ``now_s`` the monotonic one (rates). Every method is O(1) and never waits.
    """

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self._limits = KeyLimiter()
        self._keys: dict[str, ApiKey] = {}
        self._key_hashes: dict[str, str] = {}
        self._seen: dict[bytes, ApiKey] = {}
        self._users: dict[str, UserRow] = {}
        self._node_ids: dict[str, str] = {}
        self._node_hashes: dict[str, str] = {}
        self._join_tokens: dict[str, JoinTokenRow] = {}
        self._revoked: dict[str, float] = {}
        self._local_hash = ""

    def load(
        self,
        *,
        keys: Iterable[ApiKeyRow] = (),
        users: Iterable[UserRow] = (),
        join_tokens: Iterable[JoinTokenRow] = (),
        revoked_sessions: Mapping[str, float] | None = None,
    ) -> None:
        """Adds what the store holds, but for the nodes' tokens. revoked_sessions: jti to its expiry."""
        for key in keys:
            self.put_key(key)
        for user in users:
            self.put_user(user)
        for token in join_tokens:
            self.put_join_token(token)
        self._revoked.update(revoked_sessions or {})

    # -- changes ---------------------------------------------------------------------------------------------

    def put_key(self, row: ApiKeyRow) -> None:
        """Learns a key or its new limits; a revoked one is dropped."""
        self._seen.clear()
        old_hash = self._key_hashes.pop(row.id, None)
        if old_hash is not None:
            self._keys.pop(old_hash, None)
        if row.revoked:
            self._limits.forget(row.id)
            return
        self._keys[row.key_hash] = _principal_of(row)
        self._key_hashes[row.id] = row.key_hash

    def drop_key(self, key_id: str) -> None:
        self._seen.clear()
        self._limits.forget(key_id)
        key_hash = self._key_hashes.pop(key_id, None)
        if key_hash is not None:
            self._keys.pop(key_hash, None)

    def put_user(self, row: UserRow) -> None:
        """Learns a user. A higher token_version ends the user's older sessions."""
        self._users[row.username] = row

    def drop_user(self, username: str) -> None:
        self._users.pop(username, None)

    def user(self, username: str) -> UserRow | None:
        return self._users.get(username)

    def put_node_token(self, node_id: str, token_hash: str) -> None:
        """Learns a node's token; the one before it stops working. An empty hash: the node has none."""
        self.drop_node(node_id)
        if token_hash:
            self._node_ids[token_hash] = node_id
            self._node_hashes[node_id] = token_hash

    def drop_node(self, node_id: str) -> None:
        old_hash = self._node_hashes.pop(node_id, None)
        if old_hash is not None:
            self._node_ids.pop(old_hash, None)

    def put_join_token(self, row: JoinTokenRow) -> None:
        if row.revoked:
            self._join_tokens.pop(row.token_hash, None)
        else:
            self._join_tokens[row.token_hash] = row

    def drop_join_token(self, token_id: str) -> None:
        for token_hash, row in list(self._join_tokens.items()):
            if row.id == token_id:
                del self._join_tokens[token_hash]

    def revoke_session(self, jti: str, expires_at: float) -> None:
        """Ends one session. expires_at: unix seconds, after which it need not be remembered."""
        self._revoked[jti] = expires_at

    def forget_expired(self, now_unix: float) -> None:
        """Drops the memory of sessions that are over anyway; call it now and then."""
        self._revoked = {jti: until for jti, until in self._revoked.items() if until > now_unix}

    def put_local_token(self, token_hash: str) -> None:
        """Learns the credential of the data directory's 0600 file."""
        self._local_hash = token_hash

    # -- who is calling --------------------------------------------------------------------------------------

    def api_key(self, credential: bytes, now_unix: float, scope: Scope = Scope.API) -> ApiKey | Denial:
        """Who calls ``/v1``, or ``/metrics`` with that scope. Under a microsecond for a key seen before."""
        key = self._seen.get(credential)
        if key is None:
            found = self._find_key(credential)
            if isinstance(found, Denial):
                return found
            key = found
        if key.expires_at is not None and now_unix >= key.expires_at:
            return denials.EXPIRED_KEY
        return key if scope in key.scopes else denials.MISSING_SCOPE[scope]

    def operator(self, credential: bytes, now_unix: float) -> Operator | LocalOperator | ApiKey | Denial:
        """Who calls the control API: a session, a key with the admin scope, or the router's own machine."""
        text = credential_of(credential)
        match kind_of(text):
            case CredentialKind.API_KEY:
                key = self.api_key(credential, now_unix, scope=Scope.ADMIN)
                return denials.INVALID_ADMIN_KEY if key is denials.INVALID_KEY else key
            case CredentialKind.LOCAL_TOKEN:
                is_genuine = bool(self._local_hash) and hash_token(text) == self._local_hash
                return LocalOperator() if is_genuine else denials.STALE_LOCAL_TOKEN
            case CredentialKind.SESSION:
                return self._operator_of(text, now_unix)
            case CredentialKind.NODE_TOKEN | CredentialKind.JOIN_TOKEN:
                return denials.NOT_AN_OPERATOR
            case CredentialKind.OTHER:
                return denials.LOGIN_AGAIN if text else denials.LOGIN_NEEDED

    def admin(self, credential: bytes, now_unix: float) -> Operator | LocalOperator | ApiKey | Denial:
        """Who calls a part of the control API that changes something: as ``operator``, without viewers."""
        caller = self.operator(credential, now_unix)
        if isinstance(caller, Denial) or caller.is_admin:
            return caller
        return denials.ADMIN_NEEDED

    def node_token(self, credential: bytes, node_id: str | None = None) -> NodeIdentity | Denial:
        """Which node this heartbeat is from. node_id: what the body names, or None."""
        text = credential_of(credential)
        if not text:
            return denials.NODE_TOKEN_NEEDED
        owner = self._node_ids.get(hash_token(text))
        if owner is None:
            return denials.INVALID_NODE_TOKEN
        return NodeIdentity(owner) if node_id is None or node_id == owner else denials.FOREIGN_NODE_TOKEN

    def spend_join_token(self, credential: bytes, now_unix: float) -> JoinTokenRow | Denial:
        """Uses a join token once. The row that comes back carries the new count and is to be saved."""
        text = credential_of(credential)
        if not text:
            return denials.JOIN_TOKEN_NEEDED
        row = self._join_tokens.get(hash_token(text))
        if row is None:
            return denials.INVALID_JOIN_TOKEN
        is_over = row.expires_at is not None and now_unix >= row.expires_at
        if is_over or (row.max_uses is not None and row.uses >= row.max_uses):
            return denials.SPENT_JOIN_TOKEN
        spent = replace(row, uses=row.uses + 1)
        self._join_tokens[row.token_hash] = spent
        return spent

    # -- what a key may do -----------------------------------------------------------------------------------

    def may_use_model(self, key: ApiKey, model: str) -> bool:
        """Whether the key's list of models, if any, names this one; ``:latest`` makes no difference."""
        return key.models is None or model.removesuffix(_LATEST) in key.models

    def admit(self, key: ApiKey, now_s: float) -> Denial | None:
        """Counts a request of the key in, or refuses it (429). Who is admitted must ``release`` once."""
        return self._limits.admit(key, now_s)

    def release(self, key: ApiKey) -> None:
        self._limits.release(key)

    def in_flight(self, key_id: str) -> int:
        """Requests of a limited key that are running; 0 for a key without limits, which is not counted."""
        return self._limits.in_flight(key_id)

    # -- inside ----------------------------------------------------------------------------------------------

    def _find_key(self, credential: bytes) -> ApiKey | Denial:
        text = credential_of(credential)
        match kind_of(text):
            case CredentialKind.API_KEY:
                key = self._keys.get(hash_token(text))
            case CredentialKind.SESSION | CredentialKind.LOCAL_TOKEN:
                return denials.LOGIN_IS_NO_KEY
            case _:
                return denials.INVALID_KEY if text else denials.KEY_NEEDED
        if key is None:
            return denials.INVALID_KEY
        if len(self._seen) >= CACHED_CREDENTIALS:
            self._seen.clear()
        # Only genuine keys are remembered: guesses cannot push them out.
        self._seen[bytes(credential)] = key
        return key

    def _operator_of(self, token: str, now_unix: float) -> Operator | Denial:
        session = self.sessions.read(token, now_unix)
        if session is None or session.jti in self._revoked or not self._stands(session):
            return denials.LOGIN_AGAIN
        return Operator(session.username, session.role, session.jti, session.expires_at)

    def _stands(self, session: Session) -> bool:
        user = self._users.get(session.username)
        return user is not None and user.token_version == session.version and user.role == session.role


def credential_of(header: bytes) -> str:
    """The credential inside a header's raw value, with or without ``Bearer``; "" if there is none."""
    if len(header) > LONGEST_CREDENTIAL:
        return "?"
    text = header.decode("latin-1").strip(" \t")
    scheme, _, rest = text.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip(" \t")
    return text


def _principal_of(row: ApiKeyRow) -> ApiKey:
    scopes = {Scope(scope) for scope in row.scopes if scope in set(Scope)}
    return ApiKey(
        id=row.id,
        name=row.name,
        scopes=frozenset(Scope) if Scope.ADMIN in scopes else frozenset(scopes),
        models=None if row.models is None else frozenset(name.removesuffix(_LATEST) for name in row.models),
        requests_per_minute=row.requests_per_minute,
        max_concurrency=row.max_concurrency,
        expires_at=row.expires_at,
    )
