"""What a fault test stands on: a real router to look into, nodes that fail on command, the invariants."""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
from fakes.fault_client import Answer, Asker, many
from fakes.llama import free_port
from fakes.process import Process
from fakes.router import RouterProcess

STEADY = "[health]\ncheck_interval = 60\nnode_timeout = 300\n"
"""One heartbeat lasts for the whole suite: only what the data path sees tells that a node is gone."""

SHORT = f"""{STEADY}
[timeouts]
connect = 0.5
first_byte = 1
cold_load = 0
answer = 2
stream_idle = 1
stream_total = 20
head = 1
body_idle = 1
write_stall = 1.5
node_keep_alive = 0.4

[retry]
budget_minimum = 1000

[circuit]
base = 0.2
cap = 0.5
slow_start = 0

[queue]
wait = 2
absent_wait = 0.5

[limits]
body_bytes = 1048576
"""
"""Every limit of the data path, shortened until waiting for it costs a test next to nothing."""

_HERE = Path(__file__).parent


class ByteNode:
    """A ``byte_node`` process; a context manager. Its ports survive a restart."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._directory = directory
        self._control = httpx.Client(base_url=f"http://127.0.0.1:{free_port()}", trust_env=False)
        self._process: Process | None = None

    def __enter__(self) -> Self:
        self.start()
        self.wait_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self._control.close()
        if self._process is not None:
            self._process.close()

    def start(self) -> None:
        """Begin to start; ``wait_ready`` tells when it listens. Call it from a thread that lives on."""
        ports = [str(self.port), str(self._control.base_url.port)]
        command = [sys.executable, "-m", "fakes.byte_node", self.name, *ports]
        self._process = Process(command, self._directory / f"node-{self.name}.log")

    def wait_ready(self) -> None:
        assert self._process is not None
        until_s = time.monotonic() + 20
        while time.monotonic() < until_s and self._process.is_running:
            try:
                self.state()
            except httpx.TransportError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError(f"the node did not start:\n{self._process.log()}")

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.is_running

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        assert self._process is not None
        self._process.close()

    def restart(self) -> None:
        self.kill()
        self.start()
        self.wait_ready()

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self._control.get("/state").json()
        return found

    def requests(self) -> list[dict[str, Any]]:
        """What it was sent: head, body, and how each request ended there."""
        found: list[dict[str, Any]] = self._control.get("/requests").json()
        return found

    def tell(self, what: str) -> None:
        """clear: forget the requests.  deaf, hear: drop what arrives at the listener, or no longer."""
        self._control.post(f"/{what}")


TABLE: list[Tally] = []
"""Every row of this test run, shown at its end."""


@dataclass
class Tally:
    """How the requests of one row ended for their clients."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    note: str = ""

    def add(self, *endings: str) -> None:
        self.counts.update(endings)

    @property
    def sent(self) -> int:
        return self.counts.total()


class FaultRouter(RouterProcess):
    """A router whose tasks, objects, sockets and memory can be seen from outside."""

    def __init__(self, directory: Path, *, config: str = SHORT) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__(directory, config=config)
        self._picture = directory / "picture.json"
        self._tokens: dict[str, str] = {}

    def start(self, environ: Mapping[str, str] | None = None) -> Self:
        path = os.pathsep.join([str(_HERE / "inspector"), *sys.path])
        return super().start({"PYTHONPATH": path, "LLMLB_TEST_INSPECT": str(self._picture), **(environ or {})})

    @property
    def process(self) -> psutil.Process:
        assert self.command is not None
        return psutil.Process(self.command.process.pid)

    @property
    def rss_mb(self) -> float:
        return float(self.process.memory_info().rss) / 1e6

    def picture(self) -> dict[str, Any]:
        """What runs and lives inside: tasks by name, data-path objects by class."""
        self._picture.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR2)
        until_s = time.monotonic() + 5
        while not self._picture.exists():
            assert time.monotonic() < until_s, "the router does not answer SIGUSR2: its loop stands still"
            time.sleep(0.005)
        found: dict[str, Any] = json.loads(self._picture.read_text())
        return found

    def sockets_to(self, ports: set[int]) -> int:
        """The router's TCP connections to these ports."""
        pairs = self.process.net_connections("tcp4")
        return sum(bool(pair.raddr) and pair.raddr.port in ports for pair in pairs)

    def join(self, name: str, url: str, model: str, *, max_concurrency: int | None = None) -> None:
        """Register a node, let it beat once and approve it."""
        about: dict[str, Any] = {"node_id": name, "loaded_models": [model], "heartbeat_secs": 60}
        if max_concurrency is not None:
            about["max_concurrency"] = max_concurrency
        self._tokens[name] = self.call("POST", "/v0/nodes", json={"url": url, **about})["node_token"]
        self.beat(name, **about)
        self.call("POST", f"/v0/nodes/{name}/approve")

    def beat(self, name: str, **words: Any) -> httpx.Response:
        body = {"node_id": name, **words}
        return self.client.post("/v0/health", json=body, headers={"x-node-token": self._tokens[name]})

    def leave(self, name: str) -> None:
        self.client.delete(f"/v0/nodes/{name}")

    def samples(self, name: str) -> dict[tuple[tuple[str, str], ...], float]:
        """The samples of one metric by their labels."""
        found = {}
        for line in self.client.get("/metrics").text.splitlines():
            match = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
            if match:
                labels = tuple(sorted(re.findall(r'(\w+)="([^"]*)"', match[1] or "")))
                found[labels] = float(match[2])
        return found

    def endings(self, model: str) -> Counter[str]:
        """How the router counts that model's requests to have ended."""
        counts: Counter[str] = Counter()
        for labels, value in self.samples("llmlb_requests_total").items():
            named = dict(labels)
            if named["model"] == model:
                counts[named["outcome"]] += int(value)
        return counts

    def queued(self) -> int:
        return int(sum(self.samples("llmlb_queue_depth").values()))


