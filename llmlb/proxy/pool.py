"""The idle connections to one node, and the making of new ones."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from llmlb.clock import monotonic_s
from llmlb.core.node import Node
from llmlb.errors import NodeUnreachable
from llmlb.proxy.upstream import AnswerHeads, UpstreamConnection

_DEAD_PEER_OPTIONS = (
    ("TCP_USER_TIMEOUT", 10_000),
    ("TCP_KEEPIDLE", 5),
    ("TCP_KEEPINTVL", 2),
    ("TCP_KEEPCNT", 3),
)
"""A node whose machine or network is gone says nothing, and it may be minutes until a silent answer is overdue. So the
kernel gives up after about 10 s without an acknowledgement, and asks for one after 5 s of silence."""


@dataclass(frozen=True, slots=True)
class NodeEndpoint:
    """Where a node is dialled, as checked and pinned at its approval.

    address: the literal IP address.  host: what its Host header says.  authorization: what its engine wants, or empty.
    """

    address: str
    port: int
    host: str
    path_prefix: str = ""
    authorization: str = ""
    tls: ssl.SSLContext | None = None
    server_name: str | None = None

    @property
    def fixed_head(self) -> bytes:
        """The header lines that are the same in every request to this node."""
        lines = f"Host: {self.host}\r\nAccept-Encoding: identity\r\n"
        if self.authorization:
            lines += f"Authorization: {self.authorization}\r\n"
        return lines.encode("latin-1")


class Dialler(Protocol):
    """Who waits for a new connection. Exactly one of the two is called, unless the dial was cancelled."""

    def connected(self, connection: UpstreamConnection) -> None: ...
    def unreachable(self, error: NodeUnreachable) -> None: ...


class ConnectionPool:
    """Connections to one node, last in first out, so that the surplus grows old and is closed."""

    def __init__(self, endpoint: NodeEndpoint, *, connect_timeout_s: float, keep_alive_s: float) -> None:
        self.endpoint = endpoint
        self.fixed_head = endpoint.fixed_head
        self.heads = AnswerHeads()
        self.prefix = endpoint.path_prefix.encode()
        self._connect_timeout_s = connect_timeout_s
        self._keep_alive_s = keep_alive_s
        self._idle: list[UpstreamConnection] = []
        self._dials: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def idle(self) -> int:
        return len(self._idle)

    def take(self, now_s: float) -> UpstreamConnection | None:
        """An idle connection that the node should still hold open, or None: dial then."""
        idle = self._idle
        fresh_since_s = now_s - self._keep_alive_s
        while idle:
            connection = idle.pop()
            if not connection.transport.is_closing():
                if connection.idle_since_s >= fresh_since_s:
                    return connection
                connection.abort()
        return None

    def put(self, connection: UpstreamConnection) -> None:
        if self._is_closed:
            connection.transport.close()
            return
        connection.is_reused = True
        connection.idle_since_s = monotonic_s()
        self._idle.append(connection)

    def forget(self, connection: UpstreamConnection) -> None:
        """The connection is gone."""
        if connection in self._idle:
            self._idle.remove(connection)

    def dial(self, dialler: Dialler) -> asyncio.Task[None]:
        """Open a connection. Cancel the task to give up."""
        task = asyncio.get_running_loop().create_task(self._dial(dialler))
        self._dials.add(task)
        task.add_done_callback(self._dials.discard)
        return task

    async def _dial(self, dialler: Dialler) -> None:
        endpoint = self.endpoint
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                _, connection = await loop.create_connection(
                    lambda: UpstreamConnection(self),
                    endpoint.address,
                    endpoint.port,
                    ssl=endpoint.tls,
                    server_hostname=endpoint.server_name if endpoint.tls else None,
                )
        except TimeoutError:
            dialler.unreachable(NodeUnreachable(f"no connection within {self._connect_timeout_s:g} s"))
        except (OSError, ssl.SSLError) as error:
            dialler.unreachable(NodeUnreachable(f"connection failed ({error.strerror or error})"))
        else:
            _notice_dead_peer(connection.transport)
            dialler.connected(connection)

    def close_stale(self, now_s: float) -> None:
        """Close what has been idle for longer than the node keeps it open."""
        stale_before_s = now_s - self._keep_alive_s
        stale = [connection for connection in self._idle if connection.idle_since_s < stale_before_s]
        for connection in stale:
            self._idle.remove(connection)
            connection.abort()

    def close(self) -> None:
        """Close the idle connections; lent ones close when they come back."""
        self._is_closed = True
        for connection in self._idle:
            connection.abort()
        self._idle.clear()
        for task in self._dials:
            task.cancel()


def _notice_dead_peer(transport: asyncio.Transport) -> None:
    handle: socket.socket = transport.get_extra_info("socket")
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _DEAD_PEER_OPTIONS:
        option = getattr(socket, name, None)
        if option is not None:  # not every system has all of them
            handle.setsockopt(socket.IPPROTO_TCP, option, value)


class Upstreams:
    """The pools of all nodes. endpoint_of: where a node is dialled, or None while that is not known."""

    def __init__(
        self, endpoint_of: Callable[[Node], NodeEndpoint | None], *, connect_timeout_s: float, keep_alive_s: float
    ) -> None:
        self._endpoint_of = endpoint_of
        self._connect_timeout_s = connect_timeout_s
        self._keep_alive_s = keep_alive_s
        self._pools: dict[Node, ConnectionPool] = {}

    def pool(self, node: Node) -> ConnectionPool | None:
        pool = self._pools.get(node)
        if pool is not None:
            return pool
        endpoint = self._endpoint_of(node)
        if endpoint is None:
            return None
        pool = ConnectionPool(endpoint, connect_timeout_s=self._connect_timeout_s, keep_alive_s=self._keep_alive_s)
        self._pools[node] = pool
        return pool

    def forget(self, node: Node) -> None:
        """The node is gone, or is dialled differently from now on."""
        pool = self._pools.pop(node, None)
        if pool is not None:
            pool.close()

    def close_stale(self, now_s: float) -> None:
        for pool in self._pools.values():
            pool.close_stale(now_s)

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()
