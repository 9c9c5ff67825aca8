"""The exception tree. The class says whose fault it was and whether another try may help.

    LlmlbError
    ├── ConfigurationError        the operator's settings cannot be used
    │   └── FilterError           a filter of nodes or requests cannot be read
    ├── StoreError                the store cannot do what was asked
    │   ├── StoreBusy             locked or overloaded: try again soon
    │   ├── StoreFull             no space left
    │   └── StoreCorrupt          the file is damaged; restore a backup
    ├── PasswordsBusy             too many passwords are being checked: try again soon
    ├── NodeUrlRefused            a URL that no node may have
    ├── EngineError               an engine beside the agent cannot be read
    ├── ClientError               a command of ours could not talk to the router
    │   ├── RouterUnreachable
    │   └── RouterRefused         the router answered with an error
    ├── DemoFailed                the demo could not go on
    └── ProxyError                a request did not get its answer from a node
        ├── NodeUnreachable       nothing was sent
        ├── NodeLost              the connection broke after the request was sent
        ├── NodeTimeout           a deadline of ours ran out
        └── NodeMisbehaved        what came back is not HTTP we accept

Every exception that one package raises and another knows by name is here; a package may have finer ones of its own
below these. The docstring of each class is its message where none is given. Status codes are chosen in
``proxy/replies.py`` and ``api/``, never here.
"""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """Who is to blame for an outcome: nobody but NODE is charged to a node's circuit."""

    CLIENT = "client"
    NODE = "node"
    ROUTER = "router"


class LlmlbError(Exception):
    """Something went wrong inside llmlb."""

    fault: Fault = Fault.ROUTER
    retryable: bool = False

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])

    @property
    def message(self) -> str:
        return str(self.args[0])


class ConfigurationError(LlmlbError):
    """The configuration cannot be used."""


class FilterError(ConfigurationError):
    """A filter that cannot be read. position: the character at fault, from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


class StoreError(LlmlbError):
    """The store could not do what was asked."""


class StoreBusy(StoreError):
    """The store is locked or overloaded; try again in a moment."""

    retryable = True


class StoreFull(StoreError):
    """There is no space left for the store."""


class StoreCorrupt(StoreError):
    """The store's file is damaged."""


class PasswordsBusy(LlmlbError):
    """Too many passwords are being checked; try again in a few seconds."""

    retryable = True


class NodeUrlRefused(LlmlbError):
    """This URL cannot be a node's.

    reason: for the log and for operators, never for an anonymous sender.
    """

    fault = Fault.CLIENT

    def __init__(self, message: str = "", *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class EngineError(LlmlbError):
    """The engine did not answer in a way the agent understands."""

    fault = Fault.NODE
    retryable = True


class ClientError(LlmlbError):
    """The command could not complete its request to the router."""


class RouterUnreachable(ClientError):
    """The router did not answer."""

    retryable = True


class RouterRefused(ClientError):
    """The router answered with an error.

    status: the HTTP status.  code: the error's machine-readable code.
    """

    def __init__(self, message: str, *, status: int, code: str, request_id: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id


class DemoFailed(LlmlbError):
    """The demo could not go on."""


class ProxyError(LlmlbError):
    """A request did not get its answer from a node."""

    fault = Fault.NODE


class NodeUnreachable(ProxyError):
    """The node did not accept a connection."""

    retryable = True


class NodeLost(ProxyError):
    """The connection to the node broke after the request was sent."""


class NodeTimeout(ProxyError):
    """The node did not answer in time."""


class NodeMisbehaved(ProxyError):
    """The node's answer is not HTTP that llmlb accepts."""
