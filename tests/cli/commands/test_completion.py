"""llmlb completion, in the shells themselves."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli.command_line import Run
from cli.fake_router import TOKEN, FakeRouter, node

from llmlb.clock import monotonic_s

ROOT = Path(__file__).parents[3]
LINE = "llmlb --timeout 20 nodes approve gp"


def test_a_shell_without_a_script_is_refused_with_those_that_have_one(run: Run) -> None:
    ran = run("completion", "zhs")
    assert ran.code == 2
    assert "did you mean zsh" in ran.err


@pytest.fixture
def environ(router: FakeRouter, home: Path) -> dict[str, str]:
    """A home where llmlb is on the path, and a fleet in which one node is pending."""
    router.add(node("gpu-1"), node("gpu-2", state="pending"))
    program = home / "bin" / "llmlb"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m llmlb_cli "$@"\n')
    program.chmod(0o755)
    return {
        "PATH": f"{program.parent}:/usr/bin:/bin",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'cli'}:{ROOT / 'tui'}",
        "HOME": str(home),
        "TERM": "xterm",
        "LLMLB_URL": router.url,
        "LLMLB_TOKEN": TOKEN,
    }


def shell(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def test_bash_offers_pending_nodes_to_approve(environ: dict[str, str]) -> None:
    script = (
        'source <(llmlb completion bash); COMP_LINE="$1"; COMP_POINT=${#1}; _llmlb llmlb; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    command = [shell("bash"), "--norc", "-c", script, "-", LINE]
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.stdout, ran.stderr) == ("gpu-2\n", "")


def test_fish_offers_pending_nodes_to_approve_with_their_state(environ: dict[str, str]) -> None:
    command = [shell("fish"), "--no-config", "-c", f"llmlb completion fish | source; complete -C '{LINE}'"]
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout == "gpu-2\tPending\n"


def test_zsh_writes_the_pending_node_behind_a_tab(environ: dict[str, str]) -> None:
    pty = pytest.importorskip("pty")
    path = shell("zsh")
    main, other = pty.openpty()
    command = [path, "-f", "-i"]
    with subprocess.Popen(
        command, env=environ, stdin=other, stdout=other, stderr=other, start_new_session=True
    ) as child:
        os.close(other)
        setup = "PS1='> '; autoload -Uz compinit; compinit -u -D; source <(llmlb completion zsh); echo rea''dy\n"
        os.write(main, setup.encode())
        assert "ready" in _seen(main, "ready\r\n")
        os.write(main, f"{LINE}\t".encode())
        shown = _seen(main, "gpu-2")
        child.kill()
    os.close(main)
    assert "gpu-2" in shown


def _seen(terminal: int, wanted: str) -> str:
    """What a shell writes until it has written this, or a minute is over."""
    text, until_s = "", monotonic_s() + 60
    while wanted not in text and monotonic_s() < until_s:
        if select.select([terminal], [], [], 1.0)[0]:
            text += os.read(terminal, 65536).decode(errors="replace")
    return text
