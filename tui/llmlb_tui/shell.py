"""The application's core, which its parts are built on: the desk, the client, errands, and the drawing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import App
from textual.filter import LineFilter

from llmlb import clock
from llmlb.errors import LlmlbError
from llmlb_tui.desk import Desk
from llmlb_tui.ending import Ending
from llmlb_tui.first_look import FirstLook
from llmlb_tui.model.acts import explain_refusal
from llmlb_tui.model.bell import Bell
from llmlb_tui.preferences import Preferences
from llmlb_tui.render.painter import Painter
from llmlb_tui.themes import Palette
from llmlb_tui.widgets.synced import SyncedScreen
from llmlb_tui.widgets.theme import textual_theme

if TYPE_CHECKING:
    from llmlb.client.control import ControlClient
    from llmlb_tui.model.loadtest import LoadTest

DEFAULT_FPS = 4.0
REMOTE_FPS = 2.0

_log = logging.getLogger(__name__)

MakeClient = Callable[[], "ControlClient"]


class Shell(App[int]):
    """What every part of the application may rely on.

    make_client: called after the first picture, because httpx takes its time to import.  config_folder: contexts and
    themes, None for none.  look: begun before the application was imported.  renew: as in the
    options.  now_s: monotonic.
    """

    ENABLE_COMMAND_PALETTE = False
    TITLE = "llmlb top"
    BINDINGS: ClassVar = []
    CSS = """
    Screen { scrollbar-size: 0 0; }
    """

    def __init__(
        self,
        desk: Desk,
        *,
        palette: Palette,
        make_client: MakeClient,
        fps: float = DEFAULT_FPS,
        preferences: Preferences | None = None,
        config_folder: Path | None = None,
        ca_file: str = "",
        look: FirstLook | None = None,
        renew: Callable[[], str | None] | None = None,
        now_s: Callable[[], float] = clock.monotonic_s,
        now_unix_s: Callable[[], float] = clock.unix_s,
    ) -> None:
        super().__init__(ansi_color=True if palette.is_ansi else None)
        self.desk = desk
        self.fps = fps
        self.preferences = preferences or Preferences(None)
        self.config_folder = config_folder
        self.ca_file = ca_file
        self.home_url = desk.identity.url
        self._look = look
        self._renew = renew
        self._load_test: LoadTest | None = None
        self.now_s = now_s
        self.now_unix_s = now_unix_s
        self.touched_at_s = float("-inf")
        self.broken_by: Exception | None = None
        self.ending = Ending()
        self.doorbell = Bell()
        self._painter = Painter(palette, is_ascii=desk.glyphs.is_ascii)
        self._make_client = make_client
        self._client: ControlClient | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def client(self) -> ControlClient:
        """The client of the router that is looked at."""
        if self._client is None:
            self._client = self._make_client()
        return self._client

    @property
    def is_home(self) -> bool:
        """Whether the router that is looked at is the one this console was started for."""
        return self.desk.identity.url == self.home_url

    @property
    def load_test(self) -> LoadTest:
        """The load test that was started last, or one that can be."""
        if self._load_test is None:
            from llmlb_tui.model.loadtest import LoadTest

            self._load_test = LoadTest()
        return self._load_test

    @load_test.setter
    def load_test(self, test: LoadTest) -> None:
        self._load_test = test

    # Errands

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Do something beside the drawing. Whatever goes wrong is said, and the console goes on."""
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except LlmlbError as error:
            self.say(explain_refusal(error), trouble=True)
        except Exception as error:  # noqa: BLE001  # the one catch-all of an errand
            # One failed errand must not end the console; its cause is logged and named.
            _log.exception("an errand of the console failed")
            self.say(f"that failed inside the console ({type(error).__name__})", trouble=True)

    async def end_errands(self) -> None:
        """Cancel whatever still runs, and wait until it is gone."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _handle_exception(self, error: Exception) -> None:
        """Textual would print a traceback over the terminal; whoever runs the console writes it to a file instead."""
        if self.is_headless:
            super()._handle_exception(error)
            return
        self.broken_by = self.broken_by or error
        self.exit(1)

    # Drawing

    def get_line_filters(self) -> Sequence[LineFilter]:
        """None for our own colours: Textual's filter for the sixteen of the terminal would look at every piece."""
        return super().get_line_filters() if self._painter.palette.is_ansi else ()

    def painter_now(self) -> Painter:
        return self._painter

    def use_palette(self, palette: Palette) -> None:
        """Change the colours of everything."""
        self._painter = Painter(palette, is_ascii=self.desk.glyphs.is_ascii)
        before, theme = self.theme, textual_theme(palette)
        self.register_theme(theme)
        self.theme = theme.name
        if before != theme.name:
            self.unregister_theme(before)
        for screen in self.screen_stack:
            for widget in screen.query("*"):
                widget.refresh()

    def sync_screens(self) -> None:
        """Draw the screen on top, and what is seen behind a dialog."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, SyncedScreen):
                screen.sync()
            if not screen.is_modal:
                return

    def touched(self) -> None:
        """A key was pressed: rows keep still for a moment."""
        self.touched_at_s = self.now_s()

    def say(self, text: str, *, trouble: bool = False) -> None:
        """Answer in the footer."""
        self.desk.say(text, self.now_s(), trouble=trouble)
        self.sync_screens()

    def note(self, kind: str, cause: str, *, subject: str) -> None:
        """An event of this console's own."""
        state = self.desk.state
        state.events.add(kind, cause, at_unix_s=state.router_now(self.now_s()), subject=subject)

    def acted_on(self) -> Sequence[str]:
        """The nodes that an act is about."""
        return self.desk.selection.targets()
