"""One frame of the console as plain text: for ``watch``, for scripts, for terminals that cannot draw."""

from __future__ import annotations

import asyncio
import shutil
import sys

from llmlb.clock import monotonic_s
from llmlb.errors import RouterRefused, RouterUnreachable
from llmlb_tui.desk import Desk
from llmlb_tui.model.feed import decode
from llmlb_tui.options import ConsoleOptions
from llmlb_tui.render.columns import CellContext, WidthClass, header_line, layout, row_line
from llmlb_tui.render.head import filter_line, fleet_head, title_line
from llmlb_tui.render.line import plain
from llmlb_tui.source import FIRST_EVENT_S, fetch_snapshot, is_without_feed

ON_A_PIPE_CELLS = 120


def print_once(desk: Desk, options: ConsoleOptions) -> int:
    """Fetch the fleet, print the head and the list to stdout, and return 0. Raises ClientError."""
    asyncio.run(fetch(desk, options))
    cells = shutil.get_terminal_size((ON_A_PIPE_CELLS, 24)).columns if sys.stdout.isatty() else ON_A_PIPE_CELLS
    try:
        sys.stdout.write(frame(desk, monotonic_s(), cells))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough; what is still buffered must not be tried again at exit.
        sys.stdout = None
    return 0


async def fetch(desk: Desk, options: ConsoleOptions) -> None:
    """Fill the desk from the first event of the feed, or from the lists where that says nothing."""
    from llmlb.client.control import ControlClient

    async with ControlClient(options.url, token=options.token, ca_file=options.ca_file or None) as client:
        caller = await client.me()
        desk.introduce(str(caller.get("username", "")), str(caller.get("role", "")))
        try:
            feed = client.events(idle_timeout_s=FIRST_EVENT_S, decode=decode)
            try:
                async for event in feed:
                    desk.apply(event.type, event.data, id=event.id, now_s=monotonic_s())
                    break
            finally:
                await feed.aclose()
        except (RouterRefused, RouterUnreachable) as error:
            # A router that is away cannot be asked for its lists either, and says so again.
            if isinstance(error, RouterRefused) and not is_without_feed(error):
                raise
            desk.apply("snapshot", await fetch_snapshot(client), id="", now_s=monotonic_s())
    desk.connection.heard(monotonic_s())


def frame(desk: Desk, now_s: float, cells: int) -> str:
    """The picture as text: the whole list, however long."""
    ids = desk.view.ids(desk.state, now_s)
    desk.selection.show(ids)
    given = layout(min(cells, WidthClass.WIDE - 1), desk.view.columns)
    leading = desk.view.order[0]
    lines = [title_line(desk, now_s, cells), *fleet_head(desk, now_s, cells)]
    lines.append(filter_line(desk, cells, shown=len(ids), first=1, last=len(ids)))
    lines.append(header_line(given, desk.glyphs, sorted_by=leading.key.name, falls=leading.falls))
    for node_id in ids:
        context = CellContext(
            desk.state.nodes[node_id],
            desk.state.history(node_id),
            desk.state.router_now(now_s),
            desk.glyphs,
            given.width_class,
            desk.state.flows,
        )
        lines.append(row_line(given, context, cursor=False, marked=False))
    shown = [plain(each) for each in lines] if desk.glyphs.is_ascii else lines
    return "".join(f"{each.text.rstrip()}\n" for each in shown)
