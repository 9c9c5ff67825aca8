"""Log in again, while the last data stays on the screen behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.widget import Widget
from textual.widgets import Input

from llmlb_tui.dialogs.dialog import Dialog
from llmlb_tui.model.formats import clock_time
from llmlb_tui.render.line import EMPTY, Line, Role, Span, dim, line, wrapped


class SessionDialog(Dialog):
    """Asks for a name and a password. Nothing that was refused is done again after the login."""

    AUTO_FOCUS = "#user"

    def __init__(self, cause: str, *, is_first: bool) -> None:
        super().__init__()
        self._cause = cause
        self._is_first = is_first
        self._said = ""
        self._is_asking = False

    def heading(self) -> str:
        return " Log in " if self._is_first else " Session expired "

    def lines(self, cells: int) -> list[Line]:
        identity = self.console_app.desk.identity
        at = clock_time(self.console_app.now_unix_s())
        of = f"context {identity.context}" if identity.context else identity.url
        lines = [line(part) for part in wrapped(f"{of} answered 401 at {at} UTC: {self._cause}", cells, limit=4)]
        lines.append(line("Nothing was changed. Live data comes after the login."))
        if self._said:
            lines += [line(Span(part, Role.TROUBLE)) for part in wrapped(self._said, cells, limit=3)]
        option = f" --context {identity.context}" if identity.context else f" --url {identity.url}"
        lines += [line(dim(part)) for part in wrapped(f"or in another shell: llmlb login{option}", cells)]
        return [*lines, EMPTY]

    def choices(self) -> Sequence[tuple[str, str]]:
        return (("login", "Log in"), ("cancel", "Stay, with old data"), ("quit", "Quit"))

    def inputs(self) -> Iterator[Widget]:
        yield from self.field("User", id="user", value=self.console_app.desk.identity.user)
        yield from self.field("Password", id="password", password=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.input.id == "user":
            self.query_one("#password").focus()
        else:
            self._log_in()

    def chosen(self, name: str) -> None:
        if name == "quit":
            self.console_app.do_quit()
        else:
            self._log_in()

    def _log_in(self) -> None:
        user = self.text_of("user")
        password = self.query_one("#password", Input).value
        if self._is_asking:
            return
        if not user or not password:
            self._said = "a name and a password are needed"
            self.sync()
            return
        self._is_asking = True
        self._said = ""
        self.console_app.spawn(self._ask(user, password))

    async def _ask(self, user: str, password: str) -> None:
        refusal = await self.console_app.log_in(user, password)
        self._is_asking = False
        if refusal:
            self._said = refusal
            self.query_one("#password", Input).value = ""
            self.query_one("#password").focus()
            self.sync()
        else:
            self.close()
