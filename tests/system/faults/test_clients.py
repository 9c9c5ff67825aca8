"""Clients that leave, read slowly, or only sit there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes.fault_client import ANSWERED, CANCELLED, FAILED, Answer, Asker, many, percentile_s
from fakes.fault_site import FaultSite, Row, control, raise_file_limit
from fakes.haproxy import Haproxy

pytestmark = pytest.mark.system

LET_GO_S = 0.25
"""Promised. Four times as long is allowed for the slowest quarter, and where the end is seen by asking around."""

PHASES: dict[str, tuple[bool, list[str]]] = {
    "waiting for a whole answer": (False, ["hang"]),
    "waiting for a stream": (True, ["hang"]),
    "waiting for the first content": (True, ["head", "ping"]),
    "between two events": (True, ["head", "words:4", "hang"]),
    "while events flow": (True, ["head", "words:2000:0.002"]),
    "in a flood": (True, ["head", "flood:500"]),
    "in the middle of a large answer": (False, ["blob:1000000", "hang"]),
}


BUSY = ("while events flow", "in a flood")
"""Phases that keep the nodes themselves busy: a few clients in them are enough."""


async def leave(asker: Asker, tag: str, *, stream: bool, play: list[str]) -> Answer:
    return await asker.ask(stream=stream, words=10_000, play={"*": play}, abort_after_s=0.4, tag=tag)


def let_go_after_s(row: Row, answers: dict[str, Answer]) -> list[float]:
    """How long after each client's close its node saw its own end closed; those that reached no node are left out."""
    heard = [request for node in row.nodes.values() for request in node.requests()]
    assert {request["ended"] for request in heard} == {"gone"}
    return [request["ended_at_s"] - answers[json.loads(request["body"])["tag"]].closed_at_s for request in heard]


