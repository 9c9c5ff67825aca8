"""Sockets that are none: whole requests through the data path without a kernel, for counting what they cost."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from fakes.node import DONE, END, FINISH, ROLE, STREAM_HEAD, word
from fakes.plane import KEY, chat_body, key_row, make_fleet, request
from uvicorn.config import Config
from uvicorn.server import ServerState

from llmlb.auth.gatekeeper import Gatekeeper
from llmlb.auth.sessions import Sessions
from llmlb.config.settings import LimitsSettings, TimeoutsSettings
from llmlb.core.balancer import Balancer, QueueRules
from llmlb.core.node import Node
from llmlb.core.retry import RetryRules
from llmlb.policies.metrics import MetricsPolicy
from llmlb.proxy.plane import DataPlane, PlaneRules
from llmlb.proxy.pool import NodeEndpoint, Upstreams
from llmlb.proxy.protocol import RouterProtocol, protocol_class
from llmlb.proxy.upstream import UpstreamConnection
from llmlb.telemetry.access_log import AccessLog, access_text
from llmlb.telemetry.metrics import Metrics
from llmlb.telemetry.requests import RequestLog

ANSWER = (
    b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":312,"total_tokens":412,"completion_tokens":100}}'
)
ANSWER_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER)


class FakeTransport(asyncio.Transport):
    """Keeps what is written while it is open."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 50_000), "sockname": ("127.0.0.1", 8080)})
        self.written: list[bytes] = []
        self._is_closing = False

    def write(self, data: Any) -> None:
        if not self._is_closing:
            self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        self._is_closing = True

    abort = close

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...


class Wires:
    """One client connection, one idle connection to each node, and the router between them with all its books."""

    def __init__(self, nodes: int = 4) -> None:
        fleet = make_fleet([_Port(9000 + index) for index in range(nodes)])
        gatekeeper = Gatekeeper(Sessions(b"0" * 32))
        gatekeeper.load(keys=(key_row(KEY),))
        self.metrics = Metrics()
        self.access_log = AccessLog(lambda _: None, access_text)
        self.log = RequestLog(takers=(self.metrics.take, self.access_log.take))
        upstreams = Upstreams(_endpoint_of, connect_timeout_s=2.0, keep_alive_s=3600.0)
        self.plane = DataPlane(
            balancer=Balancer(
                fleet,
                MetricsPolicy(lambda: fleet.thresholds),
                queue_rules=QueueRules(),
                aliases={},
                rng=Random(2),
            ),
            gatekeeper=gatekeeper,
            upstreams=upstreams,
            metrics=self.metrics,
            rules=PlaneRules(LimitsSettings(), TimeoutsSettings(), RetryRules()),
            rng=Random(3),
            announce=lambda _: None,
            finished=self.log.add,
            make_policy=lambda _: None,
        )
        self.client, self.answers = self._connect_client()
        self._upstreams = [self._connect_node(node) for node in fleet]

    def ask(self, times: int = 1) -> None:
        """Whole answers, each in one read."""
        asked = request(chat_body())
        for _ in range(times):
            self.client.data_received(asked)
            self._asked().data_received(ANSWER_HEAD + ANSWER)
            self.plane.writes.flush()
            self.answers.written.clear()

    def answer(self) -> None:
        """One whole answer, left where it is: written, or waiting for the end of the turn."""
        self.client.data_received(request(chat_body()))
        self._asked().data_received(ANSWER_HEAD + ANSWER)

    def stream(self, chunks: int) -> None:
        """A streamed answer, one read for each chunk."""
        self.client.data_received(request(chat_body(stream=True)))
        node = self._asked()
        node.data_received(STREAM_HEAD)
        for part in [ROLE, *[word("Hello")] * chunks, FINISH + DONE + END]:
            node.data_received(part)
        self.answers.written.clear()

    def lose_node(self) -> None:
        """The node that was asked goes away in the middle of its answer."""
        self.client.data_received(request(chat_body(stream=True)))
        node = self._asked()
        node.data_received(STREAM_HEAD)
        node.data_received(ROLE + word("Hello"))
        self._upstreams = [wire for wire in self._upstreams if wire[0] is not node]
        node.connection_lost(None)
        self.answers.written.clear()

    def _asked(self) -> UpstreamConnection:
        self.plane.writes.flush()
        for connection, transport in self._upstreams:
            if transport.written:
                transport.written.clear()
                return connection
        raise AssertionError("no node was asked")

    def _connect_client(self) -> tuple[RouterProtocol, FakeTransport]:
        members = protocol_class(self.plane, takes_data_plane=True, max_connections=10, keep_alive_s=75.0)
        config = Config(_no_app, http=members, log_config=None, access_log=False, lifespan="off")
        config.load()
        protocol = members(config, ServerState(), {}, asyncio.get_running_loop())
        transport = FakeTransport()
        protocol.connection_made(transport)
        return protocol, transport

    def _connect_node(self, node: Node) -> tuple[UpstreamConnection, FakeTransport]:
        pool = self.plane.upstreams.pool(node)
        assert pool is not None
        connection, transport = UpstreamConnection(pool), FakeTransport()
        connection.connection_made(transport)
        pool.put(connection)
        return connection, transport


class _Port:
    def __init__(self, port: int) -> None:
        self.port = port


def _endpoint_of(node: Node) -> NodeEndpoint:
    return NodeEndpoint("127.0.0.1", 9000, "127.0.0.1:9000")


async def _no_app(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("nothing should be passed on")
