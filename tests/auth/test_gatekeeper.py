"""Who gets in, with what, and until when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.auth import denials
from llmlb.auth.gatekeeper import CACHED_CREDENTIALS, Gatekeeper, credential_of
from llmlb.auth.principals import ApiKey, Denial, LocalOperator, NodeIdentity, Operator, Role, Scope
from llmlb.auth.sessions import Sessions
from llmlb.auth.tokens import hash_token, hint, new_api_key, new_join_token, new_local_token, new_node_token
from llmlb.store.rows import ApiKeyRow, JoinTokenRow, UserRow

NOW = 1_800_000_000.0
KEY, METRICS_KEY, ADMIN_KEY = new_api_key(), new_api_key(), new_api_key()
NODE_TOKEN, OTHER_NODE_TOKEN = new_node_token(), new_node_token()
JOIN_TOKEN, LOCAL_TOKEN = new_join_token(), new_local_token()


def _key_row(key: str, scope: str = "api", **values: object) -> ApiKeyRow:
    return ApiKeyRow(
        id=f"id-{hint(key)}", name="ci", key_hash=hash_token(key), hint=hint(key), scopes=(scope,), created_at=0.0,
        **values,  # type: ignore[arg-type]  # any field
    )  # fmt: skip


USER = UserRow(id="u1", username="ada", password_hash="", role="admin", created_at=0.0, token_version=1)
VIEWER = UserRow(id="u2", username="bob", password_hash="", role="viewer", created_at=0.0, token_version=1)
JOIN_ROW = JoinTokenRow(id="j1", name="rack", token_hash=hash_token(JOIN_TOKEN), hint="", created_at=0.0)


@pytest.fixture
def gatekeeper() -> Gatekeeper:
    made = Gatekeeper(Sessions(b"s" * 32))
    made.load(
        keys=[_key_row(KEY), _key_row(METRICS_KEY, "metrics"), _key_row(ADMIN_KEY, "admin")],
        users=[USER, VIEWER],
        join_tokens=[JOIN_ROW],
    )
    made.put_node_token("node-1", hash_token(NODE_TOKEN))
    made.put_node_token("node-2", hash_token(OTHER_NODE_TOKEN))
    made.put_local_token(hash_token(LOCAL_TOKEN))
    return made


def _bearer(credential: str) -> bytes:
    return f"Bearer {credential}".encode()


def _session(gatekeeper: Gatekeeper, user: UserRow = USER) -> bytes:
    issued = gatekeeper.sessions.issue(user.username, role=Role(user.role), version=user.token_version, now_unix=NOW)
    return _bearer(issued.token)


def _status(answer: object) -> int:
    return answer.status if isinstance(answer, Denial) else 200


# -- API keys ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header", [f"Bearer {KEY}", f"bearer {KEY}", f"BEARER   {KEY} ", KEY, f" {KEY}\t"], ids=range(5)
)
def test_a_key_works_in_every_spelling_of_its_header(gatekeeper: Gatekeeper, header: str) -> None:
    for _ in range(2):
        key = gatekeeper.api_key(header.encode(), NOW)
        assert isinstance(key, ApiKey)
        assert key.name == "ci"


@pytest.mark.parametrize(
    "header",
    [b"Bearer", b"Bearer ", b"Bearer sk-", b"sk-1234", b"Bearer sk-debug", b"Basic YWRtaW46dGVzdA==", b"\xff\xfe",
     b"Bearer " + b"x" * 100_000, b"' OR '1'='1", _bearer(KEY[:-1]), _bearer(KEY + "x"), _bearer(KEY.swapcase()),
     b"Bearer Bearer " + KEY.encode(), _bearer(KEY) + b"," + _bearer(KEY)],
    ids=range(14),
)  # fmt: skip
def test_what_is_not_a_key_is_refused(gatekeeper: Gatekeeper, header: bytes) -> None:
    assert _status(gatekeeper.api_key(header, NOW)) == 401


def test_no_header_and_a_wrong_one_are_told_apart(gatekeeper: Gatekeeper) -> None:
    assert gatekeeper.api_key(b"", NOW) is denials.KEY_NEEDED
    assert gatekeeper.api_key(_bearer(new_api_key()), NOW) is denials.INVALID_KEY


def test_a_key_expires_though_it_was_seen_a_moment_ago(gatekeeper: Gatekeeper) -> None:
    key = new_api_key()
    gatekeeper.put_key(_key_row(key, expires_at=NOW + 10))
    assert isinstance(gatekeeper.api_key(_bearer(key), NOW + 9), ApiKey)
    assert gatekeeper.api_key(_bearer(key), NOW + 10) is denials.EXPIRED_KEY


@pytest.mark.parametrize("how", ["drop", "revoke"])
def test_a_key_stops_at_once_though_it_was_seen_a_moment_ago(gatekeeper: Gatekeeper, how: str) -> None:
    assert isinstance(gatekeeper.api_key(_bearer(KEY), NOW), ApiKey)
    if how == "drop":
        gatekeeper.drop_key(_key_row(KEY).id)
    else:
        gatekeeper.put_key(_key_row(KEY, revoked=True))
    assert gatekeeper.api_key(_bearer(KEY), NOW) is denials.INVALID_KEY
    assert isinstance(gatekeeper.api_key(_bearer(METRICS_KEY), NOW, scope=Scope.METRICS), ApiKey)


def test_a_replaced_key_takes_the_place_of_the_old_one(gatekeeper: Gatekeeper) -> None:
    new = new_api_key()
    gatekeeper.put_key(replace(_key_row(new), id=_key_row(KEY).id))
    assert gatekeeper.api_key(_bearer(KEY), NOW) is denials.INVALID_KEY
    assert isinstance(gatekeeper.api_key(_bearer(new), NOW), ApiKey)


def test_new_limits_are_seen_at_the_next_request(gatekeeper: Gatekeeper) -> None:
    gatekeeper.api_key(_bearer(KEY), NOW)
    gatekeeper.put_key(_key_row(KEY, max_concurrency=3))
    key = gatekeeper.api_key(_bearer(KEY), NOW)
    assert isinstance(key, ApiKey)
    assert key.max_concurrency == 3


@pytest.mark.parametrize(
    ("key", "allowed"),
    [(KEY, {Scope.API}), (METRICS_KEY, {Scope.METRICS}), (ADMIN_KEY, set(Scope))],
    ids=["api", "metrics", "admin"],
)
def test_a_key_does_what_its_scope_says_and_no_more(gatekeeper: Gatekeeper, key: str, allowed: set[Scope]) -> None:
    for scope in Scope:
        answer = gatekeeper.api_key(_bearer(key), NOW, scope=scope)
        assert isinstance(answer, ApiKey) if scope in allowed else answer is denials.MISSING_SCOPE[scope]


def test_a_scope_nobody_knows_gives_nothing(gatekeeper: Gatekeeper) -> None:
    key = new_api_key()
    gatekeeper.put_key(_key_row(key, "root"))
    for scope in Scope:
        assert _status(gatekeeper.api_key(_bearer(key), NOW, scope=scope)) == 403


def test_the_memory_of_spellings_is_bounded_and_guesses_are_not_remembered(gatekeeper: Gatekeeper) -> None:
    for spaces in range(1, CACHED_CREDENTIALS + 50):
        gatekeeper.api_key(b"Bearer " + b" " * (spaces % 3000) + b"sk-guess" + str(spaces).encode(), NOW)
    assert len(gatekeeper._seen) == 0
    cases = 1 << len("bearer")
    for number in range(CACHED_CREDENTIALS + 50):
        word = "".join(c.upper() if number >> place & 1 else c for place, c in enumerate("bearer"))
        gatekeeper.api_key(f"{word}{' ' * (1 + number // cases)}{KEY}".encode(), NOW)
    assert 0 < len(gatekeeper._seen) <= CACHED_CREDENTIALS


@given(st.binary(max_size=300))
def test_no_header_whatever_raises(header: bytes) -> None:
    gatekeeper = Gatekeeper(Sessions(b"s" * 32))
    assert _status(gatekeeper.api_key(header, NOW)) == 401
    assert _status(gatekeeper.operator(header, NOW)) == 401
    assert _status(gatekeeper.node_token(header, "node-1")) == 401
    assert _status(gatekeeper.spend_join_token(header, NOW)) == 401


# -- models and limits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("models", "model", "may"),
    [
        (None, "anything", True),
        ((), "anything", False),
        (("llama3",), "llama3", True),
        (("llama3",), "llama3:latest", True),
        (("llama3:latest",), "llama3", True),
        (("llama3",), "llama3:8b", False),
        (("llama3",), "LLAMA3", False),
        (("a", "b"), "b", True),
    ],
)
def test_a_key_uses_the_models_it_may(
    gatekeeper: Gatekeeper, models: tuple[str, ...] | None, model: str, may: bool
) -> None:
    gatekeeper.put_key(_key_row(KEY, models=models))
    key = gatekeeper.api_key(_bearer(KEY), NOW)
    assert isinstance(key, ApiKey)
    assert gatekeeper.may_use_model(key, model) is may


def test_a_keys_limits_hold_over_a_change_of_the_key(gatekeeper: Gatekeeper) -> None:
    gatekeeper.put_key(_key_row(KEY, max_concurrency=1))
    first = gatekeeper.api_key(_bearer(KEY), NOW)
    assert isinstance(first, ApiKey)
    assert gatekeeper.admit(first, 0.0) is None
    gatekeeper.put_key(_key_row(KEY, max_concurrency=1, models=("a",)))
    second = gatekeeper.api_key(_bearer(KEY), NOW)
    assert isinstance(second, ApiKey)
    assert _status(gatekeeper.admit(second, 0.0)) == 429
    gatekeeper.release(first)
    assert gatekeeper.in_flight(first.id) == 0
    assert gatekeeper.admit(second, 0.0) is None


# -- operators --------------------------------------------------------------------------------------------------


def test_the_three_ways_to_be_an_operator(gatekeeper: Gatekeeper) -> None:
    assert isinstance(gatekeeper.operator(_session(gatekeeper), NOW), Operator)
    assert isinstance(gatekeeper.operator(_bearer(ADMIN_KEY), NOW), ApiKey)
    assert isinstance(gatekeeper.operator(_bearer(LOCAL_TOKEN), NOW), LocalOperator)


@pytest.mark.parametrize("user", [USER, VIEWER], ids=["admin", "viewer"])
def test_a_viewer_reads_and_an_admin_changes(gatekeeper: Gatekeeper, user: UserRow) -> None:
    header = _session(gatekeeper, user)
    assert isinstance(gatekeeper.operator(header, NOW), Operator)
    answer = gatekeeper.admin(header, NOW)
    assert isinstance(answer, Operator) if user is USER else answer is denials.ADMIN_NEEDED


Change = Callable[[Gatekeeper, str], None]


@pytest.mark.parametrize(
    "change",
    [
        lambda gatekeeper, jti: gatekeeper.revoke_session(jti, NOW + 99999),
        lambda gatekeeper, jti: gatekeeper.put_user(replace(USER, token_version=2)),
        lambda gatekeeper, jti: gatekeeper.put_user(replace(USER, role="viewer")),
        lambda gatekeeper, jti: gatekeeper.drop_user("ada"),
    ],
    ids=["logout", "password changed", "role changed", "user deleted"],
)
def test_a_session_ends_at_once_when(gatekeeper: Gatekeeper, change: Change) -> None:
    header = _session(gatekeeper)
    caller = gatekeeper.operator(header, NOW)
    assert isinstance(caller, Operator)
    change(gatekeeper, caller.jti)
    assert gatekeeper.operator(header, NOW) is denials.LOGIN_AGAIN


def test_a_logout_ends_one_session_and_not_the_users_others(gatekeeper: Gatekeeper) -> None:
    first, second = _session(gatekeeper), _session(gatekeeper)
    caller = gatekeeper.operator(first, NOW)
    assert isinstance(caller, Operator)
    gatekeeper.revoke_session(caller.jti, caller.expires_at)
    assert gatekeeper.operator(first, NOW) is denials.LOGIN_AGAIN
    assert isinstance(gatekeeper.operator(second, NOW), Operator)


def test_a_logout_is_remembered_until_the_session_would_have_ended(gatekeeper: Gatekeeper) -> None:
    header = _session(gatekeeper)
    caller = gatekeeper.operator(header, NOW)
    assert isinstance(caller, Operator)
    gatekeeper.revoke_session(caller.jti, caller.expires_at)
    gatekeeper.forget_expired(caller.expires_at - 1)
    assert gatekeeper.operator(header, NOW) is denials.LOGIN_AGAIN
    gatekeeper.forget_expired(caller.expires_at)
    assert gatekeeper.operator(header, caller.expires_at) is denials.LOGIN_AGAIN, "it is over by itself"


def test_a_session_of_another_router_is_refused(gatekeeper: Gatekeeper) -> None:
    other = Gatekeeper(Sessions(b"t" * 32))
    other.put_user(USER)
    assert gatekeeper.operator(_session(other), NOW) is denials.LOGIN_AGAIN


def test_without_a_local_credential_nobody_is_local() -> None:
    gatekeeper = Gatekeeper(Sessions(b"s" * 32))
    assert gatekeeper.operator(_bearer(LOCAL_TOKEN), NOW) is denials.STALE_LOCAL_TOKEN
    assert gatekeeper.operator(b"lt_", NOW) is denials.STALE_LOCAL_TOKEN


# -- every credential against every door ------------------------------------------------------------------------

DOORS: dict[str, Callable[[Gatekeeper, bytes], object]] = {
    "api": lambda gatekeeper, header: gatekeeper.api_key(header, NOW),
    "metrics": lambda gatekeeper, header: gatekeeper.api_key(header, NOW, scope=Scope.METRICS),
    "operator": lambda gatekeeper, header: gatekeeper.operator(header, NOW),
    "admin": lambda gatekeeper, header: gatekeeper.admin(header, NOW),
    "node": lambda gatekeeper, header: gatekeeper.node_token(header, "node-1"),
    "join": lambda gatekeeper, header: gatekeeper.spend_join_token(header, NOW),
}
CREDENTIALS: dict[str, tuple[Callable[[Gatekeeper], bytes], set[str]]] = {
    "api key": (lambda gatekeeper: _bearer(KEY), {"api"}),
    "metrics key": (lambda gatekeeper: _bearer(METRICS_KEY), {"metrics"}),
    "admin key": (lambda gatekeeper: _bearer(ADMIN_KEY), {"api", "metrics", "operator", "admin"}),
    "admin": (_session, {"operator", "admin"}),
    "viewer": (lambda gatekeeper: _session(gatekeeper, VIEWER), {"operator"}),
    "local": (lambda gatekeeper: _bearer(LOCAL_TOKEN), {"operator", "admin"}),
    "node token": (lambda gatekeeper: NODE_TOKEN.encode(), {"node"}),
    "join token": (lambda gatekeeper: JOIN_TOKEN.encode(), {"join"}),
    "nothing": (lambda gatekeeper: b"", set()),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("credential", CREDENTIALS)
def test_a_credential_opens_its_own_doors_only(gatekeeper: Gatekeeper, credential: str, door: str) -> None:
    show, opens = CREDENTIALS[credential]
    answer = DOORS[door](gatekeeper, show(gatekeeper))
    assert (_status(answer) == 200) is (door in opens)


# -- nodes ------------------------------------------------------------------------------------------------------


def test_a_node_token_speaks_for_its_own_node_only(gatekeeper: Gatekeeper) -> None:
    header = NODE_TOKEN.encode()
    assert gatekeeper.node_token(header, "node-1") == NodeIdentity("node-1")
    assert gatekeeper.node_token(header, "node-2") is denials.FOREIGN_NODE_TOKEN
    assert gatekeeper.node_token(header, None) == NodeIdentity("node-1")
    assert gatekeeper.node_token(b"nt_wrong", "node-1") is denials.INVALID_NODE_TOKEN
    assert gatekeeper.node_token(b"", "node-1") is denials.NODE_TOKEN_NEEDED


def test_a_rotated_node_token_stops_the_old_one(gatekeeper: Gatekeeper) -> None:
    fresh = new_node_token()
    gatekeeper.put_node_token("node-1", hash_token(fresh))
    assert gatekeeper.node_token(NODE_TOKEN.encode(), "node-1") is denials.INVALID_NODE_TOKEN
    assert gatekeeper.node_token(fresh.encode(), "node-1") == NodeIdentity("node-1")
    gatekeeper.drop_node("node-1")
    assert gatekeeper.node_token(fresh.encode(), "node-1") is denials.INVALID_NODE_TOKEN


def test_a_node_without_a_token_is_not_entered_with_an_empty_one(gatekeeper: Gatekeeper) -> None:
    gatekeeper.put_node_token("node-3", "")
    assert _status(gatekeeper.node_token(b"", "node-3")) == 401
    assert _status(gatekeeper.node_token(b"nt_", "node-3")) == 401


# -- join tokens ------------------------------------------------------------------------------------------------


def test_a_join_token_is_used_up_even_by_registrations_of_the_same_moment(gatekeeper: Gatekeeper) -> None:
    gatekeeper.put_join_token(replace(JOIN_ROW, max_uses=2))
    answers = [gatekeeper.spend_join_token(JOIN_TOKEN.encode(), NOW) for _ in range(3)]
    assert [getattr(answer, "uses", None) for answer in answers] == [1, 2, None]
    assert answers[2] is denials.SPENT_JOIN_TOKEN


def test_a_join_token_expires_and_is_dropped(gatekeeper: Gatekeeper) -> None:
    gatekeeper.put_join_token(replace(JOIN_ROW, expires_at=NOW))
    assert gatekeeper.spend_join_token(JOIN_TOKEN.encode(), NOW) is denials.SPENT_JOIN_TOKEN
    gatekeeper.drop_join_token("j1")
    assert gatekeeper.spend_join_token(JOIN_TOKEN.encode(), NOW) is denials.INVALID_JOIN_TOKEN
    gatekeeper.put_join_token(JOIN_ROW)
    gatekeeper.put_join_token(replace(JOIN_ROW, revoked=True))
    assert gatekeeper.spend_join_token(JOIN_TOKEN.encode(), NOW) is denials.INVALID_JOIN_TOKEN


def test_a_header_too_long_to_be_a_credential_is_not_read() -> None:
    assert credential_of(b"Bearer " + b"x" * 5000) == "?"
