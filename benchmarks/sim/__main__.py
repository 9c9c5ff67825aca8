"""The command line of the simulation; see the package's docstring."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.sim.fleets import FLEETS
from benchmarks.sim.generated import GENERATORS
from benchmarks.sim.study import CONTENDERS, TRAFFICS, Source, Traffic, requests_for, workload_of
from benchmarks.sim.tables import comparison, comparisons, picture, put_between_marks, sensitivity
from benchmarks.sim.workload import WINDOW_TOKENS


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        if options.all:
            _print_all(options)
        else:
            _print_one(options)
    except (OSError, ValueError) as error:
        print(f"benchmarks.sim: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sim", description="Judge routing policies.")
    parser.add_argument("--policies", help=f"of {','.join(CONTENDERS)} (default: all; for --sensitivity three)")
    parser.add_argument("--fleet", choices=sorted(FLEETS), default="medium")
    parser.add_argument("--workload", choices=sorted(GENERATORS), default="chat", help="generated traffic")
    parser.add_argument("--trace", metavar="FILE", type=Path, help="recorded traffic instead (.csv or .jsonl)")
    parser.add_argument("--requests", type=int, help="how many (default: 250 for each node, at most 8000)")
    parser.add_argument("--skip", type=int, default=0, help="rows of the trace to leave out at its start")
    parser.add_argument("--window", type=int, default=WINDOW_TOKENS, help="tokens that prompts are cut to (8192)")
    parser.add_argument("--load", type=float, help="offered rate over the fleet's capacity (0.8; bursts 0.4)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--admission", action="store_true", help="policies may refuse what nobody could answer in time")
    parser.add_argument("--highest", action="store_true", help="also look for the highest load with 95 %% good")
    parser.add_argument("--sensitivity", action="store_true", help="unusual circumstances, on the medium fleet")
    parser.add_argument("--all", action="store_true", help="every table of the benchmark's page; takes minutes")
    parser.add_argument("--picture", metavar="FILE.svg", type=Path, help="with --all: draw it")
    parser.add_argument("--document", metavar="FILE.md", type=Path, help="with --all: put the tables between its marks")
    return parser


def _print_one(options: argparse.Namespace) -> None:
    usual = next(traffic for traffic in TRAFFICS if traffic.workload == options.workload)
    title = usual.title if options.trace is None else options.trace.stem
    load = usual.load if options.load is None else options.load
    if not load > 0:
        raise ValueError("--load must be above 0")
    traffic = Traffic(options.workload, title, load, options.admission or (usual.admission and not options.trace))
    requests = requests_for(options.fleet) if options.requests is None else options.requests
    source = Source(options.workload, requests, options.seed, options.trace, options.skip, options.window)
    workload_of(source)
    if options.sensitivity:
        print(sensitivity(_policies(options, "least_active,weighted,adaptive"), traffic, source, options.seed))
    else:
        policies = _policies(options, ",".join(CONTENDERS))
        print(comparison(policies, options.fleet, source, traffic, options.seed, search=options.highest))


def _print_all(options: argparse.Namespace) -> None:
    tables = []
    for table in comparisons(options.seed):
        print(table, flush=True)
        tables.append(table)
    for traffic in TRAFFICS[:2]:
        source = Source(traffic.workload, requests_for("medium"), options.seed)
        table = sensitivity(["least_active", "weighted", "adaptive"], traffic, source, options.seed)
        print(table, flush=True)
        tables.append(table)
    if options.document is not None:
        body = "\n".join(tables).rstrip()
        put_between_marks(options.document, "tables", f"\n```text\n{body}\n```\n\n")
    if options.picture is not None:
        options.picture.parent.mkdir(parents=True, exist_ok=True)
        options.picture.write_text(picture(options.seed), encoding="utf-8")


def _policies(options: argparse.Namespace, default: str) -> list[str]:
    names: list[str] = (options.policies or default).split(",")
    for name in names:
        if name not in CONTENDERS:
            raise ValueError(f"unknown policy {name!r}; there are {', '.join(CONTENDERS)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
