"""What each command imports: no more than it uses, because a short command is mostly its imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from cli.fake_router import TOKEN, Answer, FakeRouter, node

from llmlb_cli.tree import COMMANDS

LARGE = frozenset(
    (
        *("textual", "rich", "uvicorn", "fastapi", "starlette", "pydantic", "httpx", "sqlalchemy", "alembic", "jwt"),
        *("argon2", "msgspec", "prometheus_client", "psutil", "pynvml", "httptools", "uvloop", "asyncio", "typer"),
        *("http.client", "email", "ssl", "platformdirs", "tomllib", "importlib.metadata", "dataclasses", "csv"),
    )
)
ASKS = frozenset(("typer",))
"""What every command needs that asks a router, plain reads aside."""

ROWS = frozenset(("rich", "msgspec"))
"""What reading nodes as the console does needs: the filter means the same in both."""

TABLE: Mapping[str, frozenset[str]] = {
    "": frozenset(),
    "--help": frozenset(),
    "--version": frozenset(),
    "nodes --help": frozenset(),
    "events": frozenset(("typer",)),
    "__complete bash llmlb": frozenset(),
    "__complete zsh llmlb nodes a": frozenset(),
    "__complete zsh llmlb nodes approve g": ROWS,
    "completion bash": frozenset(("typer",)),
    "version": frozenset(("typer",)),
    "nodes list": frozenset(),
    "nodes list -o csv": frozenset(("csv",)),
    "nodes list --filter gpu>1": ROWS,
    "nodes list --state online": frozenset(),
    "nodes list --limit 3": ASKS,
    "nodes get node-1": ASKS,
    "nodes approve node-1": ASKS,
    "nodes drain node-1 --dry-run": ASKS,
    "nodes set node-1 --tag a=1 --dry-run": ASKS,
    "nodes wait node-1 -q": ASKS,
    "models list": frozenset(),
    "requests list": frozenset(),
    "events list": frozenset(),
    "alerts list": frozenset(),
    "audit list": frozenset(),
    "keys list": frozenset(),
    "join-tokens list": frozenset(),
    "users list": frozenset(),
    "thresholds get": frozenset(),
    "status": frozenset(),
    "context list": ASKS,
    **{f"{name} --help": ASKS for name in ("serve", "demo", "top", "login", "logout", "doctor", "config show")},
    **{f"{name} --help": ASKS | {"asyncio", "ssl"} for name in ("agent", "sim")},
    "loadtest --help": ASKS | {"asyncio", "ssl", "dataclasses"},
    "db check --help": ASKS | {"dataclasses"},
}

# Each line in a child of its own, forked before anything of llmlb is imported: one interpreter's start for all.
_DRIVER = """
import json, os, sys
for line in json.loads(sys.argv[1]):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        from llmlb_cli.main import main
        words = line.split(" ") if line else []
        code = main([*words, ""] if words[:1] == ["__complete"] and len(words) == 3 else words)
        with os.fdopen(writer, "w") as out:
            import json
            json.dump([int(code), sorted(sys.modules)], out)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        print(told.read(), flush=True)
    os.waitpid(child, 0)
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[int, frozenset[str]]]:
    """The exit code and the modules of each line."""
    home = tmp_path_factory.mktemp("home")
    folders = {f"LLMLB_{name}_DIR": str(home / name.lower()) for name in ("DATA", "CONFIG", "STATE")}
    with FakeRouter() as router:
        router.add(node("node-1"), node("gpu-2", state="pending"))
        for path, name in (
            ("requests", "requests"),
            ("join-tokens", "join_tokens"),
            ("events/recent", "events"),
            ("alerts", "alerts"),
            ("audit", "audit"),
        ):
            router.answers["GET", f"/v0/{path}"] = Answer(200, {name: []})
        router.answers["GET", "/v0/status"] = Answer(200, {"status": "ready", "nodes": {"online": 1}})
        environ = {**os.environ, **folders, "LLMLB_URL": router.url, "LLMLB_TOKEN": TOKEN, "PYTHONPATH": _search_path()}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or every child compiles what has changed since
        command = [sys.executable, "-c", _DRIVER, json.dumps([*TABLE])]
        ran = subprocess.run(command, env=environ, cwd=home, capture_output=True, text=True, timeout=120, check=True)
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    return {line: (code, frozenset(modules)) for line, (code, modules) in zip(TABLE, told, strict=True)}


def _search_path() -> str:
    root = Path(__file__).parents[2]
    return os.pathsep.join(str(path) for path in (root, root / "cli", root / "tui"))


@pytest.mark.parametrize("line", TABLE)
def test_a_command_imports_no_large_module_that_it_does_not_use(
    line: str, imported: Mapping[str, tuple[int, frozenset[str]]]
) -> None:
    code, modules = imported[line]
    assert code in (0, 2 if line == "events" else 0), line
    assert modules & LARGE <= TABLE[line], line
    assert not {"rich.console", "textual"} & modules


@pytest.mark.parametrize("line", TABLE)
def test_a_command_imports_nothing_of_the_router(line: str, imported: Mapping[str, tuple[int, frozenset[str]]]) -> None:
    rooms = {name.split(".")[1] for name in imported[line][1] if name.startswith("llmlb.")}
    more = {"db": {"store"}, "loadtest": {"loadtest"}, "nodes": {"core", "wire"}, "__complete": {"core", "wire"}}
    assert rooms <= {"errors", "clock", "client", "config"} | more.get(line.split(" ")[0], set())


def test_the_front_pages_import_no_command(imported: Mapping[str, tuple[int, frozenset[str]]]) -> None:
    for line in ("", "--help", "--version", "nodes --help", "__complete zsh llmlb nodes a"):
        assert not {name for name in imported[line][1] if name.startswith("llmlb_cli.commands.")}, line


def test_every_group_of_commands_is_in_the_table() -> None:
    assert set(COMMANDS) <= {line.split(" ")[0] for line in TABLE}
