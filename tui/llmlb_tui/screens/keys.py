"""The API keys of the clients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from llmlb.errors import LlmlbError
from llmlb_tui.dialogs.keys import NewKeyDialog, TypedDialog
from llmlb_tui.model.actions import Place
from llmlb_tui.model.acts import explain_refusal
from llmlb_tui.model.listed import KEYS, RowSubject
from llmlb_tui.model.reading import Fields
from llmlb_tui.model.text import clean
from llmlb_tui.render.keys import key_head, key_line
from llmlb_tui.render.line import Line, Role, Span, both_ends, clipped, dim, line
from llmlb_tui.screens.filtered import FilteredScreen
from llmlb_tui.screens.screen import bindings_of


class KeyScreen(FilteredScreen[RowSubject]):
    """Lists keys without their secrets, makes them and ends them."""

    PLACE = Place.KEYS
    BINDINGS: ClassVar = bindings_of(Place.KEYS)
    EMPTY_TEXT = "no key yet; n makes one"
    TITLE_WORD = "API KEYS"

    def __init__(self) -> None:
        super().__init__(KEYS)
        self._keys: dict[str, Fields] = {}
        self._said = "asking the router"

    def on_mount(self) -> None:
        super().on_mount()
        self.fetch()

    def fetch(self) -> None:
        """Ask for the list again."""
        self.console_app.spawn(self._fetch())

    async def _fetch(self) -> None:
        try:
            listed = await self.console_app.client.api_keys()
        except LlmlbError as error:
            self._said = explain_refusal(error)
        else:
            self._said = ""
            self._keys = {clean(each.get("id")): dict(each) for each in listed}
        self.sync()

    def names(self) -> Sequence[str]:
        app = self.console_app
        now_unix_s = app.desk.state.router_now(app.now_s())
        return [key_id for key_id, given in self._keys.items() if self.admits(RowSubject(given, now_unix_s))]

    def head(self, cells: int) -> list[Line]:
        left = self.titled(Span(f"   {self._said}", Role.WARNING))
        return [both_ends(left, line(dim(f"{len(self.selection.ids)} of {len(self._keys)} ")), cells), key_head()]

    def row(self, name: str, cells: int, is_cursor: bool) -> Line | None:
        given = self._keys.get(name)
        if given is None:
            return None
        base = Role.CURSOR if is_cursor else Role.TEXT
        return clipped(key_line(given, self.console_app.desk.glyphs, base=base), cells)

    def do_refresh(self) -> None:
        self.fetch()

    def do_create_key(self) -> None:
        self.console_app.push_screen(NewKeyDialog(self.fetch))

    def do_revoke_key(self) -> None:
        key_id = self.selection.cursor
        given = self._keys.get(key_id)
        if given is None:
            self.console_app.say("revoke: there is no key under the cursor", trouble=True)
            return
        name = clean(given.get("name")) or key_id

        async def revoke() -> None:
            await self.console_app.client.revoke_api_key(key_id)
            self.console_app.say(f"the key {name} is ended")
            self.fetch()

        text = f"Clients with the key {name} ({key_id}) are refused at once. There is no way back."
        self.console_app.push_screen(TypedDialog(f"Revoke {name}", text, name, revoke))
