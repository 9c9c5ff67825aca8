"""Change the next load test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from textual.widget import Widget
from textual.widgets import Input

from llmlb_tui.dialogs.dialog import Dialog
from llmlb_tui.model.loadtest import Wanted
from llmlb_tui.render.line import EMPTY, Line, Role, Span, dim, line, wrapped

FIELDS = (
    ("requests", "Requests"),
    ("duration", "Duration like 60s (empty: none)"),
    ("at_once", "At once (empty: all, max 64)"),
    ("rate", "Rate per s (empty: none)"),
    ("model", "Model (empty: the first)"),
    ("max_tokens", "Longest answer, tokens"),
    ("slo", "Good is (ttft=2s,e2e=10s)"),
    ("gates", "Fails if (p90_ttft>1s errors>0)"),
    ("baseline", "Compare with (a saved run)"),
)


class LoadTestDialog(Dialog):
    """A field for each thing wanted. done: gets what was entered."""

    AUTO_FOCUS = "#requests"
    DEFAULT_CSS = """
    LoadTestDialog .label { width: 33; }
    LoadTestDialog > #box > .field { margin-top: 0; }
    """

    def __init__(self, wanted: Wanted, done: Callable[[Wanted], None]) -> None:
        super().__init__()
        self._wanted = wanted
        self._done = done
        self._said = ""

    def heading(self) -> str:
        return " Load test "

    def lines(self, cells: int) -> list[Line]:
        said = [line(Span(part, Role.TROUBLE)) for part in wrapped(self._said, cells, limit=3)]
        return [line(dim("Everything else: llmlb loadtest --help")), *said, EMPTY]

    def choices(self) -> Sequence[tuple[str, str]]:
        return (("cancel", "Cancel"), ("take", "Take"))

    def inputs(self) -> Iterator[Widget]:
        values = self._wanted._asdict()
        for name, label in FIELDS:
            yield from self.field(label, id=name, value=values[name])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        names = [name for name, _ in FIELDS]
        place = names.index(event.input.id or "requests")
        if place + 1 < len(names):
            self.query_one(f"#{names[place + 1]}").focus()
        else:
            self.chosen("take")

    def chosen(self, name: str) -> None:
        wanted = Wanted(**{field: self.text_of(field) for field, _ in FIELDS})
        self._said = wanted.problem()
        if self._said:
            self.sync()
            return
        self._done(wanted)
        self.close()