@dataclass
class Row:
    """One row of the fault table while it runs."""

    router: FaultRouter
    model: str
    nodes: dict[str, ByteNode]
    tally: Tally

    def asker(self, *, chunked: bool = False) -> Asker:
        """A client of this row's model. chunked: with bodies that the router serves on its ASGI path."""
        return Asker(self.router.port, self.router.api_key, self.model, chunked=chunked)

    def take(self, answers: Iterable[Answer]) -> list[Answer]:
        """Count how these ended."""
        found = list(answers)
        self.tally.add(*(answer.ending for answer in found))
        return found

    def id_of(self, node: str) -> str:
        """The id under which a node is registered for this row."""
        return f"{self.model}-{node}"

    def node(self, name: str) -> dict[str, Any]:
        return self.router.node(self.id_of(name))


def control(name: str, answers: Iterable[Answer]) -> Tally:
    """A row of the table for the same fault behind HAProxy."""
    tally = Tally(f"{name} haproxy")
    tally.add(*(answer.ending for answer in answers))
    TABLE.append(tally)
    return tally


class FaultSite:
    """One router and some nodes, shared by many rows: each row registers the nodes anew, under a model of its own."""

    def __init__(self, router: FaultRouter, nodes: dict[str, ByteNode]) -> None:
        self.router = router
        self.nodes = nodes
        self.baseline_tasks: list[str] = []

    @contextmanager
    def row(
        self,
        name: str,
        *,
        nodes: str = "abc",
        max_concurrency: int | None = None,
        rss_percent: float = 5.0,
        counted: bool = True,
    ) -> Iterator[Row]:
        """Run a row, then check what must hold after every fault. nodes: the names of those that take part.

        rss_percent: how much the memory may have grown.  counted: whether every request of the tally became an
        exchange, so that the router's own counters must add up to it.
        """
        model = re.sub(r"\W", "-", name.lower())
        row = Row(self.router, model, {key: self.nodes[key] for key in nodes}, Tally(name))
        for key, node in row.nodes.items():
            if not node.is_running:
                node.start()
            node.wait_ready()
            node.tell("clear")
            self.router.join(row.id_of(key), node.url, model, max_concurrency=max_concurrency)
        TABLE.append(row.tally)
        rss_mb = self.router.rss_mb
        try:
            yield row
            self.check(row, rss_mb=rss_mb, rss_percent=rss_percent, counted=counted)
        finally:
            self._dismiss(row)

    def _dismiss(self, row: Row) -> None:
        for key in row.nodes:
            self.router.leave(row.id_of(key))

    def check(self, row: Row, *, rss_mb: float, rss_percent: float, counted: bool) -> None:
        """The invariants."""
        router, counts = self.router, row.tally.counts
        router.quiet(timeout_s=2.0)
        assert router.queued() == 0
        assert counts["lost"] == 0, f"{row.tally.name}: {counts}"
        if counted:
            seen = router.endings(row.model)
            assert seen.total() == row.tally.sent, f"the router counted {seen}, the clients {counts}"
            assert seen["cancelled"] <= counts["cancelled"], f"the router counted {seen}, the clients {counts}"
            assert seen["failed"] + seen["refused"] <= counts["failed"] + counts["cancelled"], f"{seen}, {counts}"
        started_s = time.monotonic()
        if any(node.is_running for node in row.nodes.values()):
            while router.chat(row.model).status_code != 200:
                assert time.monotonic() - started_s < 2.0, "no fresh request succeeded within 2 s"
        self._dismiss(row)
        self._settle(row)
        grown = (router.rss_mb / rss_mb - 1) * 100
        assert grown <= rss_percent, f"the router's memory grew by {grown:.1f} % from {rss_mb:.1f} MB"

    def _settle(self, row: Row) -> None:
        """Nothing may be left of any exchange, nor of the connections to nodes that are gone."""
        ports = {node.port for node in row.nodes.values()}
        until_s = time.monotonic() + 5  # idle connections to the nodes of another row expire after 3 s
        while True:
            sockets, picture = self.router.sockets_to(ports), self.router.picture()
            strays = Counter(picture["tasks"]) - Counter(self.baseline_tasks)
            left = {kind: number for kind, number in picture["objects"].items() if number and kind not in _EXPECTED}
            if not (sockets or strays or left):
                return
            assert time.monotonic() < until_s, f"left behind: {sockets} sockets, tasks {dict(strays)}, objects {left}"
            time.sleep(0.05)


_EXPECTED = {"BoundRouterProtocol"}
"""The test's own connections to the control API."""


def raise_file_limit() -> int:
    """Allow as many open files as the machine lets us; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def warmed_up(site: FaultSite, *, requests: int = 1000) -> FaultSite:
    """Load the router until its caches are full; then note which tasks run when nothing happens."""
    with site.row("warm-up", rss_percent=100.0) as row:
        asker = row.asker()
        row.take(asyncio.run(many(lambda number: asker.ask(stream=number % 2 > 0), requests, at_once=32)))
        site.baseline_tasks = site.router.picture()["tasks"]
    return site
