"""llmlb doctor"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmlb.config.paths import data_dir as usual_data_dir
from llmlb_cli.commands.config import ConfigFile, DataDir, Dev
from llmlb_cli.context import Router, router_of
from llmlb_cli.exits import ExitCode, note
from llmlb_cli.output import Listing, line, show, terminal_cells
from llmlb_cli.progress import Done, watched
from llmlb_cli.record_columns import FINDINGS
from llmlb_cli.text import clean, clean_value

if TYPE_CHECKING:
    from llmlb.doctor.checks import Diagnosis
    from llmlb.doctor.finding import Finding
    from llmlb.doctor.world import World

LINE_CELLS = 100


def doctor(
    ctx: typer.Context,
    config: ConfigFile = None,
    data_dir: DataDir = None,
    dev: Dev = False,
    no_engines: Annotated[
        bool, typer.Option("--no-engines", help="Do not connect to the nodes' engines; quicker.")
    ] = False,
) -> ExitCode:
    """Look for what is wrong, and say how to mend it. Nothing is changed. Exit code 0 when all is well, 10 when not.

    On the router's machine it checks the configuration, the data directory, the port and the clock; everywhere the way
    to the router; with a login the nodes, their engines, the models and the thresholds. What could not be checked is
    named. Give --config and --data-dir as llmlb serve has them.

    Examples:
      llmlb doctor
      llmlb doctor --url https://router.example:8080
      llmlb doctor -o json | jq -r '.items[].fix'
    """
    from llmlb.doctor.checks import diagnose

    router = router_of(ctx)
    world = watched(
        lambda: _world(router, config, data_dir, dev=dev, no_engines=no_engines),
        label="looking around",
        done=lambda: Done(0, 0),
        quiet=router.options.quiet,
    )
    found = diagnose(world)
    if router.view.is_human and not router.view.fields:
        _tell(router, world, found)
    else:
        show(_listing(router, found), router.view)
    return ExitCode.CHECK_NOT_MET if found.findings else ExitCode.OK


def _world(router: Router, config: Path | None, chosen_dir: Path | None, *, dev: bool, no_engines: bool) -> World:
    from llmlb.doctor.machine import read_machine
    from llmlb.doctor.reading import read_world

    directory = chosen_dir.absolute() if chosen_dir else usual_data_dir()
    return read_world(
        router.target,
        lambda: read_machine(directory, environ=os.environ, working_dir=Path.cwd(), config_file=config, dev=dev),
        timeout_s=router.options.timeout_s,
        asks_engines=not no_engines,
    )


def _listing(router: Router, found: Diagnosis) -> Listing:
    rows = [clean_value(_row(name, finding)) for name, finding in found.findings]
    skipped = [{"check": name, "why": clean(why)} for name, why in found.skipped.items()]
    meta = {"url": router.url, "checked": list(found.checked), "skipped": skipped}
    return Listing("FindingList", FINDINGS, [row for row in rows if isinstance(row, dict)], meta, name="check")


def _row(name: str, finding: Finding) -> dict[str, object]:
    return {
        "check": name,
        "severity": finding.severity.value,
        "subject": finding.subject,
        "message": finding.message,
        "fix": finding.fix,
    }


def _tell(router: Router, world: World, found: Diagnosis) -> None:
    told = _counted(len(found.findings), "finding") if found.findings else "nothing wrong was found"
    nodes = f", {_counted(len(world.fleet.nodes), 'node')}" if world.fleet is not None else ""
    for name, finding in found.findings:
        line(f"{finding.severity.value}: {clean(name)}{f', {clean(finding.subject)}' if finding.subject else ''}")
        for text in _wrapped(finding.message, indent="  "):
            line(text)
        for text in _wrapped(f"fix: {finding.fix}", indent="  "):
            line(text)
        line()
    line(f"{router.url}{nodes}: {_counted(len(found.checked), 'check')}, {told}")
    if not router.options.quiet:
        _tell_skipped(world, found)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun if count == 1 else noun + 's'}"


def _tell_skipped(world: World, found: Diagnosis) -> None:
    by_reason: dict[str, list[str]] = defaultdict(list)
    for name, why in found.skipped.items():
        by_reason[why].append(name)
    for node in world.fleet.nodes if world.fleet is not None else ():
        if node.engine is not None and node.engine.why_not:
            by_reason[node.engine.why_not].append(f"the engine of {node.id}")
        elif world.machine is None and node.engine is not None and node.engine.problem and node.state == "online":
            by_reason[f"it cannot be reached from here: {node.engine.problem}"].append(f"the engine of {node.id}")
    for why, names in by_reason.items():
        some = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        note(f"not checked: {some} ({why})")


def _wrapped(text: str, *, indent: str) -> list[str]:
    import textwrap

    cells = min(LINE_CELLS, terminal_cells() or LINE_CELLS)
    return textwrap.wrap(
        clean(text),
        cells,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
