"""The line to type on, with what is wrong with it, or what could follow, under it."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.suggester import Suggester
from textual.widgets import Input

from llmlb_tui.model.advice import Advice
from llmlb_tui.render.line import EMPTY, Line, Role, Span, dim, line
from llmlb_tui.render.painter import Painter
from llmlb_tui.widgets.lines import Lines
from llmlb_tui.widgets.question import Question


class _Completion(Suggester):
    """Textual's suggestions from a plain function."""

    def __init__(self, complete: Callable[[str], str]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        return self._complete(value) or None


class PromptInput(Input, inherit_bindings=True):
    """An input that leaves Esc and Tab to its prompt."""


class Prompt(Vertical):
    """Closed until ``ask``; then it has the keyboard until Enter or Esc."""

    DEFAULT_CSS = """
    Prompt { height: auto; display: none; }
    Prompt.open { display: block; }
    Prompt Horizontal { height: 1; }
    Prompt #sign { width: 3; height: 1; }
    Prompt #advice { height: 1; }
    Prompt Input { height: 1; width: 1fr; border: none; padding: 0; background: $surface; color: $foreground; }
    Prompt Input:focus { border: none; background-tint: $foreground 0%; }
    """

    def __init__(self, painter: Callable[[], Painter], *, id: str) -> None:
        super().__init__(id=id)
        self._painter = painter
        self._question: Question | None = None
        self._advice = Advice()

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Lines(self._sign, self._painter, id="sign")
            yield PromptInput(select_on_focus=False)
        yield Lines(self._advice_lines, self._painter, id="advice")

    @property
    def is_open(self) -> bool:
        return self._question is not None

    def ask(self, question: Question) -> None:
        """Open it with a question."""
        self._question = question
        field = self.query_one(Input)
        field.suggester = None if question.complete is None else _Completion(question.complete)
        field.cursor_blink = False
        field.value = question.text
        field.cursor_position = len(question.text)
        self._advice = question.changed(question.text)
        self.add_class("open")
        # At once: what was typed in the same breath belongs to the field already.
        self.screen.set_focus(field)
        self._draw()

    def take(self, key: events.Key) -> bool:
        """Take a letter that was on its way when the prompt was opened; answers whether it was one."""
        if self._question is None or not key.is_printable or key.character is None:
            return False
        self.query_one(Input).insert_text_at_cursor(key.character)
        return True

    def close(self) -> None:
        """Close it and give the keyboard back to the screen."""
        self._question = None
        self.remove_class("open")
        self.screen.set_focus(None)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._question is not None:
            self._advice = self._question.changed(event.value)
            self._draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        question = self._question
        if question is None:
            return
        self.close()
        if not question.entered(event.value):
            self.ask(question._replace(text=event.value))

    def on_key(self, event: events.Key) -> None:
        if self._question is None:
            return
        if event.key == "escape":
            event.stop()
            question = self._question
            self.close()
            question.cancelled()
        elif event.key == "tab":
            event.stop()
            event.prevent_default()
            field = self.query_one(Input)
            completed = self._question.complete(field.value) if self._question.complete is not None else ""
            if completed:
                field.value = completed
                field.cursor_position = len(completed)

    def _draw(self) -> None:
        for widget in self.query(Lines):
            widget.sync()

    def _sign(self, cells: int, height: int) -> list[Line]:
        return [line(Span(f" {self._question.sign if self._question is not None else ''}", Role.KEY))]

    def _advice_lines(self, cells: int, height: int) -> list[Line]:
        advice = self._advice
        if not advice.text:
            return [EMPTY]
        role = Role.TROUBLE if advice.is_trouble else Role.DIM
        if advice.position is None:
            return [line(dim("   "), Span(advice.text, role))]
        caret = " " * min(advice.position, max(0, cells - 30)) + "^ "
        return [line(dim("   "), Span(caret, Role.TROUBLE), Span(advice.text, role))]
