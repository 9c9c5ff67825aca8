"""llmlb alerts list, ack and silence"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

from llmlb.client.address import segment
from llmlb.clock import rfc3339, unix_s
from llmlb_cli.columns import Row
from llmlb_cli.consent import ask_yes
from llmlb_cli.context import Fields, Router, router_of
from llmlb_cli.exits import ExitCode, Failure, note, usage
from llmlb_cli.output import Listing, line, show, show_object
from llmlb_cli.record_columns import ALERTS
from llmlb_cli.selection import named
from llmlb_cli.several import act_on_each, first_of, show_outcomes, show_rehearsal
from llmlb_cli.spans import span_s
from llmlb_cli.suggestions import did_you_mean
from llmlb_cli.units import duration

if TYPE_CHECKING:
    import typer

PATH = "/v0/alerts"
MAX_SILENCE_S = 30 * 24 * 3600

_INSTANTS = {
    "fired_at_unix_s": "fired_at",
    "resolved_at_unix_s": "resolved_at",
    "acknowledged_at_unix_s": "acknowledged_at",
    "silenced_until_unix_s": "silenced_until",
}


class Act(NamedTuple):
    """What is done to an alert. past: how it is told.  body: what the router is sent with it."""

    verb: str
    past: str
    body: Fields | None = None


ACKNOWLEDGE = Act("ack", "acknowledged")


def list_alerts(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also the last ones that are over.")] = False,
    severity: Annotated[str, typer.Option(metavar="NAME", help="Only warning or critical ones.")] = "",
) -> None:
    """List what needs a person, critical alerts first, each with what can be done.

    Examples:
      llmlb alerts list
      llmlb alerts list --severity critical -o name
      llmlb alerts list --filter 'state:firing since>1h'
      llmlb alerts list --all -o json | jq '.items[].rule'
    """
    if severity not in ("", "warning", "critical"):
        raise usage(f'there is no severity "{severity}"', hint="the severities are warning and critical")
    router = router_of(ctx)
    rows = [
        row
        for row in alerts_of(router)
        if (everything or row["is_firing"]) and (not severity or row.get("severity") == severity)
    ]
    show(Listing("AlertList", ALERTS, rows), router.view)
    if router.view.format == "table" and not router.view.fields and not router.options.quiet:
        hints = {str(row["rule"]): str(row["hint"]) for row in rows if row.get("hint") and row["is_firing"]}
        for rule, hint in hints.items():
            note(f"{rule}: {hint}")


def acknowledge_alert(
    ctx: typer.Context,
    alerts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ALERT...]", help="Ids; or the node or rule of one alert.", show_default=False),
    ] = None,
    file: Annotated[str, typer.Option("-f", "--file", metavar="FILE", help="Read them, one a line; - is stdin.")] = "",
) -> ExitCode:
    """Say that somebody takes care of alerts. They stay until their cause is gone. Several at once ask first.

    Examples:
      llmlb alerts ack 3f9c2a1b7d04
      llmlb alerts ack gpu-1 gpu-2 --yes
      llmlb alerts ack --filter 'rule:node_late about:rack3*' --dry-run
    """
    return _act(ctx, ACKNOWLEDGE, alerts, file, lambda alert: f"acknowledged {_named(alert)}")


def silence_alert(
    ctx: typer.Context,
    alerts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ALERT...]", help="Ids; or the node or rule of one alert.", show_default=False),
    ] = None,
    file: Annotated[str, typer.Option("-f", "--file", metavar="FILE", help="Read them, one a line; - is stdin.")] = "",
    for_text: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long: 30m, 8h, 7d; default 1h, 0 ends it.")
    ] = "1h",
) -> ExitCode:
    """Keep alerts quiet for a time, also when they fire again meanwhile. They are still listed. Several ask first.

    Examples:
      llmlb alerts silence 3f9c2a1b7d04 --for 8h
      llmlb alerts silence gpu-1 --for 0
      llmlb alerts list --severity warning -o name | llmlb alerts silence --for 8h --yes -f -
    """
    seconds = span_s(for_text)
    if seconds > MAX_SILENCE_S:
        raise usage(f"--for {for_text} is longer than 30 days", hint="give at most 30d")
    act = Act("silence", "silenced" if seconds else "speaking", {"seconds": seconds})
    until = f"silenced {{}} for {duration(seconds)}" if seconds else "{} may speak again"
    return _act(ctx, act, alerts, file, lambda alert: until.replace("{}", _named(alert)))


def _act(ctx: typer.Context, act: Act, words: list[str] | None, file: str, told: Callable[[Fields], str]) -> ExitCode:
    router = router_of(ctx)
    wanted = named(words or [], file, router.options.filter)
    rows = alerts_of(router)
    if len(wanted) == 1:
        answer = _send(router, act, the_alert(router, rows, wanted[0]))
        _tell(router, answer, f"{told(answer)}  next: llmlb alerts list")
        return ExitCode.OK
    if not wanted:
        wanted = [str(row.get("id")) for row in _matching(rows, act, router.options.filter)]
    if not wanted:
        note("no alert matches, nothing to do")
        return ExitCode.OK
    if router.options.dry_run:
        return show_rehearsal("AlertOutcomeList", wanted, router.view, verb=act.verb)
    many = f"{len(wanted)} {'alert' if len(wanted) == 1 else 'alerts'}"
    ask_yes(f"{act.verb.capitalize()} {many}?", router.options, impact=[first_of(wanted)])
    outcomes = act_on_each(wanted, lambda each: _send(router, act, the_alert(router, rows, each)))
    return show_outcomes(
        "AlertOutcomeList", outcomes, router.view, past=act.past, words=lambda each: _named(each.answer)
    )


def _matching(rows: Sequence[Fields], act: Act, query: str) -> list[Row]:
    from llmlb_cli.filtering import admitted

    firing = [row for row in rows if row["is_firing"] and not (act is ACKNOWLEDGE and row.get("acknowledged_by"))]
    return admitted("AlertList", ALERTS, firing, query)


def _send(router: Router, act: Act, alert: Fields) -> Fields:
    answer = router.fields("POST", f"{PATH}/{segment(str(alert['id']))}/{act.verb}", body=act.body)
    return readable(answer, unix_s())


def alerts_of(router: Router) -> list[Fields]:
    """All alerts the router tells, as ``readable`` makes them."""
    return [readable(row, unix_s()) for row in router.rows(PATH, "alerts")]


def the_alert(router: Router, rows: Sequence[Fields], wanted: str) -> Fields:
    """The alert with that id, else the only firing one of that subject or rule. Raises Failure otherwise."""
    found = [row for row in rows if row.get("id") == wanted]
    found = found or [row for row in rows if row["is_firing"] and wanted in (row.get("subject"), row.get("rule"))]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(f"{row.get('id')} ({row.get('rule')} {row.get('subject')})".strip() for row in found[:8])
        raise usage(f'{len(found)} alerts fit "{wanted}"', hint=f"give the id: {ids}")
    known = [str(row.get(name)) for row in rows for name in ("id", "subject", "rule") if row.get(name)]
    raise Failure(
        f'no alert "{wanted}" fires at {router.url}',
        exit_code=ExitCode.NOT_FOUND,
        hint=did_you_mean(wanted, known) or "which there are: llmlb alerts list",
        context=router.description,
    )


def readable(row: Fields, now_unix_s: float) -> Fields:
    """An alert as the CLI tells it: every instant is RFC 3339 here, and one word says what has become of it."""
    shown: Fields = {}
    for name, value in row.items():
        at = _INSTANTS.get(name)
        shown[at or name] = rfc3339(value) if at and isinstance(value, int | float) else value
    return {**shown, "is_firing": bool(row.get("is_firing")), "state": _state(row, now_unix_s)}


def _state(row: Fields, now_unix_s: float) -> str:
    until_unix_s = row.get("silenced_until_unix_s")
    if not row.get("is_firing"):
        return "over"
    if isinstance(until_unix_s, int | float) and now_unix_s < until_unix_s:
        return "silenced"
    return "acked" if row.get("acknowledged_by") else "firing"


def _named(alert: Mapping[str, object]) -> str:
    return " ".join(str(each) for each in (alert.get("rule"), alert.get("subject")) if each)


def _tell(router: Router, alert: Fields, text: str) -> None:
    if not router.view.is_human:
        show_object("Alert", alert, router.view, columns=ALERTS)
    elif not router.options.quiet:
        line(text)
