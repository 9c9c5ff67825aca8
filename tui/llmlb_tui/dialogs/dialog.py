"""A box over the screen: live lines, perhaps a field to type in, and choices of which Cancel has the keyboard."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from llmlb_tui.model.text import ascii_only, width
from llmlb_tui.render.line import Line, Role, Span, clipped, line
from llmlb_tui.render.painter import Painter
from llmlb_tui.widgets.lines import Lines
from llmlb_tui.widgets.synced import SyncedScreen

if TYPE_CHECKING:
    from llmlb_tui.app import ConsoleApp


class Choice(Widget, can_focus=True):
    """``[ Cancel ]``: chosen with Enter or a click when it has the keyboard."""

    DEFAULT_CSS = """
    Choice { height: 1; width: auto; margin-right: 2; }
    """
    BINDINGS: ClassVar = [
        Binding("enter,space", "choose", show=False),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    class Chosen(Message):
        """The operator decided. name: of the choice."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, name: str, text: str, painter: Callable[[], Painter]) -> None:
        super().__init__(id=f"choice-{name}")
        self.choice = name
        self._painter = painter
        self._text = f"[ {text} ]"

    @property
    def text(self) -> str:
        return self._text

    def set_text(self, text: str) -> None:
        """Say something else; the width follows."""
        framed = f"[ {text} ]"
        if framed != self._text:
            self._text = framed
            self.refresh(layout=True)

    def get_content_width(self, container: object, viewport: object) -> int:
        return width(self._text)

    def render_line(self, y: int) -> Strip:
        base = Role.CURSOR if self.has_focus else Role.TEXT
        marked = f">{self._text[1:-1]}<" if self.has_focus else self._text
        cells = self.size.width
        return Strip(self._painter().segments(Line((Span(marked, Role.STRONG),), base), cells), cells)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(self.Chosen(self.choice))

    def action_choose(self) -> None:
        self.post_message(self.Chosen(self.choice))


