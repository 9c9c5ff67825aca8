"""The help pages."""

from __future__ import annotations

import shlex

import pytest
from cli.command_line import Run
from cli.test_groups import VERBS

from llmlb_cli.groups import load
from llmlb_cli.pages import CELLS, front_page, noun_page, split_docstring, table_page
from llmlb_cli.text import width
from llmlb_cli.tree import COMMANDS, SECTIONS, Noun, canonical

MAX_LINES = 60
LONG = {"loadtest"}


def test_the_front_page_names_every_command_once() -> None:
    listed = [name for names in SECTIONS.values() for name in names]
    assert sorted(listed) == sorted(COMMANDS)
    assert all(f"\n  {name}" in front_page() for name in listed)


def test_the_front_page_fits_a_small_terminal() -> None:
    lines = front_page().splitlines()
    assert len(lines) <= MAX_LINES
    assert max(map(width, lines)) <= CELLS


def test_the_table_alone_writes_the_pages_of_nouns_and_no_others() -> None:
    assert table_page([]) == front_page()
    assert table_page(["no"]).startswith("Usage: llmlb nodes VERB")
    assert table_page(["serve"]) == table_page(["zzz"]) == table_page(["nodes", "list"]) == ""


def test_the_page_of_a_noun_names_its_verbs_and_its_short_names() -> None:
    noun = COMMANDS["nodes"]
    assert isinstance(noun, Noun)
    page = noun_page("nodes", noun)
    assert all(f"\n  {verb} " in page for verb in noun.verbs)
    assert "llmlb node, llmlb no" in page


@pytest.mark.parametrize("name", [name for name, _ in VERBS if name not in LONG])
def test_a_help_page_fits_sixty_lines(name: str, run: Run) -> None:
    assert len(run(*name.split(), "--help").out.splitlines()) <= MAX_LINES


@pytest.mark.parametrize("name", [name for name, _ in VERBS])
def test_help_text_fits_eighty_columns_unless_it_is_an_example(name: str, run: Run) -> None:
    lines = run(*name.split(), "--help").out.splitlines()
    long = [line for line in lines if width(line) > CELLS and not line.startswith("  ") and "llmlb" not in line]
    assert long == []


def _examples(name: str) -> list[str]:
    _, examples = split_docstring(load(name.split()[-1], dict(VERBS)[name]).help or "")
    return examples


@pytest.mark.parametrize("name", [name for name, _ in VERBS])
def test_a_command_has_three_examples_that_can_be_typed(name: str) -> None:
    examples = _examples(name)
    assert len(examples) >= 3
    for example in examples:
        for words in _commands_of_llmlb(example):
            group = COMMANDS[canonical(words[0])]
            verb, rest = (group.verbs[words[1]], words[2:]) if isinstance(group, Noun) else (group, words[1:])
            load(words[0], verb).make_context(words[0], rest)


def _commands_of_llmlb(line: str) -> list[list[str]]:
    """The command lines of llmlb within a line of a shell."""
    lexer = shlex.shlex(line.replace("$(", " ; ").replace("<(", " ; "), posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    for word in lexer:
        if word and set(word) <= set("();<>|&"):
            commands.append([])
        else:
            commands[-1].append(word)
    return [words[words.index("llmlb") + 1 :] for words in commands if "llmlb" in words]


def test_examples_are_told_apart_from_the_text() -> None:
    assert split_docstring("Do it.\n\nMore.\n\nExamples:\n  llmlb a\n\n  llmlb b") == (
        "Do it.\n\nMore.",
        ["llmlb a", "llmlb b"],
    )
    assert split_docstring("Do it.") == ("Do it.", [])
