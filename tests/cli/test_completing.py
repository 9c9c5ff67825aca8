"""What a shell offers behind Tab."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli.command_line import Run
from cli.fake_router import Answer, FakeRouter, node, refusal

from llmlb_cli.completing import candidates
from llmlb_cli.tree import COMMANDS


@pytest.fixture
def fleet(router: FakeRouter) -> FakeRouter:
    router.add(
        node("gpu-1"),
        node("gpu-2", state="pending"),
        node("gpu-3", draining=True),
        node("gpu-4", state="offline"),
        node("cpu-1", state="pending"),
    )
    return router


def offered(*words: str) -> list[str]:
    return [each.value for each in candidates(["--timeout", "20", *words])]


def test_commands_verbs_and_their_aliases_come_from_the_table(run: Run) -> None:
    assert offered("") == list(COMMANDS)
    assert offered("node", "")[:2] == ["list", "get"]
    assert run("__complete", "bash", "llmlb no").out == "nodes\n"
    assert run("__complete", "bash", "llmlb unheard-of ").out == ""


@pytest.mark.parametrize(
    ("verb", "ids"),
    [
        ("get", "gpu-1 gpu-2 gpu-3 gpu-4 cpu-1"),
        ("approve", "gpu-2 cpu-1"),
        ("reject", "gpu-1 gpu-2 gpu-3 gpu-4 cpu-1"),
        ("drain", "gpu-1 gpu-4"),
        ("undrain", "gpu-3"),
        ("delete", "gpu-1 gpu-2 gpu-3 gpu-4 cpu-1"),
    ],
)
def test_a_verb_offers_the_nodes_it_means_something_for(verb: str, ids: str, fleet: FakeRouter) -> None:
    assert " ".join(offered("nodes", verb, "")) == ids


def test_a_node_that_is_named_already_is_not_offered_again(fleet: FakeRouter) -> None:
    assert offered("nodes", "approve", "--yes", "gpu-2", "") == ["cpu-1"]


def test_each_shell_reads_its_own_lines(fleet: FakeRouter, run: Run) -> None:
    words = ("llmlb", "--timeout", "20", "nodes", "approve", "gp")
    assert run("__complete", "bash", " ".join(words)).out == "gpu-2\n"
    assert run("__complete", "zsh", *words).out == "gpu-2:Pending\n"
    assert run("__complete", "fish", *words).out == "gpu-2\tPending\n"


def test_options_are_those_of_the_command(run: Run) -> None:
    listed = offered("nodes", "list", "--")
    assert {"--filter", "--watch", "--state", "--output", "--help"} <= set(listed)
    assert "--dry-run" not in listed
    assert "--token" not in listed
    assert {"--url", "--output"} <= set(offered("--"))


def test_values_of_options_are_offered_in_either_spelling(run: Run) -> None:
    assert offered("nodes", "list", "-o", "")[0] == "table"
    assert run("__complete", "fish", "llmlb", "nodes", "list", "--output=js").out == "--output=json\n--output=jsonl\n"
    # bash ends a word at =, and wants what comes behind
    assert run("__complete", "bash", "llmlb nodes list --output=js").out == "json\njsonl\n"
    assert offered("nodes", "drain", "-f", "") == [":files"]
    assert offered("nodes", "add", "--max-concurrency", "") == [], "a value that nobody can guess is no node id"


def test_names_of_other_things_come_from_the_router(fleet: FakeRouter) -> None:
    fleet.keys.append({"id": "key-1", "name": "ci"})
    fleet.answers["GET", "/v0/alerts"] = Answer(200, {"alerts": [{"id": "alert-1", "cause": "hot"}]})
    assert offered("keys", "revoke", "") == ["key-1"]
    assert offered("users", "delete", "") == ["admin"]
    assert offered("models", "get", "") == ["llama-3.2-1b", "qwen3-8b"]
    assert list(candidates(["--timeout", "20", "alerts", "ack", ""])) == [("alert-1", "hot")]


def test_tags_that_nodes_have_and_conditions_to_wait_for_are_offered(router: FakeRouter) -> None:
    router.add(node("gpu-1", tags=["rack=3", "pool=chat"]), node("gpu-2", tags=["rack=3"]))
    assert offered("nodes", "set", "--untag", "") == ["pool=chat", "rack=3"]
    assert offered("nodes", "wait", "gpu-1", "--for", "")[0] == "state=online"
    assert offered("nodes", "set", "") == ["gpu-1", "gpu-2"]


def test_the_router_that_the_line_names_is_asked(fleet: FakeRouter, monkeypatch: pytest.MonkeyPatch) -> None:
    url = fleet.url
    monkeypatch.setenv("LLMLB_URL", "http://127.0.0.1:1")
    assert "gpu-1" in offered("--url", url, "nodes", "get", "")
    assert "gpu-1" in offered("nodes", "get", f"--url={url}", "gpu")


@pytest.mark.parametrize(
    "words", [("nodes", "drain", ""), ("--context", ""), ("--context", "gone", "nodes", "get", "")]
)
def test_away_refused_or_misconfigured_nothing_is_offered_and_nothing_said(
    words: tuple[str, ...], router: FakeRouter, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    router.answers["GET", "/v0/nodes"] = refusal(401, "unauthorized")
    assert run("__complete", "fish", "llmlb", *words) == (0, "", "")
    monkeypatch.setenv("LLMLB_URL", "http://127.0.0.1:1")
    assert run("__complete", "fish", "llmlb", *words) == (0, "", "")


@pytest.mark.parametrize("line", ["", "llmlb", 'llmlb nodes "', "llmlb nodes 'x", "llmlb \\", "\x00", "llmlb -- --"])
def test_half_a_line_is_no_error(line: str, run: Run) -> None:
    for words in (["bash", line], ["zsh", *line.split(" ")], ["tcsh", line], []):
        ran = run("__complete", *words)
        assert (ran.code, ran.err) == (0, "")


def test_what_a_shell_would_run_is_never_offered(router: FakeRouter, run: Run) -> None:
    router.nodes["$(reboot)"] = node("$(reboot)")
    router.nodes["a b"] = node("a b")
    router.nodes["x\x1b[2J"] = node("x\x1b[2J")
    router.nodes["fine"] = node("fine", state="odd\x1b[2J:\tx")
    ran = run("__complete", "fish", "llmlb", "--timeout", "20", "nodes", "get", "")
    assert ran.out == "fine\tOdd[2j: x\n"


_HANGING = """
import socket, sys, threading
import llmlb_cli.completing, llmlb_cli.main
llmlb_cli.completing.LONGEST_S = 0.05
socket.create_connection = lambda *where: threading.Event().wait()
sys.argv[1:] = ["__complete", "zsh", "llmlb", "nodes", "drain", ""]
sys.exit(llmlb_cli.main.run())
"""


def test_a_look_up_that_hangs_does_not_hang_the_shell() -> None:
    root = Path(__file__).parents[2]
    search = os.pathsep.join(str(path) for path in (root, root / "cli", root / "tui"))
    environ = {**os.environ, "PYTHONPATH": search, "LLMLB_URL": "http://router.example"}
    ran = subprocess.run([sys.executable, "-c", _HANGING], env=environ, capture_output=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, b"", b"")
