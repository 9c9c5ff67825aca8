"""The table of commands."""

from __future__ import annotations

import pytest

from llmlb_cli.tree import ALIASES, COMMANDS, Noun, aliases_of, canonical, path_in


def test_an_alias_leads_to_a_noun_and_is_no_command_itself() -> None:
    assert all(isinstance(COMMANDS[target], Noun) for target in ALIASES.values())
    assert not set(ALIASES) & set(COMMANDS)


@pytest.mark.parametrize(("name", "full"), [("no", "nodes"), ("nodes", "nodes"), ("zzz", "zzz")])
def test_a_short_name_becomes_the_full_one(name: str, full: str) -> None:
    assert canonical(name) == full


def test_an_alias_means_nothing_within_a_noun() -> None:
    noun = COMMANDS["nodes"]
    assert isinstance(noun, Noun)
    assert canonical("node", noun.verbs) == "node"


def test_the_commands_that_never_change_are_there() -> None:
    verbs = {name: [*noun.verbs] for name, noun in COMMANDS.items() if isinstance(noun, Noun)}
    acts = ["approve", "reject", "drain", "undrain", "delete", "set", "wait"]
    assert verbs["nodes"] == ["list", "get", "add", *acts, "rotate-token", "why"]
    assert verbs["keys"] == ["list", "create", "revoke"]
    assert verbs["users"] == ["list", "create", "set", "delete", "passwd"]
    assert verbs["join-tokens"] == ["list", "create", "delete"]
    assert verbs["thresholds"] == ["get", "set", "preview"]
    assert "show" in verbs["config"]
    assert {"serve", "agent", "status", "login", "logout", "loadtest", "demo", "sim", "version"} <= set(COMMANDS)


def test_summaries_are_short_and_end_without_a_stop() -> None:
    entries = [
        *COMMANDS.values(),
        *(verb for noun in COMMANDS.values() if isinstance(noun, Noun) for verb in noun.verbs.values()),
    ]
    assert all(entry.summary[0].isupper() and not entry.summary.endswith(".") for entry in entries)


def test_short_names_are_listed_with_their_noun() -> None:
    assert aliases_of("nodes") == ["node", "no"]


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("", "llmlb"),
        ("nodes list --output", "llmlb nodes list"),
        ("-o json no list x", "llmlb nodes list"),
        ("status nodes", "llmlb status"),
        ("nodes lst", "llmlb nodes"),
    ],
)
def test_a_line_is_about_the_command_that_it_names(line: str, path: str) -> None:
    assert path_in(line.split()) == path
