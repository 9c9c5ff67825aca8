"""What the ASGI way keeps of an answer for a client that does not take it."""

from __future__ import annotations

from typing import Any, cast

from llmlb.proxy.asgi import AsgiClient
from llmlb.proxy.exchange import Exchange


class Pauses:
    """An exchange, as far as the client speaks to it."""

    def __init__(self) -> None:
        self.count = 0

    def client_paused(self) -> None:
        self.count += 1


def test_a_node_has_to_wait_only_when_the_configured_buffer_is_full() -> None:
    pauses: Any = Pauses()
    client = AsgiClient("127.0.0.1", buffered_bytes=100_000)
    client.exchange = cast(Exchange, pauses)
    client.body(b"x" * 100_000)
    assert pauses.count == 0
    client.body(b"x")
    assert pauses.count == 1