class Dialog(SyncedScreen, ModalScreen[None]):
    """A question. Subclasses give ``heading``, ``lines``, ``choices`` and ``chosen``; Esc always means Cancel."""

    AUTO_FOCUS = "#choice-cancel"
    BINDINGS: ClassVar = [Binding("escape", "cancel", show=False)]
    CELLS: ClassVar[int] = 78

    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 30%; }
    Dialog:ansi { background: transparent; }
    Dialog > #box { height: auto; max-height: 95%; border: solid $foreground; background: $background; padding: 0 1; }
    Dialog.ascii > #box { border: ascii $foreground; }
    Dialog > #box > Lines { height: auto; }
    Dialog > #box > Horizontal { height: 1; margin-top: 1; }
    Dialog Input { height: 1; border: none; padding: 0; background: $surface; color: $foreground; width: 1fr; }
    Dialog Input:focus { border: none; background-tint: $foreground 0%; }
    Dialog .field { height: 1; }
    Dialog .label { width: 24; height: 1; }
    """

    _met: events.Key | None = None
    """The last key that came here by itself."""
    _early: tuple[events.Key, ...] = ()
    _is_ready = False

    @property
    def console_app(self) -> ConsoleApp:
        return cast("ConsoleApp", self.app)

    def compose(self) -> ComposeResult:
        painter = self.console_app.painter_now
        with Vertical(id="box"):
            yield Lines(self._drawn, painter, id="content")
            yield from self.inputs()
            with Horizontal(id="choices"):
                for name, text in self.choices():
                    yield Choice(name, text, painter)

    @abstractmethod
    def heading(self) -> str:
        """The title of the box."""

    @abstractmethod
    def lines(self, cells: int) -> Sequence[Line]:
        """What the box says now."""

    def choices(self) -> Sequence[tuple[str, str]]:
        """Name and text of each; the first is Cancel."""
        return (("cancel", "Cancel"),)

    def inputs(self) -> Iterator[Widget]:
        """Fields between the lines and the choices."""
        return iter(())

    def field(
        self, label: str | Callable[[], Line], *, id: str, value: str = "", password: bool = False, max_length: int = 0
    ) -> Iterator[Widget]:
        """A field behind its label, to be yielded from ``inputs``. max_length: in characters, 0 for any."""

        def labelled(cells: int, height: int) -> list[Line]:
            return [line(Span(label, Role.STRONG)) if isinstance(label, str) else label()]

        with Horizontal(classes="field"):
            yield Lines(labelled, self.console_app.painter_now, classes="label")
            yield Input(value=value, password=password, max_length=max_length, select_on_focus=False, id=id)

    def text_of(self, id: str) -> str:
        """What stands in a field, without the blanks around it."""
        return self.query_one(f"#{id}", Input).value.strip()

    @property
    def typed(self) -> str:
        """What must be typed into the field ``typed``, "" for nothing."""
        return ""

    @property
    def is_typed(self) -> bool:
        """Whether it was."""
        return not self.typed or self.text_of("typed") == self.typed

    def chosen(self, name: str) -> None:
        """A choice other than Cancel."""

    def on_key(self, event: events.Key) -> None:
        """What must be typed is typed blindly: letters reach their field while Enter still means Cancel."""
        self._met = event
        field = self._field_of_letters()
        character = event.character if event.is_printable else None
        if field is None:
            return
        if character is not None and (character.isdigit() or field is self.focused or not self.typed.isdigit()):
            field.insert_text_at_cursor(character)
        elif event.key == "backspace" and field is not self.focused:
            field.action_delete_left()
        else:
            return
        event.stop()
        event.prevent_default()
        if field is not self.focused:
            # At once: an Enter in the same breath must find the keyboard where it belongs.
            cancel, act, *_ = (name for name, _ in self.choices())
            self.set_focus(self.query_one(f"#choice-{act if self.is_typed else cancel}"))

    def _field_of_letters(self) -> Input | None:
        """Letters that were on their way when a field got the keyboard are its own; a choice has no use for any."""
        if isinstance(self.focused, Input):
            return self.focused
        return self.query_one("#typed", Input) if self.typed and isinstance(self.focused, Choice) else None

    def take(self, event: events.Key) -> bool:
        if event is self._met:
            return False
        # It went to the screen below, before this one was there: once more from the beginning.
        key = events.Key(event.key, event.character)
        if self._is_ready:
            self._press(key)
        else:
            self._early = (*self._early, key)
        return True

    def on_screen_resume(self) -> None:
        # When Textual has given the keyboard to whom it belongs.
        self.call_next(self._press_early)

    def _press_early(self) -> None:
        self._is_ready = True
        for key in self._early:
            self._press(key)
        self._early = ()

    def _press(self, key: events.Key) -> None:
        key.set_sender(self.app)
        self.app.post_message(key)

    def on_mount(self) -> None:
        self.set_class(self.console_app.desk.glyphs.is_ascii, "ascii")
        for field in self.query(Input):
            field.cursor_blink = False
        self.sync()

    def sync(self) -> int:
        """Redraw what changed. The box is as high as what it says."""
        if not self.is_mounted or not self.query("#content"):
            return 0
        box = self.query_one("#box")
        cells = min(self.CELLS, self.size.width)
        heading = ascii_only(self.heading()) if self.console_app.desk.glyphs.is_ascii else self.heading()
        if box.border_title != heading:
            box.border_title = heading.replace("[", "\\[")
        if box.styles.width is None or box.styles.width.value != cells:
            box.styles.width = cells
        content = self.query_one("#content", Lines)
        height = min(len(self.lines(cells - 4)), max(1, self.size.height - 6))
        if content.styles.height is None or content.styles.height.value != height:
            content.styles.height = height
        self.refresh_choices()
        return sum(block.sync() for block in self.query(Lines))

    def refresh_choices(self) -> None:
        """Bring the texts of the choices up to date."""
        for name, text in self.choices():
            for choice in self.query(f"#choice-{name}").results(Choice):
                choice.set_text(text)

    def action_cancel(self) -> None:
        self.close()

    def close(self) -> None:
        """Leave without doing anything."""
        if self.is_current:
            self.dismiss()

    def on_choice_chosen(self, message: Choice.Chosen) -> None:
        message.stop()
        if message.name == "cancel":
            self.action_cancel()
        else:
            self.chosen(message.name)

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self.sync)

    def _drawn(self, cells: int, height: int) -> list[Line]:
        shown = [clipped(each, cells) for each in self.lines(cells)]
        if len(shown) > height > 0:
            shown = [*shown[: height - 1], clipped(line(Span(f"  {len(shown) - height + 1} more", Role.DIM)), cells)]
        return shown
