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
    no_mouse: Annotated[bool, typer.Option("--no-mouse", help="Leave the mouse to the terminal.")] = False,
) -> int:
    """The console an operator leaves open: the fleet live, and what can be done to it.

    It stays open while the router is away. ? shows the keys, q leaves.

    Examples:
      llmlb top
      llmlb top --readonly --filter 'state:attention'
      llmlb top --once
    """
    from llmlb_tui import ConsoleOptions, run

    router = router_of(ctx)

    def renew() -> str | None:
        try:
            return router_of(ctx).target.token
        except Failure:
            return None

    return run(
        ConsoleOptions(
            url=router.url,
            token=router.target.token,
            ca_file=router.target.ca_file,
            readonly=readonly,
            once=once,
            theme=theme,
            ascii=plain_ascii,
            mouse=not no_mouse,
            fps=fps,
            filter=query,
            sort=sort,
            view=view,
            columns=columns,
            interval_s=interval,
            context=router.target.context,
            renew=None if router.options.token_file == "-" else renew,
        )
    )
