"""llmlb demo"""

from __future__ import annotations

from typing import Annotated

import typer

from llmlb_cli.exits import Failure, usage
from llmlb_cli.output import is_terminal, line


def demo(
    engine: Annotated[
        str, typer.Option(metavar="KIND", help="auto, llama (a real engine) or sim (the simulated one).")
    ] = "auto",
    chats: Annotated[int, typer.Option("--chats", metavar="N", min=1, max=200, help="Chats sent at once.")] = 30,
) -> int:
    """Run a router and three engines on this machine, kill one and recover it.

    Without a terminal it prints the story and ends; in one it ends in a live view until Ctrl-C, and leaves nothing
    running.

    Examples:
      llmlb demo
      llmlb demo --engine sim
      llmlb demo --chats 60 | cat
    """
    from llmlb.demo.model import EngineKind
    from llmlb.demo.story import DemoOptions, run
    from llmlb.errors import DemoFailed

    if engine not in set(EngineKind):
        raise usage(f'there is no engine "{engine}"', hint="use --engine auto, llama or sim")
    try:
        return run(DemoOptions(EngineKind(engine), chats, live=is_terminal()), line)
    except DemoFailed as error:
        raise Failure(error.message, hint="llmlb demo --engine sim needs no engine") from None
