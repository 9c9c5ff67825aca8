"""Lazy commands: each line of the table works."""

from __future__ import annotations

import pytest
from cli.command_line import Run

from llmlb_cli.groups import load
from llmlb_cli.tree import COMMANDS, Noun, Verb

VERBS = [
    (f"{name} {verb}", entry)
    for name, noun in COMMANDS.items()
    if isinstance(noun, Noun)
    for verb, entry in noun.verbs.items()
] + [(name, verb) for name, verb in COMMANDS.items() if isinstance(verb, Verb)]


@pytest.mark.parametrize(("name", "verb"), VERBS, ids=[name for name, _ in VERBS])
def test_each_line_of_the_table_leads_to_a_command_with_examples(name: str, verb: Verb, run: Run) -> None:
    command = load(name.split()[-1], verb)
    assert command.help
    ran = run(*name.split(), "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: llmlb {name} ")
    assert f"\n  llmlb {name}" in ran.out
    assert "Exit codes:" in ran.out


def test_a_verb_without_a_command_names_what_there_is(run: Run) -> None:
    ran = run("nodes")
    assert ran.code == 2
    assert "approve" in ran.err


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("nods list", "nodes"),
        ("nodes lst", "list"),
        ("node aprove x", "approve"),
        ("statsu", "status"),
        ("thresh get", "thresholds"),
    ],
)
def test_an_unknown_word_gets_the_nearest_command(line: str, hint: str, run: Run) -> None:
    ran = run(*line.split())
    assert ran.code == 2
    assert "did you mean" in ran.err
    assert hint in ran.err


@pytest.mark.parametrize("alias", ["node", "no", "key", "user", "threshold", "th"])
def test_short_names_lead_to_the_noun(alias: str, run: Run) -> None:
    assert run(alias, "--help").out.startswith("Usage: llmlb ")


@pytest.mark.parametrize(
    "line", ["nodes list extra", "nodes list --bogus", "--bogus", "nodes get", "keys create", "\x1b[2J"]
)
def test_a_wrong_line_is_told_without_a_traceback_or_an_escape(line: str, run: Run) -> None:
    ran = run(*line.split())
    assert ran.code == 2
    assert ran.err.startswith("error: ")
    assert "Traceback" not in ran.err
    assert "\x1b" not in ran.err


def test_help_followed_by_a_command_is_its_help(run: Run) -> None:
    assert run("help", "nodes", "list").out == run("nodes", "list", "-h").out
