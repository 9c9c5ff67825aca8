"""Run the scenarios on every balancer and print one table."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.dataplane.balancers import ALL, QUICK, Balancer
from benchmarks.dataplane.scenarios import LARGE, MANY, ONE, PACED, SCENARIOS, STREAMS, Scenario
from benchmarks.dataplane.tools import ENGINE_PORT, ENGINES, LOAD_CPU, Missing, Reading, compiled, measure, pin

Readings = dict[str, dict[str, list[Reading]]]
"""By balancer and scenario; "direct" stands for no balancer at all."""

SLOW = {"litellm": (ONE, MANY)}
"""Who could not keep up with the rest."""


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="llmlb-bench-") as scratch:
        engine = subprocess.Popen([str(compiled("engine")), str(ENGINE_PORT), str(ENGINES)])
        try:
            _wait_for_engine()
            pin(engine.pid, LOAD_CPU)
            readings, missing = _compare(options, Path(scratch))
        finally:
            engine.kill()
            engine.wait()
    figures = {name: _figures(readings, name) for name in readings if name != "direct"}
    print(_table(figures))
    for name, cause in missing.items():
        print(f"{name}: not measured, {cause}")
    for name, flaw in _flaws(readings):
        print(f"{name}: {flaw}")
    if options.json:
        _write_json(Path(options.json), figures, readings, missing)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dataplane", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="nginx, haproxy and llmlb only, within a minute")
    parser.add_argument("--only", default="", help="names of balancers, separated by commas")
    parser.add_argument("--rounds", type=int, default=0, help="default: 3, with --quick 1")
    parser.add_argument("--json", default="", help="a file for all readings")
    return parser.parse_args()


def _wait_for_engine() -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{ENGINE_PORT}/v1/models", timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise Missing("the mock engine did not start")


def _compare(options: argparse.Namespace, scratch: Path) -> tuple[Readings, dict[str, str]]:
    kinds = [kind for kind in (QUICK if options.quick else ALL) if not options.only or kind.name in options.only]
    missing: dict[str, str] = {}
    running: list[Balancer] = []
    try:
        for kind in kinds:
            balancer = kind(scratch)
            running.append(balancer)
            _say(f"starting {kind.name}")
            try:
                balancer.start()
            except (Missing, OSError, subprocess.SubprocessError) as error:
                missing[kind.name] = str(error)
        rounds = options.rounds or (1 if options.quick else 3)
        contenders = [balancer for balancer in running if balancer.name not in missing]
        return _rounds(contenders, rounds, scratch), missing
    finally:
        for balancer in running:
            balancer.stop()


def _rounds(contenders: list[Balancer], rounds: int, scratch: Path) -> Readings:
    readings: Readings = defaultdict(lambda: defaultdict(list))
    for number in range(rounds):
        for scenario in SCENARIOS:
            _say(f"round {number + 1} of {rounds}: {scenario.name}")
            direct = measure(scenario, port=ENGINE_PORT, key="none", pids=[], scratch=scratch)
            readings["direct"][scenario.name].append(direct)
            # Every other round backwards: what drifts hits the first and the last alike.
            for balancer in contenders if number % 2 == 0 else reversed(contenders):
                if scenario in SLOW.get(balancer.name, SCENARIOS):
                    balancer.pin()
                    reading = measure(
                        scenario, port=balancer.port, key=balancer.key, pids=balancer.pids, scratch=scratch
                    )
                    readings[balancer.name][scenario.name].append(reading)
    return readings


def _say(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


def _figures(readings: Readings, name: str) -> dict[str, float]:
    """Medians over the rounds; latencies less those of the engine without any balancer."""

    def middle(scenario: Scenario, field: str, index: int | None = None, of: str = name) -> float:
        found = [getattr(reading, field) for reading in readings[of][scenario.name] if not reading.flaw]
        return median(value if index is None else value[index] for value in found) if found else float("nan")

    def added(scenario: Scenario, index: int) -> float:
        return middle(scenario, "answer_us", index) - middle(scenario, "answer_us", index, "direct")

    return {
        "cpu us/request": middle(MANY, "cpu_us"),
        "requests/s": middle(MANY, "per_second"),
        "cpu us/chunk": middle(STREAMS, "cpu_us"),
        "chunk p50 us": middle(STREAMS, "chunk_us", 0),
        "chunk p99 us": middle(STREAMS, "chunk_us", 1),
        "+p50 c1 us": added(ONE, 0),
        "+p99 c1 us": added(ONE, 1),
        "+p50 2000/s us": added(PACED, 0),
        "+p99 2000/s us": added(PACED, 1),
        "cpu us/32 KB": middle(LARGE, "cpu_us"),
        "RSS MB": max((reading.rss_mb for runs in readings[name].values() for reading in runs), default=float("nan")),
    }


def _table(figures: dict[str, dict[str, float]]) -> str:
    """Each figure with its ratio to nginx."""
    if not figures:
        return "Nothing was measured."
    unit = figures.get("nginx")
    columns = list(next(iter(figures.values())))
    rows = [["", *columns]]
    for name, row in figures.items():
        cells = []
        for column in columns:
            ratio = f" x{row[column] / unit[column]:.2f}" if unit and unit[column] and column != "RSS MB" else ""
            cells.append(f"{row[column]:,.1f}{ratio}" if row[column] == row[column] else "-")
        rows.append([name, *cells])
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(lines)


def _flaws(readings: Readings) -> list[tuple[str, str]]:
    return [
        (name, f"{scenario}: {reading.flaw}")
        for name, by_scenario in readings.items()
        for scenario, runs in by_scenario.items()
        for reading in runs
        if reading.flaw
    ]


def _write_json(path: Path, figures: dict[str, Any], readings: Readings, missing: dict[str, str]) -> None:
    document = {
        "version": 1,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "figures": figures,
        "missing": missing,
        "readings": {
            name: {scenario: [asdict(reading) for reading in runs] for scenario, runs in by_scenario.items()}
            for name, by_scenario in readings.items()
        },
    }
    path.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Missing as error:
        sys.exit(f"The benchmark cannot run: {error}")
