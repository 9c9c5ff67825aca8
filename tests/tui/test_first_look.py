"""The first look brings a snapshot or nothing, and never holds anybody up."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tui.driving import Console, drive, make_desk
from tui.fake_router import FakeRouter

from llmlb_tui.desk import Desk
from llmlb_tui.first_look import FirstLook

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A socket that answers one request; yields its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(10)


def looked(url: str) -> FirstLook:
    look = FirstLook(url, token="t", ca_file="")
    look.begin()
    look.show(make_desk(), lambda desk, now_s: None)
    look._thread.join(10)
    assert look.is_over
    return look


def test_the_first_event_of_the_feed_is_taken() -> None:
    nodes = json.dumps({"nodes": [{"id": "gpu-1"}]}).encode()
    with answering(HEAD + b"id: 7\nevent: snapshot\ndata: " + nodes + b"\n\nid: 8\nevent: node\ndata: {}\n\n") as url:
        found = looked(url).found
    assert found is not None
    assert (found.id, list(found.state.nodes)) == ("7", ["gpu-1"])


def test_whatever_else_answers_is_left_to_those_who_can_say_why() -> None:
    for answer in (b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 401 no\r\ncontent-length: 0\r\n\r\n", HEAD + b"data: {\n\n"):
        with answering(answer) as url:
            assert looked(url).found is None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert looked(f"http://127.0.0.1:{port}").found is None


def test_a_router_that_is_away_is_drawn_too() -> None:
    drawn: list[Desk] = []
    look = FirstLook("http://127.0.0.1:1", token="t", ca_file="")
    look.begin()
    look.show(make_desk(), lambda desk, now_s: drawn.append(desk))
    look._thread.join(10)
    assert [desk.state.has_snapshot for desk in drawn] == [False]


def test_the_feed_goes_on_where_the_look_ended() -> None:
    router = FakeRouter(3)

    async def script(console: Console) -> None:
        event = f"id: 41\nevent: snapshot\ndata: {json.dumps(router.snapshot())}\n\n".encode()
        with answering(HEAD + event) as url:
            console.app._look = looked(url)
        await console.app.follow_after_look()
        await console.until(lambda: router.last_event_ids[-1:] == ["41"])
        assert "gpu-0001" in console.text()

    async def start(console: Console) -> None:
        await console.app.stop_following()
        console.app._client = None
        console.app.desk.state.has_snapshot = False
        await script(console)

    drive(start, router=router)
