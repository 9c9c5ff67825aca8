"""The load test as a command: from a checked job to files, a summary and an exit code."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from llmlb.errors import ConfigurationError
from llmlb.loadtest.compare import Comparison, Run, compare, unlike
from llmlb.loadtest.environment import raise_file_limit
from llmlb.loadtest.job import Job, Screen
from llmlb.loadtest.keys import LIFETIME_S, keyed, tenant_keyed
from llmlb.loadtest.options import plan_of
from llmlb.loadtest.plan import extent
from llmlb.loadtest.report.comparison import comparison_markdown, comparison_text
from llmlb.loadtest.report.document import document, json_report
from llmlb.loadtest.report.junit import junit_report
from llmlb.loadtest.report.markdown import markdown_report
from llmlb.loadtest.report.requests import csv_report, ndjson_report
from llmlb.loadtest.report.text import text_report
from llmlb.loadtest.result import EXIT_GATE, EXIT_INTERRUPTED, EXIT_OK, Result
from llmlb.loadtest.run import run
from llmlb.loadtest.saved import load, run_of, save, unlike_plan, write_file
from llmlb.loadtest.sides import headed, names_of, sides_of
from llmlb.loadtest.stream import Outlet, comparison_line, result_line
from llmlb.loadtest.typed_tenants import tenant_keys_of
from llmlb.loadtest.watching import stopping, watching

EXIT_TERMINATED = 143

REPORTS: dict[str, Callable[[Result], str]] = {
    "text": text_report,
    "json": json_report,
    "ndjson": lambda result: ndjson_report(result.records),
    "csv": lambda result: csv_report(result.records),
    "md": markdown_report,
    "junit": junit_report,
}
"""Formats by name; on stdout, ``ndjson`` is the running stream of ``stream.py`` instead."""


async def perform(job: Job, screen: Screen) -> int:
    """Runs the job and returns the exit code.

    Raises ConfigurationError for a job that cannot be done, ClientError where the target cannot be talked to.
    """
    plan = plan_of(replace(job.typed, paired=bool(job.vs) or len(job.policies) > 1))
    tenant_keys = tenant_keys_of(job.tenant_keys, plan.tenants)
    baseline = load(job.baseline) if job.baseline else None
    if baseline and not job.force:
        _check_alike(baseline.name, "this run", unlike_plan(plan, baseline))
    for gate in plan.gates:
        if gate.fault:
            screen.note(f"warning: the gate {gate.text!r} will fail: {gate.fault}")
    raise_file_limit()
    lifetime_s = LIFETIME_S + (extent(plan.load)[1] or 0)
    token = job.operator_token
    stop = asyncio.Event()
    async with (
        keyed(replace(headed(job), tenant_keys=tenant_keys), operator_token=token, lifetime_s=lifetime_s) as known,
        tenant_keyed(known, names_of(job, plan), operator_token=token, lifetime_s=lifetime_s) as target,
    ):
        target, opponents = await sides_of(job, plan, target)
        with stopping(stop) as signals:
            async with watching(job, screen, plan, stop) as on_progress:
                result = await run(plan, target, opponents=opponents, on_progress=on_progress, stop=stop)
    _report(job, screen, result)
    exit_code = _compared(job, screen, result, baseline) if baseline else result.exit_code
    return EXIT_TERMINATED if result.interrupted and signal.SIGTERM in signals else exit_code


def compare_saved(before: str, after: str, *, markdown: bool, force: bool, screen: Screen) -> int:
    """``compare A B``: prints what changed. Raises ConfigurationError for runs that are not alike."""
    comparison = _checked(load(before), load(after), force=force)
    screen.write(comparison_markdown(comparison) if markdown else comparison_text(comparison))
    return EXIT_OK


def _report(job: Job, screen: Screen, result: Result) -> None:
    for kind, path in job.files:
        text = REPORTS[kind](result)
        if path == "-":
            screen.write(text)
        else:
            write_file(Path(path), text)
    if job.save:
        saved_at = save(job.save, json_report(result))
        if not job.quiet:
            screen.note(f"saved {saved_at}")
    if job.output == "ndjson":
        _stream(screen, result_line(result))
    elif not any(path == "-" for _, path in job.files):
        screen.write(REPORTS[job.output](result))


def _compared(job: Job, screen: Screen, result: Result, baseline: Run) -> int:
    """Prints the comparison and returns the exit code it leads to."""
    comparison = _checked(baseline, run_of("this run", document(result)), force=job.force)
    if job.output == "text":
        screen.write("\n" + comparison_text(comparison))
    elif job.output == "ndjson":
        _stream(screen, comparison_line(comparison))
    else:
        for line in comparison_text(comparison).splitlines():
            screen.note(line)
    worse = job.fail_if_worse is not None and comparison.is_worse(job.fail_if_worse)
    return EXIT_GATE if worse and result.exit_code != EXIT_INTERRUPTED else result.exit_code


def _stream(screen: Screen, line: Mapping[str, object]) -> None:
    outlet = Outlet(screen.write, on_broken=lambda: None)
    outlet.put(line)
    outlet.close()


def _checked(before: Run, after: Run, *, force: bool) -> Comparison:
    if not force:
        _check_alike(before.name, after.name, unlike(before, after))
    return compare(before, after)


def _check_alike(before: str, after: str, differing: Sequence[str]) -> None:
    if differing:
        raise ConfigurationError(
            f"{before} and {after} are not alike ({', '.join(differing)}); --force compares them all the same"
        )
