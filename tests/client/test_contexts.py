"""contexts.toml is read strictly, written in one step, and its mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.client.contexts import Context, Contexts, load_contexts, save_contexts
from llmlb.errors import ConfigurationError

PROD = Context("prod-eu", "https://router.eu.example", ca_file="/etc/ca.pem", confirm="type-name")
LAB = Context("lab", "http://10.0.0.1:8080")


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "contexts.toml"
    path.write_text(text)
    return path


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "new" / "contexts.toml"
    contexts = Contexts().with_context(PROD, make_current=True).with_context(LAB, make_current=False)
    save_contexts(path, contexts)
    assert load_contexts(path) == contexts
    assert [file.name for file in path.parent.iterdir()] == ["contexts.toml"]


NAMES = st.text(min_size=1, max_size=20, alphabet=st.characters(blacklist_categories=["Cs"]))


@given(st.dictionaries(NAMES, NAMES, max_size=4))
def test_any_name_and_note_survives_the_file(tmp_path_factory: pytest.TempPathFactory, users: dict[str, str]) -> None:
    path = tmp_path_factory.mktemp("contexts") / "contexts.toml"
    contexts = Contexts("", {name: Context(name, "http://r:1", user=user) for name, user in users.items()})
    save_contexts(path, contexts)
    assert load_contexts(path) == contexts


def test_no_file_is_no_context(tmp_path: Path) -> None:
    assert load_contexts(tmp_path / "contexts.toml") == Contexts()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[contexts.a", "is not TOML"),
        ("contexts = 7", "contexts is no table"),
        ("[contexts]\na = 7", r"contexts\.a is no table"),
        ('[contexts.a]\nurl = "http://r"\nconfrim = "x"', "did you mean confirm"),
        ('[contexts.a]\nurl = "http://r"\nzzz = "x"', "known: ca_file"),
        ('[contexts.a]\nurl = "http://r"\nuser = 7', r"contexts\.a\.user must be text"),
        ('[contexts.a]\nurl = "http://r"\ncolor = "ultra"', "the colors are red"),
        ('[contexts.a]\nurl = "r:8080"', "not a router URL"),
        ("[contexts.a]\n", "not a router URL"),
        ("\x00", "is not TOML"),
    ],
)
def test_a_mistake_is_named_with_the_file(tmp_path: Path, text: str, words: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationError, match=words) as refused:
        load_contexts(path)
    assert str(path) in refused.value.message


def test_a_file_that_cannot_be_written_is_named_and_no_draft_is_left(tmp_path: Path) -> None:
    (tmp_path / "contexts.toml").mkdir()
    with pytest.raises(ConfigurationError, match="cannot write"):
        save_contexts(tmp_path / "contexts.toml", Contexts())
    assert len(list(tmp_path.iterdir())) == 1


def test_an_unknown_name_suggests_the_nearest() -> None:
    contexts = Contexts("", {"prod-eu": PROD, "lab": LAB})
    with pytest.raises(ConfigurationError, match=r"known: prod-eu$"):
        contexts.named("prod-ue")
    with pytest.raises(ConfigurationError, match="llmlb login"):
        Contexts().named("prod")


def test_the_current_context_wins_among_those_of_one_router() -> None:
    twin = LAB._replace(name="twin")
    contexts = Contexts("twin", {"lab": LAB, "twin": twin})
    assert contexts.at("http://10.0.0.1:8080") == twin
    assert contexts.at("http://10.0.0.2:8080") is None


def test_removing_the_current_context_leaves_none_current() -> None:
    contexts = Contexts("lab", {"lab": LAB, "prod-eu": PROD})
    assert contexts.without("lab") == Contexts("", {"prod-eu": PROD})
    assert contexts.without("prod-eu").current == "lab"


def test_switching_to_an_unknown_context_is_refused() -> None:
    contexts = Contexts("", {"lab": LAB})
    assert contexts.using("lab").current == "lab"
    with pytest.raises(ConfigurationError):
        contexts.using("nowhere")
