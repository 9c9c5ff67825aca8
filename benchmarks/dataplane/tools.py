"""The compiled engine and load client, and what the kernel says of a process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.dataplane.scenarios import Scenario

SOURCES = Path(__file__).parent
BALANCER_CPU, LOAD_CPU = 0, 1
ENGINE_PORT, ENGINES = 9101, 4


class Missing(Exception):
    """Something that the benchmark needs is not on this machine; the message says how to get it."""


def cache_dir() -> Path:
    """Where compiled programs and the peers' own environments are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = Path(base) / "llmlb-bench"
    path.mkdir(parents=True, exist_ok=True)
    return path


def compiled(name: str) -> Path:
    """Compile ``name.c`` unless that was done before. Raises Missing without a C compiler."""
    source, program = SOURCES / f"{name}.c", cache_dir() / name
    if program.exists() and program.stat().st_mtime >= source.stat().st_mtime:
        return program
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise Missing("no C compiler: install gcc or clang, the mock engine and the load client are written in C")
    subprocess.run([compiler, "-O2", "-o", str(program), str(source)], check=True)
    return program


def pin(pid: int, cpu: int) -> None:
    """Keep a process and all its threads on one processor."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), {cpu})


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    found, to_visit = [], [pid]
    while to_visit:
        current = to_visit.pop()
        found.append(current)
        for thread in os.listdir(f"/proc/{current}/task"):
            to_visit += map(int, Path(f"/proc/{current}/task/{thread}/children").read_text().split())
    return found


def resident_mb(pids: list[int]) -> float:
    """Memory that the processes occupy; what they share counts for each."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@dataclass(frozen=True, slots=True)
class Reading:
    """One run of one scenario. Times in microseconds; percentiles: 50th, 99th, highest."""

    good: int
    per_second: float
    cpu_us: float
    """CPU time of the balancer for each answer, or for each chunk of a stream."""
    answer_us: tuple[float, float, float]
    chunk_us: tuple[float, float, float]
    rss_mb: float
    flaw: str
    """Why the reading is worth nothing; empty for a good one."""


def measure(scenario: Scenario, *, port: int, key: str, pids: list[int], scratch: Path) -> Reading:
    """Put the load on whatever listens on the port."""
    request = scratch / "request.http"
    request.write_bytes(scenario.request(key))
    command = [
        str(compiled("load")),
        *("-p", str(port), "-c", str(scenario.connections)),
        *("-d", str(scenario.seconds), "-w", str(scenario.warmup_s)),
        *("-f", str(request), "-e", str(scenario.chunks or 1)),
        *(("-r", str(scenario.rate)) if scenario.rate else ()),
        *(("-P", ",".join(map(str, pids))) if pids else ()),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CPU % (os.cpu_count() or 1)}),
    )
    if done.returncode != 0:
        return Reading(0, 0.0, 0.0, (0, 0, 0), (0, 0, 0), 0.0, done.stderr.strip() or f"exit {done.returncode}")
    return _reading(scenario, json.loads(done.stdout), resident_mb(pids))


def _reading(scenario: Scenario, told: dict[str, Any], rss_mb: float) -> Reading:
    count = told["events"] if scenario.chunks else told["good"]
    flaw = ""
    if told["bad"] or told["errors"]:
        flaw = f"{told['bad']} incomplete and {told['errors']} failed answers: {told['complaint']}"
    elif not count:
        flaw = "nothing was answered"
    return Reading(
        told["good"],
        count / told["seconds"],
        told["balancer_cpu_s"] * 1e6 / max(count, 1),
        tuple(told["answer_us"]),
        tuple(told["chunk_us"]),
        rss_mb,
        flaw,
    )
