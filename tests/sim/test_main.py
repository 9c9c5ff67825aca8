from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from llmlb.errors import ConfigurationError
from llmlb.sim import SimSettings
from llmlb.sim.__main__ import main, settings_from
from llmlb.sim.server import EXIT_BY_FAULT


def test_without_options_the_defaults_hold() -> None:
    assert settings_from([]) == SimSettings()


def test_options_reach_the_settings() -> None:
    settings = settings_from(
        ["--model", "a", "--model", "b", "--slots", "3", "--fault", "hang@1", "--log-heads", "--load-s", "2.5"]
    )
    assert settings.models == ("a", "b")
    assert (settings.slots, settings.load_s, settings.log_heads) == (3, 2.5, True)
    assert [str(fault) for fault in settings.faults] == ["hang@1"]


def test_wrong_fault_is_a_usage_error_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigurationError):
        settings_from(["--fault", "nonsense"])
    assert main(["--fault", "nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().err


def test_taken_port_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["--port", str(taken.getsockname()[1])]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "--port" in told


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "llmlb.sim", "--decode-tokens-per-s", "1000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def connection_to(process: subprocess.Popen[str]) -> http.client.HTTPConnection:
    assert process.stdout is not None
    url = process.stdout.readline().split()[-1]
    return http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)


def chat(connection: http.client.HTTPConnection) -> bytes:
    body = {"model": "sim-model", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    connection.request("POST", "/v1/chat/completions", json.dumps(body))
    return connection.getresponse().read()


@pytest.mark.system
def test_program_serves_and_ends_on_sigterm(process: subprocess.Popen[str]) -> None:
    with contextlib.closing(connection_to(process)) as connection:
        assert chat(connection).endswith(b"data: [DONE]\n\n")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.mark.system
def test_exit_fault_ends_the_program_in_the_middle_of_a_stream(process: subprocess.Popen[str]) -> None:
    with contextlib.closing(connection_to(process)) as connection:
        connection.request("POST", "/sim/faults", '["exit:3"]')
        assert connection.getresponse().read() == b'{"faults":["exit:3"]}'
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            chat(connection)
        assert process.wait(10) == EXIT_BY_FAULT


@pytest.mark.system
def test_engine_needs_none_of_the_routers_heavy_packages() -> None:
    script = (
        "import sys, llmlb.sim.__main__; "
        "print(sorted({'fastapi', 'uvicorn', 'pydantic', 'httpx', 'sqlalchemy', 'starlette'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