@pytest.mark.parametrize("chunked", [False, True], ids=["direct", "asgi"])
def test_f28_a_client_that_leaves_is_let_go_at_once_in_every_phase(site: FaultSite, chunked: bool) -> None:
    path = "asgi" if chunked else "direct"
    with site.row(f"F28 leaves, {path}") as row:
        asker = row.asker(chunked=chunked)
        tags = {f"{phase} {number}": phase for phase in PHASES for number in range(2 if phase in BUSY else 16)}

        async def scenario() -> dict[str, Answer]:
            asks = [leave(asker, tag, stream=PHASES[phase][0], play=PHASES[phase][1]) for tag, phase in tags.items()]
            answers = dict(zip(tags, await asyncio.gather(*asks), strict=True))
            async with asyncio.timeout(5):
                while [node for node in row.nodes.values() if (await asyncio.to_thread(node.state))["running"]]:
                    await asyncio.sleep(0.05)
            return answers

        answers = asyncio.run(scenario())
        row.take(answers.values())
        assert row.tally.counts == {CANCELLED: len(tags)}
        late_s = let_go_after_s(row, answers)
        row.tally.note = f"let go after {max(late_s) * 1000:.0f} ms at most"
        assert len(late_s) > 0.7 * len(tags)
        assert sorted(late_s)[len(late_s) * 3 // 4] <= LET_GO_S
        assert max(late_s) <= 4 * LET_GO_S, "far too late even for a busy machine"
        assert all(row.node(key)["failed_requests"] == 0 for key in row.nodes), "a node was blamed"
        assert all(row.node(key)["circuit"] == "closed" for key in row.nodes)


def test_f28_haproxy_lets_go_as_well(site: FaultSite, tmp_path: Path) -> None:
    tags = {f"{phase} {number}": phase for phase in PHASES for number in range(8)}
    nodes = {key: site.nodes[key] for key in "abc"}
    for node in nodes.values():
        node.tell("clear")

    async def scenario(asker: Asker) -> list[Answer]:
        asks = [leave(asker, tag, stream=PHASES[phase][0], play=PHASES[phase][1]) for tag, phase in tags.items()]
        answers = await asyncio.gather(*asks)
        await asyncio.sleep(0.5)
        return answers

    with Haproxy(tmp_path, [node.port for node in nodes.values()]) as haproxy:
        theirs = control("F28", asyncio.run(scenario(Asker(haproxy.port, "", "m"))))
        gone = Counter(request["ended"] for node in nodes.values() for request in node.requests())
        theirs.note = f"nodes saw {gone['gone']} of {len(tags)} leave"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_f28_a_client_that_leaves_the_queue_gives_up_its_place_at_once(site: FaultSite, stream: bool) -> None:
    with site.row(f"F28 leaves the queue, {'stream' if stream else 'whole'}", nodes="a", max_concurrency=1) as row:

        async def scenario() -> None:
            occupant = asyncio.create_task(row.asker().ask(play={"*": ["sleep:1.2", "answer:8"]}))
            await asyncio.sleep(0.1)
            waiting = [row.asker(chunked=number % 2 > 0) for number in range(20)]
            row.take(await asyncio.gather(*(asker.ask(stream=stream, abort_after_s=0.4) for asker in waiting)))
            closed_at_s = time.monotonic()
            while row.router.queued():
                assert time.monotonic() - closed_at_s < 4 * LET_GO_S, "still in the queue"
                await asyncio.sleep(0.01)
            row.take([await occupant])

        asyncio.run(scenario())
        assert row.tally.counts[CANCELLED] == 20
        assert len(row.nodes["a"].requests()) == 1


def test_f28_a_client_that_leaves_while_we_dial_ends_the_dial(site: FaultSite) -> None:
    with site.row("F28 leaves while dialling", nodes="d") as row:
        node = row.nodes["d"]
        # The router asks a node that has just been approved: that dial must not be taken for one of the clients'.
        until_s = time.monotonic() + 5
        while "Prober._ask" in row.router.picture()["tasks"]:
            assert time.monotonic() < until_s, "the router still asks the node"
        node.tell("deaf")

        async def scenario() -> None:
            askers = [row.asker(chunked=number % 2 > 0) for number in range(10)]
            row.take(await asyncio.gather(*(asker.ask(abort_after_s=0.2) for asker in askers)))
            closed_at_s = time.monotonic()
            while row.router.sockets_to({node.port}):
                assert time.monotonic() - closed_at_s < 4 * LET_GO_S, "still dialling"
                await asyncio.sleep(0.01)

        asyncio.run(scenario())
        node.tell("hear")
        assert row.tally.counts == {CANCELLED: 10}
        assert row.node("d")["failed_requests"] == 0


def test_f29_clients_that_do_not_read_cost_little_and_are_cut_off(site: FaultSite) -> None:
    """A hundred clients of three megabytes each, on both paths, which the router could not all hold."""
    # The allocator keeps what it once got for a hundred full buffers.
    with site.row("F29 do not read", rss_percent=50.0) as row:
        rss_mb = site.router.rss_mb
        askers = (row.asker(), row.asker(chunked=True))
        play = {"*": ["head", "flood:3", "finish", "end"]}
        data = [asker.request(stream=True, words=8, play=play, extra={}) for asker in askers]

        async def scenario() -> tuple[list[Answer], float]:
            readers = [await slow_reader(site.router.port, data[number % 2]) for number in range(100)]
            ports = {handle.getsockname()[1] for handle in readers}
            await asyncio.sleep(0.5)
            answers = row.take(await many(lambda _: row.asker().ask(), 100, at_once=4))
            peak_mb = site.router.rss_mb
            until_s = time.monotonic() + 6.0
            while (left := site.router.sockets_to(ports)) and time.monotonic() < until_s:
                await asyncio.sleep(0.1)
            for handle in readers:
                handle.close()
            assert left == 0, f"{left} of 100 clients that read nothing are still connected"
            return answers, peak_mb

        answers, peak_mb = asyncio.run(scenario())
        row.tally.counts[CANCELLED] += 100
        row.tally.note = f"+{peak_mb - rss_mb:.0f} MB, others' p95 {percentile_s(answers, 95) * 1000:.0f} ms"
        assert peak_mb - rss_mb < 60
        assert row.tally.counts[FAILED] == 0
        assert percentile_s(answers, 95) < 1.5


def test_f29_a_client_that_reads_slowly_but_reads_gets_everything(site: FaultSite) -> None:
    """It takes longer than the limit for clients that read nothing."""
    with site.row("F29 read slowly", rss_percent=10.0) as row:
        play = {"*": ["head", "flood:0.8", "finish", "end"]}
        askers = (row.asker(), row.asker(chunked=True))
        data = [asker.request(stream=True, words=8, play=play, extra={}) for asker in askers]

        async def read_slowly(request: bytes) -> bytes:
            handle = await slow_reader(site.router.port, request)
            received = bytearray()
            with handle:
                while not received.endswith(b"0\r\n\r\n"):
                    piece = await asyncio.get_running_loop().sock_recv(handle, 8192)
                    if not piece:
                        break
                    received += piece
                    await asyncio.sleep(0.03)
            return bytes(received[-400:])

        async def scenario() -> list[bytes]:
            return await asyncio.gather(*(read_slowly(data[number % 2]) for number in range(6)))

        started_s = time.monotonic()
        tails = asyncio.run(scenario())
        assert time.monotonic() - started_s > 2.5
        assert all(b"[DONE]" in tail for tail in tails)
        row.tally.counts[ANSWERED] += len(tails)


async def slow_reader(port: int, request: bytes) -> socket.socket:
    """A connection with next to no room for what it is sent."""
    handle = socket.socket()
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    handle.setblocking(False)
    await asyncio.get_running_loop().sock_connect(handle, ("127.0.0.1", port))
    await asyncio.get_running_loop().sock_sendall(handle, request)
    return handle


def test_f30_ten_thousand_idle_connections_cost_little_and_stop_nobody(usual: FaultSite) -> None:
    count = min(10_000, raise_file_limit() - 1_000)
    if count < 1_000:
        pytest.skip("this machine does not allow a thousand open files")
    with usual.row(f"F30 {count} idle connections", rss_percent=60.0) as row:
        asker = row.asker()
        rss_mb = usual.router.rss_mb

        async def measure() -> list[Answer]:
            return row.take(await many(lambda _: asker.ask(), 400, at_once=4))

        async def scenario() -> tuple[list[Answer], list[Answer], float]:
            before = await measure()
            async with idle_connections(asker.port, count):
                during = await measure()
                return before, during, usual.router.rss_mb

        before, during, peak_mb = asyncio.run(scenario())
        ratio = percentile_s(during, 99) / percentile_s(before, 99)
        row.tally.note = f"+{peak_mb - rss_mb:.0f} MB, p99 {ratio:.2f} times that without"
        assert peak_mb - rss_mb < 100
        assert row.tally.counts[FAILED] == 0
        assert percentile_s(during, 50) < 2 * percentile_s(before, 50) + 0.01


@contextlib.asynccontextmanager
async def idle_connections(port: int, count: int) -> AsyncIterator[None]:
    """So many connections that never say anything."""
    loop = asyncio.get_running_loop()
    handles: list[socket.socket] = []
    try:
        for number in range(count):
            handle = socket.socket()
            handles.append(handle)
            handle.setblocking(False)
            # Addresses of their own keep them from using up the ports of the others.
            handle.bind((f"127.0.0.{2 + number % 4}", 0))
            await loop.sock_connect(handle, ("127.0.0.1", port))
        yield
    finally:
        for handle in handles:
            handle.close()


CHAT = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
SILENT = {
    "nothing": (b"", b""),
    "half a head": (CHAT + b"X-A: ", b"408"),
    "half a body": (CHAT + b"Content-Length: 50\r\n%b\r\n{", b"408"),
    "half a chunked body": (CHAT + b"Transfer-Encoding: chunked\r\n%b\r\n32\r\n{", b"408"),
    "half a control body": (b"POST /v0/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{", b"408"),
}
"""What a client sends before it falls silent, and what it is told."""


def test_f30_a_client_that_falls_silent_is_cut_off(site: FaultSite) -> None:
    asker = Asker(site.router.port, site.router.api_key, "m")
    key = f"Authorization: Bearer {asker.key}\r\n".encode()

    async def one(name: str) -> tuple[str, bytes, float]:
        sent = SILENT[name][0].replace(b"%b", key)
        started_s = time.monotonic()
        return name, await asker.raw(sent, timeout_s=5.0), time.monotonic() - started_s

    async def scenario() -> list[tuple[str, bytes, float]]:
        return await asyncio.gather(*(one(name) for name in SILENT for _ in range(20)))

    for name, received, seconds in asyncio.run(scenario()):
        assert received[9:12] == SILENT[name][1], f"{name}: {received!r}"
        assert 0.9 < seconds < 4.0
