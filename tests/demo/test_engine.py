"""The real engine: llama.cpp with a tiny model of our own."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fakes.llama import LlamaServer

from llmlb.demo.engine import settings_from

ASK = {"model": "tiny", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 12}
CHAT = "/v1/chat/completions"
Servers = Callable[..., LlamaServer]


def test_missing_model_file_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        settings_from(["--model", "/nowhere.gguf"])
    assert ended.value.code == 2
    assert "/nowhere.gguf" in capsys.readouterr().err


def test_alias_is_the_files_name_unless_given(tmp_path: Path) -> None:
    model = tmp_path / "small.gguf"
    model.touch()
    assert settings_from(["--model", str(model)]).alias == "small"
    assert settings_from(["--model", str(model), "--alias", "x"]).alias == "x"


@pytest.mark.system
def test_real_engine_chats_and_streams(llama_servers: Servers) -> None:
    server = llama_servers()
    with httpx.Client(base_url=server.url, trust_env=False, timeout=20) as client:
        whole = client.post(CHAT, json=ASK).json()
        assert whole["choices"][0]["message"]["content"]
        assert 0 < whole["usage"]["completion_tokens"] <= 12
        streamed = client.post(CHAT, json={**ASK, "stream": True}).text
    assert streamed.count('"delta":{"content":"') > 0
    assert streamed.rstrip().endswith("data: [DONE]")


@pytest.mark.system
def test_real_engine_embeds_when_told_to_and_refuses_otherwise(llama_servers: Servers) -> None:
    body = {"model": "tiny", "input": "hello"}
    statuses = []
    for embeddings in (True, False):
        server = llama_servers(embeddings=embeddings)
        statuses.append(httpx.post(f"{server.url}/v1/embeddings", json=body, trust_env=False).status_code)
    assert statuses == [200, 501]


@pytest.mark.system
def test_killed_engine_breaks_its_stream_off_and_restarts_on_its_port(llama_servers: Servers) -> None:
    server = llama_servers(context=8192)
    url, first_pid = server.url, server.pid
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        endless = {**ASK, "stream": True, "ignore_eos": True, "max_tokens": 8000}
        connection.request("POST", CHAT, json.dumps(endless), {"content-type": "application/json"})
        answer = connection.getresponse()
        received = answer.read1(4096)
        server.kill()
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            received += answer.read()
    finally:
        connection.close()
    assert b"[DONE]" not in received
    assert not server.is_running
    server.restart()
    assert (server.url, server.pid != first_pid) == (url, True)
    assert httpx.post(url + CHAT, json=ASK, trust_env=False).status_code == 200
