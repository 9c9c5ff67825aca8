"""Plain reads without Typer: what they read, Typer reads alike."""

from __future__ import annotations

from functools import wraps
from inspect import signature

import pytest
import typer
from cli.test_groups import VERBS
from hypothesis import example, given
from hypothesis import strategies as st

from llmlb_cli.commands import alerts, nodes, requests, status
from llmlb_cli.groups import load
from llmlb_cli.main import _dispatched
from llmlb_cli.options import Options, options_of
from llmlb_cli.plain import PlainLine, plain_line, plain_read
from llmlb_cli.tree import LIST, Verb

PLAIN = [(name, verb) for name, verb in VERBS if verb.plain is not None]
READS = {
    ("nodes", "list"): (nodes, "list_nodes"),
    ("no", "list"): (nodes, "list_nodes"),
    ("requests", "list"): (requests, "list_requests"),
    ("alerts", "list"): (alerts, "list_alerts"),
    ("status",): (status, "status"),
}
SPELLINGS = (
    *("-o", "--output", "--color", "--fields", "--sort-by", "--filter", "--url", "--context", "--token-file"),
    *("--ca-file", "-q", "--quiet", "-v", "--verbose", "--no-headers"),
    *("--state", "--q", "--since", "--status", "--severity"),
    *("--limit", "--timeout", "-w", "--all", "--", "-", "extra", "-oname"),
)
VALUES = ("json", "name", "always", "id,state", "-gpu", "", "http://127.0.0.1:9", "3", "nonsense")
WORDS = st.lists(
    st.one_of(
        st.sampled_from(SPELLINGS),
        st.sampled_from(VALUES),
        st.builds("{}={}".format, st.sampled_from(SPELLINGS), st.sampled_from(("csv", "never", "", "a=b"))),
    ),
    max_size=6,
)


@given(read=st.sampled_from(list(READS)), words=WORDS, variable=st.sampled_from(("", "yaml", "nonsense")))
@example(read=("status",), words=["--filter", "x"], variable="")
@example(read=("nodes", "list"), words=["-o=json"], variable="")
@example(read=("nodes", "list"), words=["--fields", "--url", "-q", "--color=never"], variable="yaml")
@example(read=("nodes", "list"), words=["--state", "--q", "--q=x", "--model="], variable="")
@example(read=("requests", "list"), words=["--sort-by", "-total", "--no-headers", "-v"], variable="")
def test_both_ways_read_the_same_options(read: tuple[str, ...], words: list[str], variable: str) -> None:
    module, name = READS[read]
    command = getattr(module, name)
    found: list[dict[str, object]] = []

    @wraps(command)
    def seen(ctx: typer.Context, **own: object) -> None:
        called = signature(command).bind(options_of(ctx), **own)
        called.apply_defaults()
        found.append(called.arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, seen)
        patch.setattr(module, "typer", typer, raising=False)
        patch.setenv("LLMLB_OUTPUT", variable)
        plain = plain_read([*read, *words])
        if plain is not None:
            plain()
            assert _dispatched([*read, *words]) == 0
            assert found[0] == found[1]


@pytest.mark.parametrize(("name", "verb"), PLAIN, ids=[name for name, _ in PLAIN])
def test_a_plain_verb_needs_nothing_and_names_its_own_options_that_hold_a_text(name: str, verb: Verb) -> None:
    own = load(name, verb._replace(options="")).params
    texts = (verb.plain or "").split()
    assert not [each.name for each in own if each.required]
    assert set(texts) <= {each.name for each in own}
    for each in own:
        if each.name in texts:
            assert (each.opts, each.type.name, each.callback) == ([f"--{each.name}"], "str", None)
            continue
        for spelling in each.opts:
            assert plain_line(verb, [spelling]) is None
            assert plain_line(verb, [spelling, "1"]) is None


@pytest.mark.parametrize("words", [["-o", "jsn"], ["--color", "red"], ["--url"], ["--limit", "3"], ["--help"], ["x"]])
def test_what_needs_more_than_a_look_is_left_to_typer(words: list[str]) -> None:
    assert plain_line(Verb("", "", LIST, plain="state"), words) is None


def test_a_plain_line_is_read_without_typer() -> None:
    words = ["-o", "json", "--filter=gpu>80", "--state", "online", "-q"]
    read = PlainLine(Options(output="json", filter="gpu>80", quiet=True), {"state": "online"})
    assert plain_line(Verb("", "", LIST, plain="state"), words) == read
    assert plain_line(Verb("", "", LIST, plain=""), []) == PlainLine(Options(), {})


@pytest.mark.parametrize("name", ["LLMLB_OUTPUT", "LLMLB_TIMEOUT"])
def test_a_variable_that_cannot_be_used_is_left_to_typer(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "nonsense")
    assert plain_read(["nodes", "list"]) is None


@pytest.mark.parametrize("line", ["nodes get x", "nodes approve x", "version", "nodes", "", "nodes list --limit 3"])
def test_other_lines_are_not_plain(line: str) -> None:
    assert plain_read(line.split()) is None
