"""What a fleet of 1,000 nodes costs the router: ``python -m benchmarks.fleet [--nodes 1000]``.

In this process: one choice with its lease and its end, for each policy and several sizes of fleet. Then, on a router of
its own: the CPU share that heartbeats of all nodes every ten seconds take, and the CPU time of one scrape of /metrics.
``python -m benchmarks.decisions`` looks closer at the choices of ``adaptive``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from benchmarks.dataplane.balancers import Llmlb
from benchmarks.dataplane.tools import resident_mb
from llmlb.core.balancer import Balancer, QueueRules
from llmlb.core.choice import InferenceRequest, Policy
from llmlb.core.fleet import Fleet, FleetRules
from llmlb.core.lease import Lease
from llmlb.core.load import Thresholds
from llmlb.core.node import Beat, Figures, NodeId, Profile
from llmlb.core.outcome import Outcome, OutcomeKind
from llmlb.policies import POLICIES

MODEL = "mock-8b"
SIZES = (4, 16, 100, 1000)
BEAT_EVERY_S = 10.0
CYCLES = 2_000
BUSY_TRIES, BUSY_PAUSE_S = 10, 2.0
"""Two thousand changes are committed to disk one by one; where others write to it as well, one of them may be refused
with 503 and the advice to come back after two seconds, which every agent takes."""
ANSWERED = Outcome(OutcomeKind.ANSWERED, total_s=0.5)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long heartbeats are watched")
    options = parser.parse_args()
    print("choice, lease and end, us of CPU:")
    print("  " + "policy".ljust(14) + "".join(f"{size:>8} nodes" for size in SIZES))
    for mode, make in POLICIES.items():
        print("  " + mode.ljust(14) + "".join(f"{_cycle_us(make, size):>14.1f}" for size in SIZES))
    with tempfile.TemporaryDirectory(prefix="llmlb-fleet-") as scratch:
        router = FleetRouter(Path(scratch))
        router.start()
        try:
            asyncio.run(_watch(router, options.nodes, options.seconds))
        finally:
            router.stop()
    return 0


def _cycle_us(make: Callable[[], Policy], size: int) -> float:
    """The best of several stretches: what else the machine does only ever adds to them."""
    fleet = Fleet(rules=FleetRules(), thresholds=Thresholds(), rng=Random(1))
    rng = Random(2)
    for number in range(size):
        profile = Profile(url="http://node", score_override=rng.randrange(10_000))
        node, _ = fleet.register(NodeId(f"node-{number}"), profile, Beat(), 0.0)
        beat = Beat(figures=Figures(rng.random() * 70, rng.random() * 80), loaded_models=(MODEL,))
        fleet.beat(node, beat, now_s=0.0, unix_s=0.0)
        fleet.approve(node, 0.0)
    balancer = Balancer(fleet, make(), queue_rules=QueueRules(), aliases={}, rng=rng)
    open_leases = []
    best_us = float("inf")
    for _ in range(7):
        started_s = time.process_time()
        for _ in range(CYCLES):
            offer = balancer.offer(InferenceRequest(MODEL, body_bytes=1500), 1.0)
            assert isinstance(offer, Lease)
            open_leases.append(offer)
            if len(open_leases) > 3 * size:
                balancer.settle(open_leases.pop(0), ANSWERED, 1.0)
        best_us = min(best_us, (time.process_time() - started_s) / CYCLES * 1e6)
    return best_us


class FleetRouter(Llmlb):
    """The router alone, without the engines of the other benchmark."""

    name, port = "llmlb-fleet", 9213

    def prepare(self) -> None:
        login = self._call("POST", "/v0/auth/login", {"username": "admin", "password": "bench-password-1"})
        self.operator = {"Authorization": f"Bearer {login['token']}"}

    def join(self, number: int) -> tuple[str, str]:
        """Register and approve a node. Returns its id and token."""
        attempt = 0
        while True:
            # Another name each time: a change that was not confirmed may have been made.
            wish = {"url": f"http://127.0.0.1:{20_000 + number}", "node_id": f"node-{number}-{attempt}"}
            try:
                node = self._call("POST", "/v0/nodes", wish | {"engine": "vllm"})
                self._call("POST", f"/v0/nodes/{node['node_id']}/approve", None, self.operator)
            except RuntimeError as error:
                attempt += 1
                if ": 503 " not in str(error) or attempt == BUSY_TRIES:
                    raise
                time.sleep(BUSY_PAUSE_S)
            else:
                return node["node_id"], node["node_token"]

    def cpu_s(self) -> float:
        """User and system time of the router so far."""
        fields = Path(f"/proc/{self.pids[0]}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _watch(router: FleetRouter, nodes: int, seconds: float) -> None:
    print(f"registering {nodes} nodes ...", file=sys.stderr, flush=True)
    members = [router.join(number) for number in range(nodes)]
    rng = Random(3)
    refused: list[str] = []
    tasks = [
        asyncio.create_task(_beat_on(router.port, *member, rng.random() * BEAT_EVERY_S, refused)) for member in members
    ]
    await asyncio.sleep(BEAT_EVERY_S + 1.0)
    before_s, started_s = router.cpu_s(), time.monotonic()
    await asyncio.sleep(seconds)
    share = (router.cpu_s() - before_s) / (time.monotonic() - started_s)
    scrape_ms = await _scrape_ms(router)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # Nobody is late yet: a router whose nodes are silent asks their engines instead.
    idle_before_s = router.cpu_s()
    await asyncio.sleep(5.0)
    idle = (router.cpu_s() - idle_before_s) / 5.0
    print(f"heartbeats of {nodes} nodes every {BEAT_EVERY_S:.0f} s: {share:.1%} of a core, {idle:.1%} without them")
    if refused:
        print(f"{len(refused)} heartbeats were refused, which is not counted as their cost; the last: {refused[-1]}")
    print(f"one scrape of /metrics with {nodes} nodes: {scrape_ms:.1f} ms of CPU")
    print(f"resident memory: {resident_mb(router.pids):.0f} MB")


async def _beat_on(port: int, node_id: str, token: str, delay_s: float, refused: list[str]) -> None:
    """One agent, on a connection that it keeps as ours do. refused: what went wrong."""
    await asyncio.sleep(delay_s)
    rng = Random(node_id)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, family=socket.AF_INET)
    while True:
        beat = {
            "node_id": node_id,
            "gpu_metrics": {"usage": rng.random() * 70, "vram_usage": 50.0, "temperature": 60.0},
            "system_metrics": {"cpu_usage": 30.0, "memory_usage": 50.0},
            "loaded_models": [MODEL],
            "heartbeat_secs": BEAT_EVERY_S,
        }
        body = json.dumps(beat).encode()
        head = f"POST /v0/health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Node-Token: {token}\r\n"
        writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        try:
            answer = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_length_of(answer))
            if not answer.startswith(b"HTTP/1.1 200"):
                refused.append(answer[:200].decode(errors="replace"))
        except (OSError, asyncio.IncompleteReadError) as error:
            refused.append(str(error))
            reader, writer = await asyncio.open_connection("127.0.0.1", port, family=socket.AF_INET)
        await asyncio.sleep(BEAT_EVERY_S)


def _length_of(head: bytes) -> int:
    fields = head.lower().partition(b"content-length:")[2]
    return int(fields.split(b"\r\n", 1)[0])


async def _scrape_ms(router: FleetRouter) -> float:
    scrapes = 20
    before_s = router.cpu_s()
    for _ in range(scrapes):
        await _exchange(router.port, "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", b"")
    return (router.cpu_s() - before_s) / scrapes * 1000


async def _exchange(port: int, head: str, body: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, family=socket.AF_INET)
    writer.write(head.encode() + body)
    answer = await reader.read()
    writer.close()
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(answer[:200].decode(errors="replace"))


if __name__ == "__main__":
    sys.exit(main())
