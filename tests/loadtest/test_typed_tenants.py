from __future__ import annotations

import pytest

from llmlb.errors import ConfigurationError
from llmlb.loadtest.plan import Tenant
from llmlb.loadtest.typed_tenants import tenant_keys_of, tenants_of, users_of

TWO = (Tenant("a", 1.0), Tenant("b", 2.0))


def test_tenants_are_read_with_their_weights() -> None:
    assert tenants_of("a:1, b:2") == TWO
    assert tenants_of("team-1,team_2:0.5") == (Tenant("team-1", 1.0), Tenant("team_2", 0.5))
    assert tenants_of("") == ()


@pytest.mark.parametrize(
    "text", ["a", "a:1,a:2", "a:1,b:0", "a:1,b:-1", "a:1,b:x", "a:1,:2", "a b:1,c:1", "a.b,c", ","]
)
def test_what_names_no_tenants_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        tenants_of(text)


def test_a_closed_loop_has_whole_users() -> None:
    assert users_of(TWO) == 3
    with pytest.raises(ConfigurationError, match=r"a has 0\.5 users; write whole numbers, or add a --rate"):
        users_of((Tenant("a", 0.5), Tenant("b", 1.0)))
    with pytest.raises(ConfigurationError, match="at most 10000"):
        users_of((Tenant("a", 9000.0), Tenant("b", 1001.0)))


def test_keys_are_given_for_all_tenants_or_for_none() -> None:
    assert tenant_keys_of(("b=sk-2", "a=sk-1=x"), TWO) == (("a", "sk-1=x"), ("b", "sk-2"))
    assert tenant_keys_of((), TWO) == ()


@pytest.mark.parametrize("texts", [("a=sk-1",), ("a=sk-1", "b=sk-2", "c=sk-3"), ("a=sk-1", "a=sk-2"), ("a=", "b=sk-2")])
def test_keys_that_do_not_fit_are_refused_without_showing_one(texts: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        tenant_keys_of(texts, TWO)
    assert "sk-" not in refused.value.message
