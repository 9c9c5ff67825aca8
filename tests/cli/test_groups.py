"""Lazy commands: each line of the table works, and imports no more than it needs."""

from __future__ import annotations

import subprocess
import sys

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

HEAVY = frozenset(
    (
        *(
            "asyncio",
            "pydantic",
            "httpx",
            "rich",
            "textual",
            "uvicorn",
            "fastapi",
            "starlette",
            "sqlalchemy",
            "alembic",
        ),
        *("prometheus_client", "psutil", "argon2", "jwt", "msgspec", "httptools", "uvloop", "platformdirs", "tomllib"),
        *("importlib.metadata", "csv"),
    )
)


def _imported(*words: str) -> tuple[set[str], int]:
    """The modules in memory after a command line has ended, in a process of its own."""
    code = (
        "import sys\n"
        "from llmlb_cli.main import main\n"
        "out = sys.stdout; sys.stdout = open('/dev/null', 'w')\n"
        f"code = main({list(words)!r})\n"
        "sys.stdout.close(); sys.stdout = out\n"
        "print(code, *sys.modules)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    exit_code, *modules = ran.stdout.split()
    return set(modules), int(exit_code)


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"], ["--version"]])
def test_the_front_page_needs_no_command_and_not_even_typer(words: list[str]) -> None:
    modules, code = _imported(*words)
    assert code == 0
    assert not {name for name in modules if name.startswith("llmlb_cli.commands.")}
    assert not modules & (HEAVY | {"typer", "json", "textwrap", "http.client"})


def test_the_help_of_a_noun_imports_none_of_its_verbs() -> None:
    modules, code = _imported("nodes", "--help")
    assert code == 0
    assert not {name for name in modules if name.startswith("llmlb_cli.commands")}
    assert not modules & (HEAVY | {"typer", "http.client"})


@pytest.mark.parametrize(
    "line",
    [
        "nodes list",
        "nodes list -o json",
        "nodes get node-1",
        "nodes approve node-1",
        "keys list",
        "users list",
        "thresholds get",
        "status",
        "version",
    ],
)
def test_a_one_shot_command_imports_nothing_heavy(line: str) -> None:
    modules, _ = _imported(*line.split(), *(() if line == "version" else ("--url", "http://127.0.0.1:1")))
    # Asking for directories is platformdirs' job; the tests' own directories are named by variables.
    assert not modules & HEAVY
    own = {name.split(".")[1] for name in modules if name.startswith("llmlb.")}
    assert own <= {"errors", "clock", "client", "config"}


@pytest.mark.parametrize("name", ["serve", "agent", "demo", "sim", "loadtest", "config show", "users passwd", "login"])
def test_help_of_a_heavy_command_does_not_import_what_it_runs(name: str) -> None:
    modules, code = _imported(*name.split(), "--help")
    assert code == 0
    own = {module.split(".")[1] for module in modules if module.startswith("llmlb.")}
    assert own <= {"errors", "clock", "client", "config", "loadtest"}
    assert not modules & {"uvicorn", "fastapi", "sqlalchemy", "textual", "httpx", "pydantic", "rich"}


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
