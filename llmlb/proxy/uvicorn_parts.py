"""What ``protocol.py`` uses of uvicorn that uvicorn does not promise to keep.

The minor version is pinned, but an operator may install another one. What is missing is found at the start, not by the
first request that needs it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

_METHODS = (
    "_unset_keepalive_if_required",
    "connection_lost",
    "connection_made",
    "data_received",
    "on_response_complete",
    "pause_writing",
    "resume_writing",
    "shutdown",
    "timeout_keep_alive_handler",
)
_ATTRIBUTES = ("client", "connections", "cycle", "flow", "loop", "server_state", "timeout_keep_alive_task", "transport")
_CYCLE = ("response_complete", "response_started")
_STATE = ("connections", "tasks")


def missing_parts(loop: asyncio.AbstractEventLoop) -> list[str]:
    """Names of what is not there; empty when all is well."""
    missing = [name for name in _METHODS if not callable(getattr(HttpToolsProtocol, name, None))]
    state = ServerState()
    missing += [f"ServerState.{name}" for name in _STATE if not hasattr(state, name)]
    try:
        config = Config(_no_app, log_config=None, lifespan="off")
        config.load()
        protocol: Any = HttpToolsProtocol(config=config, server_state=state, app_state={}, _loop=loop)
    except TypeError as error:
        return [*missing, f"the constructor ({error})"]
    missing += [name for name in _ATTRIBUTES if not hasattr(protocol, name)]
    written_in = set(RequestResponseCycle.__init__.__code__.co_names)
    return missing + [f"RequestResponseCycle.{name}" for name in _CYCLE if name not in written_in]


async def _no_app(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("nothing is served here")
