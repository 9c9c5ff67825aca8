"""The application: its parts put together, and the clockwork that draws."""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence

from textual import events

from llmlb_tui.attending import Attending
from llmlb_tui.commanding import Commanding
from llmlb_tui.desk import Desk
from llmlb_tui.screens.fleet import FleetScreen
from llmlb_tui.screens.screen import ConsoleScreen
from llmlb_tui.shell import MakeClient
from llmlb_tui.widgets.synced import SyncedScreen
from llmlb_tui.widgets.theme import textual_theme

YOUNG_OBJECTS = 20_000
"""Between two collections. A second of a thousand nodes makes some thousands, and hardly a cycle among them."""


class ConsoleApp(Commanding, Attending):
    """One console."""

    def on_mount(self) -> None:
        theme = textual_theme(self._painter.palette)
        self.register_theme(theme)
        self.theme = theme.name
        self.take_look()
        self.push_screen(FleetScreen(self))
        self.set_interval(1.0 / self.fps, self.tick)
        self._end_politely()
        # After the first picture: the client's imports must not delay it.
        self.call_after_refresh(self._go_on)

    def _go_on(self) -> None:
        """What the first picture did not need."""
        self.spawn(self.follow_after_look())
        if not self.is_headless:
            # What a start makes stays to the end: looking through it again and again would hold up the loop.
            gc.freeze()
            gc.set_threshold(YOUNG_OBJECTS)
            gc.enable()

    def _end_politely(self) -> None:
        """Told to stop, or left alone by its terminal, the console puts the terminal back in order and ends."""
        if not self.is_headless and os.name == "posix":
            self.ending.listen(self.exit)

    async def on_unmount(self) -> None:
        await self.end_errands()
        await self.stop_following()

    async def look_elsewhere(self, desk: Desk, make_client: MakeClient, *, ca_file: str) -> None:
        """Leave this router and follow another one. A load test that runs goes on, under its own router's name."""
        await self.stop_following()
        self.ca_file = ca_file
        if not self.load_test.is_running:
            self._load_test = None
        self.desk, self._make_client, self._client, self._renew = desk, make_client, None, None
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        await self.push_screen(FleetScreen(self))
        self.begin_following()

    def acted_on(self) -> Sequence[str]:
        """The node of its own screen, else the marked ones, else the cursor's."""
        screen = next((each for each in reversed(self.screen_stack) if isinstance(each, ConsoleScreen)), None)
        node_id = getattr(screen, "node_id", "")
        return (node_id,) if node_id else super().acted_on()

    def on_key(self, event: events.Key) -> None:
        """What nobody wanted so far: it may be meant for what an earlier key has just opened."""
        screen = self.screen
        if isinstance(screen, SyncedScreen) and screen.take(event):
            event.prevent_default()

    def tick(self) -> None:
        """A few times a second: draw what changed. A terminal that does not keep up is left alone."""
        if self._is_terminal_behind():
            return
        self.sync_screens()
        self.fill_histories()
        self.attend()

    def _is_terminal_behind(self) -> bool:
        """Whether earlier pictures still wait to be written. The writer's queue is private to Textual's driver."""
        writer = getattr(self._driver, "_writer_thread", None)
        queue = getattr(writer, "_queue", None)
        return queue is not None and not queue.empty()
