"""The console in a real terminal, on a real router."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fakes.llama import free_port
from fakes.router import Command, RouterProcess
from fakes.terminal import COLOUR, Terminal

pytestmark = pytest.mark.system

NAMES = [f"gpu-{number:02d}" for number in range(6)]
HEADERS = ("NODE", "STATE", "GPU", "VRAM", "TEMP", "ACT", "TOTAL", "AVG", "SEEN", "UP", "HEART", "GPU10")
LEAVES_THE_ALTERNATE_SCREEN = b"\x1b[?1049l"


@pytest.fixture
def router(tmp_path: Path) -> Iterator[RouterProcess]:
    """Six nodes with figures; the last one waits for approval."""
    with RouterProcess(tmp_path, dev=False) as running:
        for number, name in enumerate(NAMES):
            join(running, name, usage=10.0 * number, approve=number < 5)
        yield running


def join(router: RouterProcess, name: str, *, usage: float, approve: bool = True, **fields: Any) -> None:
    """Register a node and send one heartbeat of it."""
    port = 20_000 + len(router.call("GET", "/v0/nodes")["nodes"])
    body = {"url": f"http://127.0.0.1:{port}", "node_id": name, "loaded_models": ["llama-3.2-1b"]} | fields
    token = router.call("POST", "/v0/nodes", json=body)["node_token"]
    if approve:
        router.call("POST", f"/v0/nodes/{name}/approve")
    figures = {"usage": usage, "vram_usage": usage / 2, "temperature": 60.0}
    router.call("POST", "/v0/health", json={"node_id": name, "gpu_metrics": figures}, headers={"x-node-token": token})


def environ_of(router: RouterProcess, tmp_path: Path) -> dict[str, str]:
    own = {f"LLMLB_{name}_DIR": str(tmp_path / name) for name in ("STATE", "CONFIG")}
    return own | {"LLMLB_DATA_DIR": str(router.data_dir)}


def console(router: RouterProcess, tmp_path: Path, *arguments: str, **options: Any) -> Terminal:
    environ = environ_of(router, tmp_path) | options.pop("environ", {})
    return Terminal("--url", router.url, *arguments, environ=environ, **options)


def test_q_leaves_the_terminal_as_it_was_and_a_summary_behind(router: RouterProcess, tmp_path: Path) -> None:
    with console(router, tmp_path) as terminal:
        terminal.read_until("gpu-04")
        terminal.type("q")
        assert terminal.end() == 0
        screen, _, after = terminal.written.rpartition(LEAVES_THE_ALTERNATE_SCREEN)
        assert screen, "the alternate screen is left"
        assert b"6 nodes" in after


def test_a_signal_leaves_the_terminal_as_it_was(router: RouterProcess, tmp_path: Path) -> None:
    with console(router, tmp_path) as terminal:
        terminal.read_until("gpu-04")
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.end() == 143
        assert LEAVES_THE_ALTERNATE_SCREEN in terminal.written
        assert b"Traceback" not in terminal.written


@pytest.mark.parametrize(("value", "is_coloured"), [("1", False), ("", True)])
def test_no_color_takes_every_colour_away_if_it_holds_something(
    router: RouterProcess, tmp_path: Path, value: str, is_coloured: bool
) -> None:
    with console(router, tmp_path, environ={"NO_COLOR": value}) as terminal:
        terminal.read_until("gpu-04")
        terminal.type(" jT")
        terminal.read_until("PREVIEW")
        assert (COLOUR.search(terminal.written) is not None) is is_coloured


@pytest.mark.parametrize("how", [{"arguments": ("--ascii",)}, {"environ": {"LC_ALL": "C"}}])
def test_ascii_is_all_that_is_written(router: RouterProcess, tmp_path: Path, how: dict[str, Any]) -> None:
    with console(router, tmp_path, *how.get("arguments", ()), environ=how.get("environ", {})) as terminal:
        terminal.read_until("gpu-04")
        terminal.type("E")
        terminal.read_until("Esc")
        terminal.type("q")
        terminal.end()
        assert terminal.written.isascii()


@pytest.mark.parametrize("term", ["xterm", "screen", "linux", "tmux-256color"])
def test_every_usual_terminal_is_drawn_on(router: RouterProcess, tmp_path: Path, term: str) -> None:
    with console(router, tmp_path, term=term) as terminal:
        terminal.read_until("gpu-04")
        assert "Pending" in terminal.written.decode(errors="replace")


def test_without_a_terminal_it_says_what_works_instead(router: RouterProcess, tmp_path: Path) -> None:
    with console(router, tmp_path, term="dumb") as terminal:
        assert terminal.end() == 2
        assert b"--once" in terminal.written
    piped = subprocess.run(
        [sys.executable, "-m", "llmlb_cli", "top", "--url", router.url],
        env=os.environ | environ_of(router, tmp_path) | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert piped.returncode == 2
    assert piped.stdout == b""
    assert b"--once" in piped.stderr


def test_a_router_that_dies_and_returns_is_told_within_seconds(router: RouterProcess, tmp_path: Path) -> None:
    with console(router, tmp_path, columns=120, lines=36) as terminal:
        terminal.read_until("LIVE")
        router.end(signal.SIGKILL)
        # Twice what is promised on a machine that does nothing else.
        assert terminal.read_until("UNREACHABLE", timeout_s=10) < 4
        terminal.type("jd")
        terminal.read_until("the router is unreachable")
        router.start()
        assert terminal.read_until("LIVE", timeout_s=20) < 10
        terminal.type("q")
        assert terminal.end() == 0
        assert b"reconnected after" in terminal.written


def test_what_a_stranger_registers_reaches_the_terminal_as_letters(router: RouterProcess, tmp_path: Path) -> None:
    evil = "\x1b]52;c;cGFzdGU=\x07\x1b[5;5H\x9b31m[/red]\u202e"
    join(router, "evil", usage=5.0, approve=False, machine_name=evil, loaded_models=[evil], gpus=[{"model": evil}])
    with console(router, tmp_path, columns=200, lines=50) as terminal:
        terminal.read_until("evil")
        terminal.type("/evil\r\r")
        terminal.read_until("cGFzdGU=")
        terminal.type("q")
        terminal.end()
        assert b"\x1b]52" not in terminal.written
        assert b"\x1b[5;5H\x1b[31m" not in terminal.written
        assert "\u202e" not in terminal.written.decode(errors="replace")


def test_a_terminal_that_stands_still_does_not_end_the_console(router: RouterProcess, tmp_path: Path) -> None:
    with console(router, tmp_path, "--fps", "30") as terminal:
        terminal.read_until("gpu-04")
        for _ in range(3):
            terminal.type("jkjkTTEE" * 10)
            time.sleep(1.0)
        terminal.read_for(1.0)
        assert terminal.process.poll() is None
        terminal.type("\x1b\x1b\x1b\x1b")
        terminal.read_for(1.0)
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.end() == 143


def test_a_console_that_nobody_reads_ends_when_it_is_told_to(router: RouterProcess, tmp_path: Path) -> None:
    with console(router, tmp_path, "--fps", "30") as terminal:
        terminal.read_until("gpu-04")
        # More pictures than the terminal, the writer's queue and the loop take.
        for _ in range(30):
            terminal.type("jkTTEE" * 10)
            time.sleep(0.1)
        terminal.process.send_signal(signal.SIGTERM)
        # Twice what is promised on a machine that does nothing else.
        assert terminal.process.wait(4) == 143


def test_a_load_test_goes_on_behind_a_terminal_that_stands_still(router: RouterProcess, tmp_path: Path) -> None:
    port = free_port()
    sim = Command(["sim", "--port", str(port), "--model", "tiny"], tmp_path / "sim.log")
    try:
        join(router, "sim", usage=1.0, url=f"http://127.0.0.1:{port}", loaded_models=["tiny"])
        with console(router, tmp_path) as terminal:
            terminal.read_until("gpu-04")
            terminal.type("L")
            terminal.read_until("not started")
            terminal.type("e")
            terminal.read_until("Longest")
            # 100 requests, 25 a second, of the model that answers.
            for key in "\x7f\x7f100\t\t\t25\rtiny\r\r\r\r\r":
                terminal.type(key)
                terminal.read_for(0.1)
            terminal.read_for(1.0)
            assert b"-n100" in terminal.written
            terminal.type("\r")
            until_s = time.monotonic() + 60
            while sum(row["status"] == 200 for row in requests_of(router)) < 100:
                assert time.monotonic() < until_s, requests_of(router)[:3]
                time.sleep(0.2)
            began_at_s = [datetime.fromisoformat(row["at"]).timestamp() for row in requests_of(router)]
            assert max(began_at_s) - min(began_at_s) < 10, "four seconds, and room for a machine that is busy"
            terminal.read_until("PASS")
    finally:
        sim.close()


def requests_of(router: RouterProcess) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = router.call("GET", "/v0/requests?limit=500")["requests"]
    return found


# In tmux, which says what a person would see


class Tmux:
    """One window of a tmux server of its own, with the console in it."""

    def __init__(self, socket: Path, command: str, environ: dict[str, str], columns: int, lines: int) -> None:
        self._socket = socket
        given = [word for name, text in environ.items() for word in ("-e", f"{name}={text}")]
        self.run("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(lines), *given, command)

    def run(self, *words: str) -> str:
        found = subprocess.run(["tmux", "-S", str(self._socket), *words], capture_output=True, text=True, timeout=20)
        return found.stdout

    def resize(self, columns: int, lines: int) -> None:
        self.run("resize-window", "-x", str(columns), "-y", str(lines))

    def screen_with(self, *texts: str, timeout_s: float = 20.0) -> list[str]:
        """The lines of the screen, once they hold these texts."""
        until_s = time.monotonic() + timeout_s
        while True:
            screen = self.run("capture-pane", "-p")
            if all(text in screen for text in texts):
                return screen.rstrip("\n").split("\n")
            assert time.monotonic() < until_s, f"{texts} are not all on\n{screen}"
            time.sleep(0.1)


@pytest.fixture
def tmux(router: RouterProcess, tmp_path: Path) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    environ = environ_of(router, tmp_path) | {
        "PYTHONPATH": os.pathsep.join(sys.path), "LC_ALL": "C.UTF-8", "NO_COLOR": "", "LLMLB_URL": router.url,
    }  # fmt: skip
    session = Tmux(tmp_path / "tmux", f"{sys.executable} -m llmlb_cli top", environ, 80, 24)
    yield session
    session.run("kill-server")


def test_eighty_columns_show_everything_in_tmux(tmux: Tmux) -> None:
    lines = tmux.screen_with(*NAMES, "LIVE")
    for header in HEADERS:
        assert any(header in line for line in lines), header
    assert all(len(line) <= 80 for line in lines)
    assert len(lines) == 24


def test_the_window_may_become_any_size_and_back(tmux: Tmux) -> None:
    tmux.screen_with(*NAMES)
    tmux.run("send-keys", "j", "j")
    tmux.screen_with("> gpu-03")
    for columns, lines, text in ((200, 50, "SELECTED"), (60, 15, "NODE"), (40, 10, "q quits"), (80, 24, "HEART")):
        tmux.resize(columns, lines)
        assert all(len(line) <= columns for line in tmux.screen_with(text))
    tmux.screen_with("HEART", "GPU10", "> gpu-03")
