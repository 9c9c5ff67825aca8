"""What every screen of the console has: a title, a footer, a line to type on, and the table's keys."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget

from llmlb_tui.model.actions import BY_ID, Place, actions_of
from llmlb_tui.render.fleet import SMALLEST_CELLS, SMALLEST_LINES
from llmlb_tui.render.footer import action_at, footer_line
from llmlb_tui.render.head import title_line
from llmlb_tui.render.line import EMPTY, Line, Role, Span, line
from llmlb_tui.widgets.lines import Lines
from llmlb_tui.widgets.prompt import Prompt
from llmlb_tui.widgets.question import Question
from llmlb_tui.widgets.synced import SyncedScreen

if TYPE_CHECKING:
    from llmlb_tui.app import ConsoleApp


def bindings_of(place: Place) -> list[BindingType]:
    """The keys of a screen, from the table of actions."""
    return [
        Binding(",".join(action.keys), f"do('{action.id}')", action.label, id=f"{place.name.lower()}.{action.id}")
        for action in actions_of(place)
    ]


class ConsoleScreen(SyncedScreen):
    """A full screen. ``do_NAME`` carries out the action NAME; what a screen has not, the application does."""

    PLACE: ClassVar[Place]
    AUTO_FOCUS = ""
    ESCAPE_TO_MINIMIZE = False

    DEFAULT_CSS = """
    ConsoleScreen { layout: vertical; background: $background; color: $foreground; overflow: hidden; }
    ConsoleScreen > #title, ConsoleScreen > #foot { height: 1; }
    ConsoleScreen > #tiny { display: none; height: 1fr; }
    ConsoleScreen.tiny > * { display: none; }
    ConsoleScreen.tiny > #tiny { display: block; }
    ConsoleScreen > #body { height: 1fr; width: 1fr; }
    """

    _blocks: tuple[Lines, ...] = ()
    """All that is drawn; screens keep what they are composed of."""

    @property
    def console_app(self) -> ConsoleApp:
        return cast("ConsoleApp", self.app)

    def compose(self) -> ComposeResult:
        app = self.console_app
        yield Lines(self._title, app.painter_now, id="title")
        with Vertical(id="body"):
            yield from self.body()
        yield Prompt(app.painter_now, id="prompt")
        yield Lines(self._foot, app.painter_now, on_press=self._press_footer, id="foot")
        yield Lines(self._tiny, app.painter_now, id="tiny")

    @abstractmethod
    def body(self) -> Iterator[Widget]:
        """What stands between title and footer."""

    def lines(
        self, make: Callable[[int, int], list[Line]], *, id: str | None = None, height: int | None = None
    ) -> Lines:
        """A block of lines in this screen's colours."""
        widget = Lines(make, self.console_app.painter_now, id=id)
        if height is not None:
            widget.styles.height = height
        return widget

    @property
    def prompt(self) -> Prompt:
        return self.query_one("#prompt", Prompt)

    def ask(self, question: Question) -> None:
        """Ask on the line above the footer."""
        self.prompt.ask(question)

    def take(self, event: events.Key) -> bool:
        return self.is_mounted and self.prompt.take(event)

    def sync(self) -> int:
        """Redraw what changed; answers how many lines that were. Called a few times a second and after each key."""
        if not self.is_mounted:
            return 0
        self._fit()
        self.prepare()
        if not self._blocks:
            self._blocks = tuple(self.query(Lines))
        return sum(widget.sync() for widget in self._blocks if widget.display)

    def prepare(self) -> None:
        """Bring what the lines are made from up to date."""

    def on_mount(self) -> None:
        self.sync()

    def on_screen_resume(self) -> None:
        self.sync()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self.sync)

    def _fit(self) -> None:
        self.set_class(self.size.width < SMALLEST_CELLS or self.size.height < SMALLEST_LINES, "tiny")

    def action_do(self, name: str) -> None:
        """Carry out an action of the table, or say why that is not possible."""
        app = self.console_app
        app.touched()
        action = BY_ID[name]
        reason = app.desk.why_not(action, app.now_s())
        if reason:
            app.say(reason, trouble=True)
            return
        handler: Callable[[], None] | None = getattr(self, f"do_{name}", None) or getattr(app, f"do_{name}", None)
        if handler is not None:
            handler()
        self.sync()

    def do_back(self) -> None:
        self.console_app.leave(self)

    def _title(self, cells: int, height: int) -> list[Line]:
        return [title_line(self.console_app.desk, self.console_app.now_s(), cells)]

    def _foot(self, cells: int, height: int) -> list[Line]:
        return [footer_line(self.console_app.desk, self.PLACE, self.console_app.now_s(), cells)]

    def _tiny(self, cells: int, height: int) -> list[Line]:
        said = f"{self.size.width}x{self.size.height}: llmlb top needs"
        return [line(Span(said, Role.STRONG)), line(f"{SMALLEST_CELLS}x{SMALLEST_LINES} or more; q quits"), EMPTY]

    def _press_footer(self, x: int, y: int, clicks: int) -> None:
        action = action_at(self.console_app.desk, self.PLACE, x, self.size.width)
        if action is not None:
            self.action_do(action.id)
