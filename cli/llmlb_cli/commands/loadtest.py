"""llmlb loadtest"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from llmlb_cli.exits import note, usage
from llmlb_cli.options import options_of
from llmlb_cli.output import write

if TYPE_CHECKING:
    from llmlb.loadtest.job import Job, Screen
    from llmlb.loadtest.target import Target

FORMATS = ("text", "json", "ndjson", "csv", "md", "junit")
_ALIASES = {"table": "text", "wide": "text", "jsonl": "ndjson"}


def loadtest(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[compare A B]", help="Compare two saved runs instead of running one.")
    ] = None,
    requests: Annotated[int | None, typer.Option("-n", "--requests", metavar="N", help="Requests; default 30.")] = None,
    concurrency: Annotated[
        int | None, typer.Option("-c", "--concurrency", metavar="C", help="At once; default min(n, 64).")
    ] = None,
    model: Annotated[
        str, typer.Option("-m", "--model", metavar="MODEL", help="Default: the only or first one listed.")
    ] = "",
    duration: Annotated[str, typer.Option("-d", "-z", "--duration", metavar="TIME", help="How long: 60s, 5m.")] = "",
    rate: Annotated[
        float | None, typer.Option("-r", "--rate", metavar="RATE", help="Open loop: requests per second.")
    ] = None,
    arrivals: Annotated[
        str, typer.Option(metavar="KIND", help="poisson (default), constant, gamma:CV or burst:N@T.")
    ] = "",
    stages: Annotated[str, typer.Option(metavar="LIST", help="Rates over time: 10s@2,30s@2-8,10s@0.")] = "",
    ramp: Annotated[str, typer.Option(metavar="TIME", help="Reach the full load over this time; not counted.")] = "",
    think: Annotated[str, typer.Option(metavar="TIME", help="Pause of a user between two requests.")] = "",
    sweep: Annotated[str, typer.Option(metavar="STEPS", help="One run per number of users: 1..16x2.")] = "",
    find_capacity: Annotated[
        bool, typer.Option("--find-capacity", help="Find the highest rate that is still good.")
    ] = False,
    step: Annotated[str, typer.Option(metavar="TIME", help="Length of each try of --find-capacity; default 30s.")] = "",
    good: Annotated[
        str, typer.Option(metavar="SHARE", help="What must be good for --find-capacity; default 95%.")
    ] = "",
    trace: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Replay a trace: CSV or JSON lines with hash_ids.")
    ] = None,
    speed: Annotated[float | None, typer.Option(metavar="X", help="Replay the trace X times as fast.")] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="Only the first N requests of the trace.")] = None,
    sessions: Annotated[int | None, typer.Option(metavar="N", help="Conversations instead of single chats.")] = None,
    turns: Annotated[int | None, typer.Option(metavar="N", help="Turns per conversation; default 4.")] = None,
    shared_prefix: Annotated[str, typer.Option(metavar="SHARE", help="Part of each prompt that all share: 60%.")] = "",
    prompt: Annotated[str, typer.Option(metavar="TEXT", help="Ask this.")] = "",
    file: Annotated[
        Path | None, typer.Option("--file", "--prompts", metavar="FILE", help="A prompt a line: text, or JSON.")
    ] = None,
    input_tokens: Annotated[str, typer.Option(metavar="M[±S]", help="Prompts of about this many tokens.")] = "",
    output_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="Answers of exactly this length, where the engine can.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(metavar="N", help="Longest answer; default 64.")] = None,
    ignore_eos: Annotated[
        bool | None, typer.Option("--ignore-eos/--no-ignore-eos", help="Ask for full-length answers.")
    ] = None,
    stream: Annotated[bool, typer.Option("--stream/--no-stream", help="Stream the answers.")] = True,
    endpoint: Annotated[str, typer.Option(metavar="API", help="chat or completions.")] = "chat",
    vs: Annotated[str, typer.Option(metavar="direct|URL", help="Pairs against the node itself, or another URL.")] = "",
    vs_api_key: Annotated[
        str, typer.Option(metavar="KEY", help="Key of that side.", envvar="LLMLB_VS_API_KEY", show_envvar=False)
    ] = "",
    policy: Annotated[
        list[str] | None, typer.Option(metavar="MODE", help="Use this mode; twice compares two. Needs an admin.")
    ] = None,
    pin: Annotated[str, typer.Option(metavar="NODE", help="Only this node. Needs an admin.")] = "",
    weight: Annotated[
        list[str] | None, typer.Option(metavar="NODE=W", help="Expected share of a node; may be repeated.")
    ] = None,
    tenants: Annotated[
        str, typer.Option(metavar="LIST", help="Keys that share the load: a:1,b:1,c:10 (users, or parts of the rate).")
    ] = "",
    tenant_key: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=KEY", help="A tenant's own key; default: temporary ones. Needs an admin then."),
    ] = None,
    slo: Annotated[str, typer.Option(metavar="LIST", help="What is good: ttft=2s,tpot=100ms,e2e=10s.")] = "",
    fail_if: Annotated[
        list[str] | None, typer.Option(metavar="GATE", help="Fail with 10: 'p90_ttft>500ms'; may be repeated.")
    ] = None,
    save: Annotated[str, typer.Option(metavar="NAME", help="Keep the result under a name, or in a file.")] = "",
    baseline: Annotated[str, typer.Option(metavar="NAME", help="Compare with a saved run.")] = "",
    fail_if_worse: Annotated[str, typer.Option(metavar="SHARE", help="Fail with 10 if worse by more: 10%.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Compare runs that are not alike.")] = False,
    warmup: Annotated[int, typer.Option(metavar="N", help="Requests before the measurement.")] = 0,
    cancel: Annotated[str, typer.Option(metavar="SHARE", help="Hang up on this share after the first token.")] = "",
    check_usage: Annotated[
        bool, typer.Option("--check-usage", help="Missing or contradicting usage is a failure.")
    ] = False,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed: the same prompts and schedule.")] = 1,
    timeout: Annotated[str, typer.Option(metavar="TIME", help="Longest time for one request.")] = "600s",
    first_token_timeout: Annotated[str, typer.Option(metavar="TIME", help="Longest wait for a first token.")] = "120s",
    stall_timeout: Annotated[str, typer.Option(metavar="TIME", help="Longest pause within an answer.")] = "60s",
    connect_timeout: Annotated[str, typer.Option(metavar="TIME", help="Longest time to connect.")] = "5s",
    output: Annotated[
        str,
        typer.Option(
            "-o", "--output", metavar="FORMAT", help="text, json, ndjson, csv, md or junit.", rich_help_panel="Output"
        ),
    ] = "",
    json_file: Annotated[
        str, typer.Option("--json", metavar="FILE", help="Also write JSON; - is stdout.", rich_help_panel="Output")
    ] = "",
    ndjson_file: Annotated[
        str, typer.Option("--ndjson", metavar="FILE", help="One line of JSON per request.", rich_help_panel="Output")
    ] = "",
    csv_file: Annotated[
        str, typer.Option("--csv", metavar="FILE", help="One line of CSV per request.", rich_help_panel="Output")
    ] = "",
    md_file: Annotated[
        str, typer.Option("--md", metavar="FILE", help="A summary for a pull request.", rich_help_panel="Output")
    ] = "",
    junit_file: Annotated[
        str, typer.Option("--junit", metavar="FILE", help="Gates as test cases.", rich_help_panel="Output")
    ] = "",
    no_tui: Annotated[
        bool, typer.Option("--no-tui", help="Plain lines instead of the live view.", rich_help_panel="Output")
    ] = False,
    url: Annotated[
        str,
        typer.Option(metavar="URL", help="Router or any OpenAI API. [env: LLMLB_URL]", rich_help_panel="Connection"),
    ] = "",
    context: Annotated[
        str,
        typer.Option(metavar="NAME", help="A router logged in to. [env: LLMLB_CONTEXT]", rich_help_panel="Connection"),
    ] = "",
    api_key: Annotated[
        str, typer.Option(metavar="KEY", help="Key for /v1. [env: LLMLB_API_KEY]", rich_help_panel="Connection")
    ] = "",
    token_file: Annotated[
        str, typer.Option(metavar="FILE", help="An operator's credential.", rich_help_panel="Connection")
    ] = "",
    ca_file: Annotated[
        str, typer.Option(metavar="FILE", help="The server's CA. [env: LLMLB_CA_FILE]", rich_help_panel="Connection")
    ] = "",
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Do not check the server's certificate.", rich_help_panel="Connection")
    ] = False,
    header: Annotated[
        list[str] | None,
        typer.Option(
            "-H",
            "--header",
            metavar="'NAME: VALUE'",
            help="Send this with every request.",
            rich_help_panel="Connection",
        ),
    ] = None,
) -> int:
    """Measure a router, or any OpenAI-compatible server, as its users see it.

    Without options: 30 chats at once against the router on this machine. Exit codes of its own: 9 requests failed and
    no gate was given, 10 a gate failed, 11 this client could not keep up.

    Examples:
      llmlb loadtest -n 30
      llmlb loadtest -r 5 -d 60s --slo ttft=2s --fail-if 'p90_ttft>500ms' --fail-if 'errors>0'
      llmlb loadtest --vs direct -n 100 --fail-if 'p50_overhead>3ms'
      llmlb loadtest --url http://127.0.0.1:8000 --sweep 1..16x2
      llmlb loadtest -r 10 -d 60s --tenants a:1,b:1,c:10 --fail-if 'tenant:a.p90_ttft>1s'
      llmlb loadtest -n 500 --save before
      llmlb loadtest -n 500 --baseline before --fail-if-worse 10%
      llmlb loadtest compare before after
    """
    if words:
        return _compare(words, force=force, markdown=output == "md")
    from llmlb.loadtest.job import Job
    from llmlb.loadtest.options import header_of
    from llmlb.loadtest.quantities import share
    from llmlb.loadtest.typed import Typed

    typed = Typed(
        requests=requests,
        concurrency=concurrency,
        duration=duration,
        rate=rate,
        arrivals=arrivals,
        stages=stages,
        ramp=ramp,
        think=think,
        sweep=sweep,
        find_capacity=find_capacity,
        step=step,
        good=good,
        trace=trace,
        speed=speed,
        limit=limit,
        sessions=sessions,
        turns=turns,
        shared_prefix=shared_prefix,
        model=model,
        endpoint=endpoint,
        streamed=stream,
        prompt=prompt,
        prompt_file=file,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        max_tokens=max_tokens,
        ignore_eos=ignore_eos,
        check_usage=check_usage,
        warm_up=warmup,
        cancel=cancel,
        timeout=timeout,
        first_token_timeout=first_token_timeout,
        stall_timeout=stall_timeout,
        connect_timeout=connect_timeout,
        seed=seed,
        slo=slo,
        fail_if=tuple(fail_if or ()),
        weights=tuple(weight or ()),
        tenants=tenants,
    )
    shared = options_of(ctx)
    place = _Place(url or shared.url, context or shared.context, token_file or shared.token_file,
                   ca_file or shared.ca_file)  # fmt: skip
    target, operator_token = _target(place, api_key=api_key, verify_tls=not insecure)
    files = (
        ("json", json_file), ("ndjson", ndjson_file), ("csv", csv_file), ("md", md_file), ("junit", junit_file),
    )  # fmt: skip
    job = Job(
        typed=typed,
        target=replace(target, headers=tuple(header_of(text) for text in header or ())),
        operator_token=operator_token,
        tenant_keys=tuple(tenant_key or ()),
        vs=vs,
        vs_api_key=vs_api_key,
        pin=pin,
        policies=tuple(policy or ()),
        output=_format(output),
        files=tuple((kind, path) for kind, path in files if path),
        save=save,
        baseline=baseline,
        fail_if_worse=share(fail_if_worse, what="--fail-if-worse") if fail_if_worse else None,
        force=force,
        live=not no_tui,
        quiet=shared.quiet,
    )
    return _run(job)


class _Place(NamedTuple):
    """Which server, as the options say it."""

    url: str
    context: str
    token_file: str
    ca_file: str


def _run(job: Job) -> int:
    from llmlb.loadtest.command import perform

    if not job.target.verify_tls:
        note("warning: the server's certificate is not checked (--insecure)")
    return _on_loop(perform(job, _screen()))


def _compare(words: list[str], *, force: bool, markdown: bool) -> int:
    if words[0] != "compare" or len(words) != 3:
        raise usage(f"llmlb loadtest takes no {words[0]!r}", hint="llmlb loadtest compare A B   |   --help")
    from llmlb.loadtest.command import compare_saved

    return compare_saved(words[1], words[2], markdown=markdown, force=force, screen=_screen())


def _target(place: _Place, *, api_key: str, verify_tls: bool) -> tuple[Target, str]:
    """The server with the key it was given, and the operator's credential that could make one."""
    from llmlb.client.credentials import resolve
    from llmlb.loadtest.target import Target

    found = resolve(
        environ=os.environ,
        url=place.url,
        context=place.context,
        token_file=Path(place.token_file) if place.token_file else None,
        ca_file=place.ca_file,
    )
    key = api_key or os.environ.get("LLMLB_API_KEY", "").strip()
    return Target(found.url, api_key=key, ca_file=found.ca_file, verify_tls=verify_tls), found.token or ""


def _screen() -> Screen:
    from llmlb.loadtest.job import Screen

    return Screen(write=write, note=note, is_terminal=sys.stderr.isatty() and os.environ.get("TERM") != "dumb")


def _format(output: str) -> str:
    """The format asked for; one that the environment sets for all commands counts where it exists here."""
    if not output:
        preset = os.environ.get("LLMLB_OUTPUT", "")
        output = _ALIASES.get(preset, preset)
        return output if output in FORMATS else "text"
    output = _ALIASES.get(output, output)
    if output not in FORMATS:
        raise usage(f'there is no output format "{output}"', hint=f"the formats are {', '.join(FORMATS)}")
    return output


def _on_loop(work: Coroutine[None, None, int]) -> int:
    """Runs the work on the fastest event loop there is."""
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    with contextlib.suppress(ImportError):
        import uvloop

        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(work)
