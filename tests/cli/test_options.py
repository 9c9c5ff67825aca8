"""The options that many commands share."""

from __future__ import annotations

import pytest
from cli.command_line import Run
from cli.fake_router import TOKEN, FakeRouter, node

from llmlb_cli.options import GROUPS, Options, options_from, shared_options


def test_every_shared_option_lands_in_a_field() -> None:
    names = {option.name for option in shared_options(" ".join(GROUPS)) if option.expose_value}
    assert names == set(Options._fields)


def test_what_was_not_given_keeps_its_default() -> None:
    assert options_from({"url": None, "limit": 3, "stranger": 1}) == Options(limit=3)


def test_an_option_in_front_of_the_command_counts(router: FakeRouter, run: Run) -> None:
    router.add(node("node-1"))
    assert run("-o", "name", "nodes", "list").out == "node-1\n"
    assert run("nodes", "-o", "name", "list").out == "node-1\n"


def test_the_last_place_wins(router: FakeRouter, run: Run) -> None:
    router.add(node("node-1"))
    assert run("-o", "json", "nodes", "list", "-o", "name").out == "node-1\n"


def test_a_variable_counts_less_than_the_option(router: FakeRouter, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    router.add(node("node-1"))
    monkeypatch.setenv("LLMLB_OUTPUT", "json")
    assert run("nodes", "list", "-o", "name").out == "node-1\n"
    assert run("nodes", "list").out.startswith("{")
    assert run("-o", "name", "nodes", "list").out == "node-1\n", "wherever the option stands"


@pytest.mark.parametrize(
    "words",
    [
        "-o jsn",
        "--limit -1",
        "--limit x",
        "--timeout 0",
        "--timeout -3",
        "--timeout nan",
        "--timeout 1e9",
        "--url nowhere",
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_a_hint(words: str, router: FakeRouter, run: Run) -> None:
    ran = run("nodes", "list", *words.split())
    assert ran.code == 2
    assert "hint:" in ran.err or "http://HOST:PORT" in ran.err
    assert router.asked == []


def test_a_credential_on_the_command_line_is_refused_with_a_reason(router: FakeRouter, run: Run) -> None:
    ran = run("nodes", "list", "--token", TOKEN)
    assert ran.code == 2
    assert "ps" in ran.err
    assert "--token-file" in ran.err
    assert TOKEN not in ran.err
    assert router.asked == []


def test_a_mistyped_format_gets_the_nearest_one(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "did you mean json" in run("version", "-o", "jsno").err
    monkeypatch.setenv("LLMLB_OUTPUT", "jsno")
    assert 'no output format "jsno", as LLMLB_OUTPUT says' in run("version").err
