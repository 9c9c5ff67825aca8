"""llmlb top"""

from __future__ import annotations

from typing import Annotated

import typer

from llmlb_cli.context import router_of
from llmlb_cli.exits import Failure


def top(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Print one frame and exit; also under watch.")] = False,
    readonly: Annotated[
        bool, typer.Option("--readonly", help="Refuse every key that changes something. [env: LLMLB_READONLY]")
    ] = False,
    query: Annotated[str, typer.Option("--filter", metavar="QUERY", help="Show only nodes that match: gpu>80.")] = "",
    sort: Annotated[str, typer.Option(metavar="KEYS", help="Order: attn,gpu; - reverses.")] = "",
    columns: Annotated[str, typer.Option(metavar="KEYS", help="Columns: id,state,gpu,model.")] = "",
    view: Annotated[str, typer.Option(metavar="NAME", help="A saved view: 1 to 4, or its name.")] = "",
    interval: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0.25, max=60, help="How often rows are brought into order; default 1."),
    ] = 1.0,
    fps: Annotated[
        float | None, typer.Option(metavar="N", min=0.2, max=30, help="Paints a second at most; default 4, 2 over SSH.")
    ] = None,
    theme: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="dark, light, high-contrast, deuteranopia, tritanopia, ansi, mono, or your own."
        ),
    ] = "",
    plain_ascii: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII alone.")] = False,
    bell: Annotated[
        bool, typer.Option("--bell", help="Ring and notify (OSC 9) when a critical alert begins to fire.")
    ] = False,
    no_mouse: Annotated[bool, typer.Option("--no-mouse", help="Leave the mouse to the terminal.")] = False,
    record: Annotated[
        str, typer.Option(metavar="FILE", help="Write what the console is told to a new file, for --replay.")
    ] = "",
    replay: Annotated[
        str, typer.Option(metavar="FILE", help="Play such a file in place of a router; nothing is asked or changed.")
    ] = "",
) -> int:
    """The console an operator leaves open: the fleet live, and what can be done to it.

    It stays open while the router is away. ? shows the keys, q leaves.

    Examples:
      llmlb top
      llmlb top --readonly --filter 'state:attention'
      llmlb top --record incident.llmlbrec
      llmlb top --replay incident.llmlbrec
    """
    from llmlb_tui import ConsoleOptions, run

    drawn = ConsoleOptions(
        url="",
        readonly=readonly,
        once=once,
        theme=theme,
        ascii=plain_ascii,
        mouse=not no_mouse,
        bell=bell,
        fps=fps,
        filter=query,
        sort=sort,
        view=view,
        columns=columns,
        interval_s=interval,
        record=record,
        replay=replay,
    )
    if replay:
        # No router is asked, so none has to be named, nor a credential to be found.
        return run(drawn)
    router = router_of(ctx)

    def renew() -> str | None:
        try:
            return router_of(ctx).target.token
        except Failure:
            return None

    return run(
        drawn._replace(
            url=router.url,
            token=router.target.token,
            ca_file=router.target.ca_file,
            context=router.target.context,
            renew=None if router.options.token_file == "-" else renew,
        )
    )
