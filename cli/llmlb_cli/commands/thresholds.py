"""llmlb thresholds get, set and preview"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from llmlb_cli.consent import ask_context, ask_typed
from llmlb_cli.context import Fields, Router, router_of
from llmlb_cli.exits import Failure, note, usage
from llmlb_cli.output import Listing, line, show, show_object
from llmlb_cli.registry import EXCLUSIONS
from llmlb_cli.selection import nodes_of
from llmlb_cli.suggestions import did_you_mean

if TYPE_CHECKING:
    import typer

PATH = "/v0/settings/load-balancer"
KEYS: Mapping[str, str] = {
    "mode": "mode",
    "gpu": "gpu_threshold",
    "vram": "vram_threshold",
    "active": "active_request_threshold",
}
MAX_ACTIVE = 100_000
LARGE_DROP = 0.1
"""Passing over more than this share of the online nodes asks for their number first."""

_MODE = re.compile(r"[A-Za-z_][\w.]*(:\w+)?", re.ASCII)


def get_thresholds(ctx: typer.Context) -> None:
    """Show the mode and the thresholds in force. A node above one of them gets work only when all are.

    Examples:
      llmlb thresholds get
      llmlb thresholds get -o json
      llmlb thresholds get -o json | jq .item.gpu_threshold
    """
    router = router_of(ctx)
    show_object("LoadBalancerSettings", router.fields("GET", PATH), router.view, name="mode")


def set_thresholds(
    ctx: typer.Context,
    changes: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="gpu, vram (percent), active, mode.")],
    yes: Annotated[bool, typer.Option("--yes", help="Not enough where the change passes over many nodes.")] = False,
    confirm: Annotated[str, typer.Option(metavar="N", help="The number of nodes that the change passes over.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would do; the same as preview.")] = False,
) -> None:
    """Change mode or thresholds, at once and for good: it outlives a restart of the router.

    A change that passes over more than a tenth of the online nodes asks for their number first.

    Examples:
      llmlb thresholds set gpu=90 vram=85
      llmlb thresholds set active=12 mode=metrics
      llmlb thresholds set gpu=40 --confirm=3
    """
    body = read_changes(changes)
    router = router_of(ctx)
    if dry_run:
        _show_preview(router, body)
        return
    router = router._replace(options=router.options._replace(yes=yes, confirm=confirm))
    _agree(router, body)
    settings = router.fields("PUT", PATH, body=body)
    if not router.view.is_human:
        show_object("LoadBalancerSettings", settings, router.view, name="mode")
    elif not router.options.quiet:
        shown = " ".join(f"{short}={_short(settings.get(key))}" for short, key in KEYS.items())
        line(f"thresholds are now {shown}  next: llmlb thresholds get")


def preview_thresholds(
    ctx: typer.Context,
    changes: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="gpu, vram (percent), active, mode.")],
) -> None:
    """Show which nodes a change would pass over, and which models would lose their last node; change nothing.

    Examples:
      llmlb thresholds preview gpu=70
      llmlb thresholds preview gpu=70 active=4 -o name
      llmlb thresholds preview gpu=70 --filter change:newly
    """
    _show_preview(router_of(ctx), read_changes(changes))


def read_changes(words: Sequence[str]) -> Fields:
    """``gpu=90 mode=metrics`` as the router wants it. Raises Failure naming the word, the range and the next step."""
    changes: Fields = {}
    for word in words:
        name, separator, value = word.partition("=")
        key = KEYS.get(name, name if name in KEYS.values() else "")
        if not separator or not key:
            close = f"write {name}=VALUE" if key else did_you_mean(name, KEYS)
            hint = close or f"write KEY=VALUE with {', '.join(KEYS)}: gpu=90"
            raise usage(f'"{word}" is not a change of a threshold', hint=hint)
        if key in changes:
            raise usage(f"{name} is given twice", hint="give each threshold once")
        changes[key] = _value(name, key, value)
    return changes


def _value(name: str, key: str, text: str) -> object:
    match key:
        case "mode":
            if not _MODE.fullmatch(text):
                raise usage(f'"{text}" is not a mode', hint="metrics, round_robin, adaptive or module:Class")
            return text
        case "active_request_threshold":
            if not (text.isascii() and text.isdecimal() and len(text) <= 9 and int(text) <= MAX_ACTIVE):
                raise usage(f'{name} is "{text}", and must be a whole number from 0 to {MAX_ACTIVE}', hint=f"{name}=10")
            return int(text)
        case _:
            return _percent(name, text)


def _percent(name: str, text: str) -> float:
    refusal = usage(f'{name} is "{text}", and must be a percentage from 0 to 100', hint=f"{name}=90")
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        raise refusal from None
    if not 0 <= value <= 100:
        raise refusal
    return value


def _agree(router: Router, body: Fields) -> None:
    """Ask before a change that takes much capacity away."""
    preview = _preview(router, body)
    newly, bereft = _names(preview.get("newly_excluded")), _names(preview.get("models_losing_last_node"))
    online = sum(1 for node in nodes_of(router, state="online")) if newly else 0
    if not newly or len(newly) <= LARGE_DROP * online:
        return
    if router.context.confirm == "type-name":
        ask_context(router.context.name, router.options)
    ask_typed(
        str(len(newly)),
        router.options,
        what=f"the number of nodes passed over, of {online} online",
        impact=[
            f"{len(newly)} of {online} online nodes would be passed over: {_some(newly)}",
            *([_last_node(bereft)] if bereft else []),
        ],
    )


def _show_preview(router: Router, body: Fields) -> None:
    preview = _preview(router, body)
    excluded = preview.get("excluded")
    if not isinstance(excluded, list):
        raise Failure(f"{router.url} did not answer which nodes would be excluded", hint="are both of one version?")
    newly, no_longer = _names(preview.get("newly_excluded")), _names(preview.get("no_longer_excluded"))
    rows = [
        {**each, "change": "newly" if each.get("id") in newly else "already"}
        for each in excluded
        if isinstance(each, dict)
    ]
    bereft = _names(preview.get("models_losing_last_node"))
    meta = {"newly_excluded": newly, "no_longer_excluded": no_longer, "models_losing_last_node": bereft}
    empty = "no node would be passed over"
    show(Listing("ExclusionList", EXCLUSIONS, rows, meta, sort_by=("id",), empty=empty), router.view)
    if router.view.is_human and not router.options.quiet:
        if rows:
            note(
                f"{len(rows)} {'node' if len(rows) == 1 else 'nodes'} would be passed over, {len(newly)} of them newly"
            )
        if bereft:
            note(_last_node(bereft))
        if no_longer:
            note(f"no longer passed over: {', '.join(no_longer)}")


def _preview(router: Router, body: Fields) -> Fields:
    return router.fields("PUT", PATH, body=body, query={"dry_run": True})


def _last_node(models: Sequence[str]) -> str:
    return f"{_some(models)} would lose {'its' if len(models) == 1 else 'their'} last node below the thresholds"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _names(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
