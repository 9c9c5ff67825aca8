"""``llmlb demo``: a router, three nodes, thirty chats, a node that dies and comes back, and the fleet on screen."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from llmlb.clock import monotonic_s, sleep_s
from llmlb.demo.chats import ChatTally, Trickle, chats_at_once
from llmlb.demo.fleet import NODES, DemoFleet
from llmlb.demo.interrupt import Interrupt
from llmlb.demo.model import INSTALL_HINT, EngineKind, choose_engine
from llmlb.demo.table import HEADERS, rows, text_table
from llmlb.errors import DemoFailed

VICTIM = "node-2"
LIVE_INTERVAL_S = 1.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """engine: which engines to run.  chats: how many at once.  live: end in a table that refreshes until Ctrl-C."""

    engine: EngineKind = EngineKind.AUTO
    chats: int = 30
    live: bool = False


def run(options: DemoOptions, say: Say) -> int:
    """Tell the story. Returns the exit status: 0 when every chat succeeded. Raises DemoFailed, KeyboardInterrupt."""
    engine = choose_engine(options.engine)
    if engine is None:
        raise DemoFailed(f"The real engine and its model are not installed. Install them: {INSTALL_HINT}")
    began_at_s = monotonic_s()

    def step(text: str) -> None:
        interrupt.check()
        say(f"[{monotonic_s() - began_at_s:5.1f} s] {text}")

    with (
        Interrupt() as interrupt,
        tempfile.TemporaryDirectory(prefix="llmlb-demo-") as directory,
        DemoFleet(engine, Path(directory)) as fleet,
    ):
        step(f"This demo runs {engine.why}.")
        _join(fleet, step)
        tally = chats_at_once(fleet, options.chats)
        shares = ", ".join(f"{name} {tally.nodes[name]}" for name in NODES)
        step(f"{options.chats} chats at once: {tally.answered} answered; {shares}")
        trickle = Trickle(fleet)
        trickle.start()
        try:
            _kill_and_recover(fleet, trickle, step)
            interrupt.check()
            if options.live:
                _show_live(fleet, trickle)
        finally:
            trickle.stop()
        return _conclude(fleet, tally, trickle.tally, say=say)


def _join(fleet: DemoFleet, step: Say) -> None:
    step("starting the router ...")
    fleet.start_router()
    step(f"the router listens on {fleet.url}")
    for name in NODES:
        step(f"{name}: starting its engine and loading {fleet.engine.model} ...")
        fleet.start_engine(name)
    for name in NODES:
        fleet.start_agent(name)
    for name in NODES:
        fleet.wait_for(name, "pending")
        step(f"{name}: its agent registered it; it is Pending and gets nothing")
    for name in NODES:
        fleet.approve(name)
        fleet.wait_for(name, "online")
        step(f"{name}: approved, Online")


def _kill_and_recover(fleet: DemoFleet, trickle: Trickle, step: Say) -> None:
    _let_flow(trickle, 3)
    step(f"a few chats keep coming; now {VICTIM} loses power: engine and agent get SIGKILL")
    fleet.kill(VICTIM)
    fleet.wait_for(VICTIM, "offline")
    _let_flow(trickle, 3)
    step(f"{VICTIM} is Offline; {trickle.tally.answered} chats answered so far, {len(trickle.tally.failures)} failed")
    step(f"{VICTIM}: power is back, its engine loads ...")
    fleet.start_engine(VICTIM)
    fleet.start_agent(VICTIM)
    fleet.wait_for(VICTIM, "online")
    step(f"{VICTIM} is Online again, without another approval")
    _let_flow(trickle, 6)


def _let_flow(trickle: Trickle, chats: int) -> None:
    """Until so many more chats are over, or half a minute has passed."""
    until_s = monotonic_s() + 30.0
    wanted = trickle.tally.total + chats
    while trickle.tally.total < wanted and monotonic_s() < until_s:
        sleep_s(0.05)


def _show_live(fleet: DemoFleet, trickle: Trickle) -> None:
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    def table() -> Table:
        title = f"{fleet.url}   {trickle.tally.answered} chats, {len(trickle.tally.failures)} failed   Ctrl-C ends"
        drawn = Table(*HEADERS, title=title)
        for row in rows(fleet.nodes()):
            drawn.add_row(*(Text(cell) for cell in row))
        return drawn

    try:
        with Live(table(), auto_refresh=False) as live:
            while True:
                sleep_s(LIVE_INTERVAL_S)
                live.update(table(), refresh=True)
    except KeyboardInterrupt:
        sys.stderr.write("stopping ...\n")


def _conclude(fleet: DemoFleet, first: ChatTally, later: ChatTally, *, say: Say) -> int:
    say("")
    say(text_table(fleet.nodes()))
    say("")
    moved = f"{later.retried} of them moved to another node unseen" if later.retried else "none had to be moved"
    say(f"During the failure: {later.answered}/{later.total} chats answered; {moved}.")
    for failure in [*first.failures, *later.failures][:5]:
        say(f"failed: {failure}")
    say(f"Success: {first.answered}/{first.total}")
    return 1 if first.failures or later.failures else 0
