"""A router's HTTP side, imitated over a real socket in a thread: what it says, and what it was asked."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Said:
    """One answer.  pieces: the body as it is sent, one write each; cut: the connection breaks after them."""

    status: int = 200
    pieces: tuple[bytes, ...] = (b"{}",)
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


class HttpServer(ThreadingHTTPServer):
    """Says the same to everybody; ``asked`` remembers."""

    daemon_threads = True
    # A handler that was cut off has nothing to tell a test.
    block_on_close = False

    def __init__(self, said: Said) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.said = said
        self.asked: list[Asked] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of the test."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HttpServer

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append(Asked(self.command, self.path, headers, self.rfile.read(length)))
        self._say(self.server.said)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _say(self, said: Said) -> None:
        self.send_response(said.status)
        for name, value in said.headers.items():
            self.send_header(name, value)
        total = sum(map(len, said.pieces)) + (1 if said.cut else 0)
        self.send_header("Content-Length", str(total))
        self.end_headers()
        for piece in said.pieces:
            self.wfile.write(piece)
            self.wfile.flush()
        if said.cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@contextmanager
def serving(said: Said | None = None) -> Iterator[HttpServer]:
    with HttpServer(said or Said()) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(5)


def json_said(value: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Said:
    return Said(status, (json.dumps(value).encode(),), headers or {})


def refused_url() -> str:
    """An address where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
