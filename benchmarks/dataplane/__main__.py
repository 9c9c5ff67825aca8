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
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from statistics import median

from benchmarks.dataplane.balancers import ALL, QUICK, Balancer
from benchmarks.dataplane.scenarios import LARGE, MANY, ONE, PACED, SCENARIOS, STREAMS, Scenario
from benchmarks.dataplane.tools import ENGINE_PORT, ENGINES, LOAD_CPU, Missing, Reading, compiled, measure, pin

Readings = dict[str, dict[str, list[Reading]]]
"""By balancer and scenario; "direct" stands for no balancer at all."""

Figures = dict[str, float]
"""By column of the table."""

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
    figures, ratios = _summary(
        {
            name: [_figures(readings, name, number) for number in range(len(readings["direct"][ONE.name]))]
            for name in readings
            if name != "direct"
        }
    )
    print(_table(figures, ratios))
    for name, cause in missing.items():
        print(f"{name}: not measured, {cause}")
    for name, flaw in _flaws(readings):
        print(f"{name}: {flaw}")
    if options.json:
        _write_json(Path(options.json), figures, ratios, readings, missing)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dataplane", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="nginx, haproxy and llmlb only, within a minute")
    parser.add_argument("--only", default="", help="names of balancers, separated by commas")
    parser.add_argument("--rounds", type=int, default=0, help="default: 6, with --quick 1")
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
        rounds = options.rounds or (1 if options.quick else 6)
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


def _figures(readings: Readings, name: str, number: int) -> Figures:
    """Of one round; latencies less those of the engine without any balancer. NaN where nothing sound was measured."""

    def of(scenario: Scenario, field: str, index: int | None = None, name: str = name) -> float:
        runs = readings[name][scenario.name]
        if number >= len(runs) or runs[number].flaw:
            return float("nan")
        value = getattr(runs[number], field)
        return float(value if index is None else value[index])

    def added(scenario: Scenario, index: int) -> float:
        return of(scenario, "answer_us", index) - of(scenario, "answer_us", index, "direct")

    return {
        "cpu us/request": of(MANY, "cpu_us"),
        "requests/s": of(MANY, "per_second"),
        "cpu us/chunk": of(STREAMS, "cpu_us"),
        "chunk p50 us": of(STREAMS, "chunk_us", 0),
        "chunk p99 us": of(STREAMS, "chunk_us", 1),
        "+p50 c1 us": added(ONE, 0),
        "+p99 c1 us": added(ONE, 1),
        "+p50 2000/s us": added(PACED, 0),
        "+p99 2000/s us": added(PACED, 1),
        "cpu us/32 KB": of(LARGE, "cpu_us"),
        "RSS MB": max((runs[number].rss_mb for runs in readings[name].values() if number < len(runs)), default=0.0),
    }


def _middle(values: Iterable[float]) -> float:
    sound = [value for value in values if value == value]
    return median(sound) if sound else float("nan")


def _summary(rounds: dict[str, list[Figures]]) -> tuple[dict[str, Figures], dict[str, Figures]]:
    """Each figure's median over the rounds, of memory the most, and the median of its ratio to nginx.

    The ratio is taken within each round: a machine's speed drifts from one to the next by more than what is compared.
    """
    figures: dict[str, Figures] = {}
    ratios: dict[str, Figures] = {}
    units = rounds.get("nginx", [])
    for name, found in rounds.items():
        figures[name] = {
            column: max(each[column] for each in found)
            if column == "RSS MB"
            else _middle(each[column] for each in found)
            for column in found[0]
        }
        ratios[name] = {
            column: _middle(
                each[column] / unit[column] for each, unit in zip(found, units, strict=True) if unit[column]
            )
            for column in found[0]
            if units and column != "RSS MB"
        }
    return figures, ratios


def _table(figures: dict[str, Figures], ratios: dict[str, Figures]) -> str:
    """Each figure with its ratio to nginx."""
    if not figures:
        return "Nothing was measured."
    columns = list(next(iter(figures.values())))
    rows = [["", *columns]]
    for name, row in figures.items():
        cells = []
        for column in columns:
            ratio = ratios[name].get(column, float("nan"))
            text = f" x{ratio:.2f}" if ratio == ratio else ""
            cells.append(f"{row[column]:,.1f}{text}" if row[column] == row[column] else "-")
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


def _write_json(
    path: Path, figures: dict[str, Figures], ratios: dict[str, Figures], readings: Readings, missing: dict[str, str]
) -> None:
    document = {
        "version": 1,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "figures": figures,
        "ratios": ratios,
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
