"""Lists that can be narrowed, in the language of the fleet's filter and of the command line's."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

from llmlb.client.filters import Predicate, Vocabulary, read_filter
from llmlb.errors import FilterError
from llmlb_tui.model.advice import Advice
from llmlb_tui.render.help import FILTERS
from llmlb_tui.render.line import Line, Role, Span, dim, key, line
from llmlb_tui.screens.listing import ListScreen
from llmlb_tui.widgets.question import Question

S = TypeVar("S")


class FilteredScreen(ListScreen, Generic[S]):
    """A list with a filter. Subclasses give a title and a vocabulary; ``admits`` is the filter."""

    TITLE_WORD: ClassVar[str]

    def __init__(self, vocabulary: Vocabulary[S]) -> None:
        super().__init__()
        self._vocabulary = vocabulary
        self.query_text = ""
        self.admits: Predicate[S] = read_filter("", vocabulary)

    def titled(self, *more: Span) -> Line:
        """The list's title and its filter."""
        query = Span(self.query_text, Role.WARNING) if self.query_text else dim("(no filter)")
        return line(Span(f" {self.TITLE_WORD}   ", Role.HEADER), key("/ "), query, *more)

    def _narrow(self, text: str) -> None:
        """Raises FilterError, and the list stays what it was."""
        self.admits = read_filter(text, self._vocabulary)
        self.query_text = text.strip()
        # Also while the picture is held still.
        self.selection.show(self.names())
        self.sync()

    def do_filter(self) -> None:
        before = self.query_text

        def changed(text: str) -> Advice:
            try:
                self._narrow(text)
            except FilterError as error:
                return Advice(error.message, error.position, is_trouble=True)
            return Advice(f"{FILTERS[self.PLACE]}  /re/  !not  or  ( )")

        def entered(text: str) -> bool:
            try:
                self._narrow(text)
            except FilterError:
                return False
            return True

        self.ask(Question("/", before, changed, entered, lambda: self._narrow(before)))

    def do_back(self) -> None:
        """The filter goes first."""
        if self.query_text:
            self._narrow("")
        else:
            super().do_back()
