"""llmlb status"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from llmlb.clock import monotonic_s
from llmlb_cli.context import Fields, Router, router_of
from llmlb_cli.exits import ExitCode, Failure
from llmlb_cli.output import line, show_object
from llmlb_cli.units import count, duration, milliseconds

if TYPE_CHECKING:
    import typer

POLL_S = 0.5
_RATES: Mapping[str, Callable[[float], str]] = {
    "requests_per_second": "{:.3g} requests/s".format,
    "tokens_per_second": lambda value: f"{count(float(f'{value:.3g}'))} tokens/s",
    "error_percent": "{:.3g}% errors".format,
    "p95_ms": lambda value: f"p95 {milliseconds(value)}",
    "ttft_p95_ms": lambda value: f"ttft p95 {milliseconds(value)}",
}


def status(
    ctx: typer.Context,
    wait_ready: Annotated[bool, typer.Option("--wait-ready", help="Wait until the router is ready.")] = False,
    wait_timeout: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="The longest such wait.")] = 60.0,
) -> ExitCode:
    """Show the router, its nodes, its load and its alerts on one screen.

    Exit code 0 when all is well, 10 when the router is not ready, no approved node is online, or an alert is critical.
    --wait-ready needs no credential, asks only for readiness, and ends with 8 when the time is over.

    Examples:
      llmlb status
      llmlb status -o json | jq .item.nodes
      llmlb status --wait-ready --wait-timeout 30
    """
    router = router_of(ctx)
    if wait_ready:
        return _wait(router, wait_timeout)
    found = router.fields("GET", "/v0/status")
    alerts = _firing(router) if found.get("alerts_firing") else []
    troubles = troubles_of(found, alerts)
    if router.view.is_human:
        for text in screen(router.url, found, alerts, troubles):
            line(text)
    else:
        item = {**found, "url": router.url, "healthy": not troubles, "troubles": troubles, "alerts": alerts}
        show_object("Status", item, router.view, name="status")
    return ExitCode.CHECK_NOT_MET if troubles else ExitCode.OK


def troubles_of(found: Fields, alerts: Sequence[Fields]) -> list[str]:
    """Why the router is not well, one line each; nothing when it is."""
    troubles = []
    if found.get("status") != "ready":
        troubles.append(f"the router is {found.get('status', 'in an unknown state')}")
    nodes = _counts(found.get("nodes"))
    approved = nodes.get("online", 0) + nodes.get("offline", 0)
    if approved and not nodes.get("online", 0):
        troubles.append(f"none of {approved:g} approved nodes is online")
    if found.get("mass_silence"):
        troubles.append("most nodes went silent at once: look at the network")
    return troubles + [_alert_text(alert) for alert in alerts if alert.get("severity") == "critical"]


def screen(url: str, found: Fields, alerts: Sequence[Fields], troubles: Sequence[str]) -> list[str]:
    """The status as lines for people."""
    nodes = _counts(found.get("nodes"))
    rates = _counts(found.get("rates"))
    states = ", ".join(f"{nodes.get(name, 0):g} {name}" for name in ("online", "pending", "offline"))
    flags = ", ".join(f"{nodes[name]:g} {name}" for name in ("draining", "late") if nodes.get(name))
    dev = ", started with --dev" if found.get("dev") else ""
    load = f"{count(found.get('in_flight'))} in flight, {count(found.get('queued'))} queued"
    lines = [
        f"router   {url}  llmlb {found.get('version', '?')}  up {duration(found.get('uptime_seconds'))}",
        f"state    {found.get('status', 'unknown')}, mode {found.get('mode', '?')}{dev}",
        f"nodes    {nodes.get('total', 0):g}: {states}{f' ({flags})' if flags else ''}",
        f"load     {load}{_rates_text(rates)}",
        f"alerts   {count(found.get('alerts_firing', 0))} firing",
    ]
    for alert in alerts:
        lines.append(f"  {alert.get('severity', '')}: {_alert_text(alert)}")
        lines += [f"    {alert['hint']}"] if alert.get("hint") else []
    if nodes.get("pending"):
        lines.append("next     llmlb nodes approve --all-pending")
    told = {_alert_text(alert) for alert in alerts}
    return lines + [f"trouble  {text}" for text in troubles if text not in told]


def _alert_text(alert: Fields) -> str:
    """``node-1: what is wrong``; the rule's name where nobody said more."""
    words = (alert.get("subject") or alert.get("node_id"), alert.get("cause") or alert.get("rule"))
    return ": ".join(str(word) for word in words if word)


def _rates_text(rates: Mapping[str, float]) -> str:
    """The rates of the last minute that are known, in the order of ``_RATES``."""
    return "".join(f", {_RATES[name](rates[name])}" for name in _RATES if name in rates)


def _counts(value: object) -> dict[str, float]:
    pairs = value.items() if isinstance(value, dict) else ()
    return {name: each for name, each in pairs if isinstance(each, int | float)}


def _firing(router: Router) -> list[Fields]:
    return [alert for alert in router.rows("/v0/alerts", "alerts") if alert.get("is_firing")]


def _wait(router: Router, timeout_s: float) -> ExitCode:
    """Ask until the router says that it is ready. What it said last goes into the failure."""
    until_s = monotonic_s() + timeout_s
    quick = router._replace(
        options=router.options._replace(timeout_s=min(router.options.timeout_s, 5.0)),
        target=router.target._replace(credential=None),
    )
    pause = threading.Event()
    while True:
        try:
            quick.ask("GET", "/health/ready")
        except Failure as failure:
            last = failure
        else:
            if not router.options.quiet:
                line(f"{router.url} is ready")
            return ExitCode.OK
        if monotonic_s() >= until_s:
            break
        pause.wait(min(POLL_S, max(0.0, until_s - monotonic_s())))
    raise Failure(
        f"{router.url} was not ready within {timeout_s:g} s: {last.message}",
        exit_code=ExitCode.WAIT_TIMEOUT,
        hint="wait longer with --wait-timeout, or look at the log of llmlb serve",
        context=router.description,
    )
