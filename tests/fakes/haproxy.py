"""HAProxy before the same nodes: what a mature balancer makes of a fault, as a measure for our own."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from shutil import which
from typing import Self

import pytest
from fakes.llama import free_port
from fakes.process import Process

_CONFIG = """
global
    maxconn 4000
defaults
    mode http
    retries 3
    option redispatch 1
    option abortonclose
    retry-on conn-failure empty-response response-timeout 500 502 503 504
    timeout connect 500ms
    timeout client 30s
    timeout server {server_timeout_ms}ms
frontend clients
    bind 127.0.0.1:{port}
    default_backend nodes
backend nodes
    balance leastconn
    default-server check inter 500ms fall 2 rise 1 observe layer7 error-limit 5 on-error mark-down
"""


class Haproxy:
    """A context manager. server_timeout_s: the silence of a node that counts as its failure."""

    def __init__(self, directory: Path, node_ports: list[int], *, server_timeout_s: float = 30.0) -> None:
        program = which("haproxy") or which("haproxy", path="/usr/sbin")
        if program is None:
            pytest.skip("haproxy is not installed: this row has no control")
        self.port = free_port()
        text = _CONFIG.format(port=self.port, server_timeout_ms=round(server_timeout_s * 1000))
        text += "".join(f"    server node-{port} 127.0.0.1:{port}\n" for port in node_ports)
        path = directory / "haproxy.cfg"
        path.write_text(text)
        self._process = Process([program, "-db", "-f", str(path)], directory / "haproxy.log")

    def __enter__(self) -> Self:
        until_s = time.monotonic() + 10
        while time.monotonic() < until_s and self._process.is_running:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return self
        self._process.close()
        raise RuntimeError(f"haproxy did not start:\n{self._process.log()}")

    def __exit__(self, *_: object) -> None:
        self._process.close()
