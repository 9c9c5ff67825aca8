"""The listening socket: bound before anything else starts, and clear words when that fails."""

from __future__ import annotations

import asyncio
import errno
import socket

import psutil

from llmlb.clock import monotonic_s
from llmlb.errors import ConfigurationError

BACKLOG = 4096
PATIENCE_S = 30.0
"""An outgoing connection may hold the port for a moment after a restart; a listener will not go away by itself."""
PAUSE_S = 0.5


async def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ConfigurationError that names the process which holds the port."""
    give_up_at_s = monotonic_s() + PATIENCE_S
    while True:
        try:
            return _bind(host, port)
        except OSError as error:
            holder = listener_of(port) if error.errno == errno.EADDRINUSE else None
            if error.errno != errno.EADDRINUSE or holder is not None or monotonic_s() > give_up_at_s:
                raise ConfigurationError(_explain(host, port, error, holder)) from None
        await asyncio.sleep(PAUSE_S)


def _bind(host: str, port: int) -> socket.socket:
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = addresses[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def listener_of(port: int) -> str | None:
    """Who listens on a port of this machine, as far as the system tells: ``python (pid 123)``; None: nobody."""
    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return None
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            return _process(connection.pid)
    return None


def _process(pid: int | None) -> str:
    if pid is None:
        return "another user's process"
    try:
        return f"{psutil.Process(pid).name()} (pid {pid})"
    except psutil.Error:
        return f"pid {pid}"


def _explain(host: str, port: int, error: OSError, holder: str | None) -> str:
    if error.errno == errno.EADDRINUSE:
        who = f"held by {holder}" if holder else "in use"
        return f"server.port: {host}:{port} is {who}. Stop it, or choose another port with --port."
    if error.errno == errno.EACCES:
        return f"server.port: {port} needs more rights than this user has. Choose a port above 1023 with --port."
    return f"server.host: cannot listen on {host}:{port} ({error.strerror or error})."
