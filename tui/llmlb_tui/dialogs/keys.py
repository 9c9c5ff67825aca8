"""Make a key and show it once; end a key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence

from textual.widget import Widget
from textual.widgets import Input

from llmlb.errors import LlmlbError
from llmlb_tui.dialogs.dialog import Dialog
from llmlb_tui.model.acts import explain_refusal
from llmlb_tui.model.text import clean
from llmlb_tui.render.line import EMPTY, Line, Role, Span, dim, line, wrapped

SCOPES = ("api", "metrics", "admin")


class NewKeyDialog(Dialog):
    """Asks for a name and scopes; the key is shown in this dialog and nowhere else, ever."""

    AUTO_FOCUS = "#name"

    def __init__(self, made: Callable[[], None]) -> None:
        super().__init__()
        self._made = made
        self._key = ""
        self._said = ""
        self._is_working = False

    def heading(self) -> str:
        return " New API key " if not self._key else " The new API key, shown only now "

    def lines(self, cells: int) -> list[Line]:
        if self._key:
            lines = [line("Copy it now: the router keeps only a hash of it."), EMPTY]
            lines += [line(Span(part, Role.STRONG)) for part in wrapped(self._key, cells)]
            return [*lines, EMPTY, *self._trouble(cells)]
        lines = [line("A client sends it as Authorization: Bearer sk-..."),
                 line(dim(f"scopes: {', '.join(SCOPES)}; separate several with commas"))]  # fmt: skip
        return [*lines, EMPTY, *self._trouble(cells)]

    def _trouble(self, cells: int) -> list[Line]:
        return [line(Span(part, Role.TROUBLE)) for part in wrapped(self._said, cells, limit=4)]

    def choices(self) -> Sequence[tuple[str, str]]:
        return (("cancel", "Close" if self._key else "Cancel"), ("go", "Copy" if self._key else "Create"))

    def inputs(self) -> Iterator[Widget]:
        for name, label, value in (("name", "Name", ""), ("scopes", "Scopes", "api")):
            yield from self.field(label, id=name, value=value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one("#scopes" if event.input.id == "name" else "#choice-cancel").focus()

    def chosen(self, name: str) -> None:
        if self._key:
            self.app.copy_to_clipboard(self._key)
            self._said = "copied by OSC 52; not every terminal allows it"
            self.sync()
            return
        scopes = [scope.strip() for scope in self.text_of("scopes").split(",") if scope.strip()]
        wrong = [scope for scope in scopes if scope not in SCOPES]
        key_name = self.text_of("name")
        if not key_name or not scopes or wrong:
            self._said = f"there is no scope {wrong[0]!r}" if wrong else "a name and a scope are needed"
            self.sync()
        elif not self._is_working:
            self._is_working = True
            self.console_app.spawn(self._create(key_name, scopes))

    async def _create(self, name: str, scopes: Sequence[str]) -> None:
        try:
            answer = await self.console_app.client.create_api_key(name, scopes=scopes)
        except LlmlbError as error:
            self._said = explain_refusal(error)
        else:
            self._key = clean(answer.get("key"))
            for field in self.query(".field"):
                field.display = False
            self.query_one("#choice-cancel").focus()
            self._made()
        self._is_working = False
        self.sync()


class TypedDialog(Dialog):
    """Something that is done only after a name was typed."""

    def __init__(self, title: str, text: str, typed: str, perform: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._typed = typed
        self._perform = perform
        self._said = ""
        self._is_working = False

    def heading(self) -> str:
        return f" {self._title} "

    def lines(self, cells: int) -> list[Line]:
        lines = [line(part) for part in wrapped(self._text, cells)]
        return [*lines, *(line(Span(part, Role.TROUBLE)) for part in wrapped(self._said, cells, limit=4)), EMPTY]

    def choices(self) -> Sequence[tuple[str, str]]:
        return (("cancel", "Cancel"), ("go", self._title))

    def inputs(self) -> Iterator[Widget]:
        yield from self.field(f"Type {self._typed}", id="typed")

    @property
    def typed(self) -> str:
        return self._typed

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.chosen("go")

    def chosen(self, name: str) -> None:
        if self._is_working:
            return
        if not self.is_typed:
            self._said = f"that is not {self._typed!r}; nothing was done"
            self.sync()
            return
        self._is_working = True
        self.console_app.spawn(self._work())

    async def _work(self) -> None:
        try:
            await self._perform()
        except LlmlbError as error:
            self._said = explain_refusal(error)
            self._is_working = False
            self.sync()
        else:
            self.close()
