"""What the command line asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


# A NamedTuple, because the command that fills it must start fast.
class ConsoleOptions(NamedTuple):
    """The console's options. Empty text and None stand for the default.

    url: the router's.  token: a JWT or an admin key.  context: the context it belongs to, "" for none.
    once: print one frame to stdout and end.  fps: paints a second at most, 1..30.  interval_s: how often figures are
    fetched where there is no feed, and how often rows are put into a new order.  bell: ring for new critical alerts.
    renew: reads the token anew from where it came from, after the router refused it; None where it cannot be read
    twice.  record: the file that what comes is written to.  replay: the file that is played in the router's place.
    """

    url: str
    token: str | None = None
    ca_file: str = ""
    readonly: bool = False
    once: bool = False
    theme: str = ""
    ascii: bool = False
    mouse: bool = True
    fps: float | None = None
    filter: str = ""
    sort: str = ""
    view: str = ""
    columns: str = ""
    interval_s: float = 1.0
    context: str = ""
    renew: Callable[[], str | None] | None = None
    bell: bool = False
    record: str = ""
    replay: str = ""
