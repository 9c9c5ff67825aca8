"""llmlb sim"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from cli.command_line import Run


def test_a_simulated_engine_serves_until_it_is_told_to_stop() -> None:
    command = [sys.executable, "-m", "llmlb_cli", "sim", "--port", "0", "--model", "m1", "--model", "m2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        url = engine.stdout.readline().split()[-1]
        with urllib.request.urlopen(f"{url}/v1/models", timeout=10) as answer:
            assert [model["id"] for model in json.load(answer)["data"]] == ["m1", "m2"]
        engine.send_signal(signal.SIGTERM)
        assert engine.wait(10) == 0
        assert engine.stderr is not None
        assert engine.stderr.read() == ""


def test_a_port_in_use_is_told_with_the_next_step(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = run("sim", "--port", str(taken.getsockname()[1]))
    assert ran.code == 1
    assert "choose another --port" in ran.err


@pytest.mark.parametrize("words", ["--fault explode", "--slots 0", "--port x"])
def test_settings_that_make_no_sense_are_2(words: str, run: Run) -> None:
    assert run("sim", *words.split()).code == 2
