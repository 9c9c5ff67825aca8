"""What the application does with the command line, contexts, themes and views."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from llmlb.errors import ConfigurationError, LlmlbError
from llmlb_tui.acting import Acting
from llmlb_tui.desk import Desk, Identity
from llmlb_tui.following import Following
from llmlb_tui.model.filters import FilterError, parse_filter
from llmlb_tui.model.fleet import FleetState
from llmlb_tui.model.sorting import order_text, parse_order
from llmlb_tui.model.view import SavedView
from llmlb_tui.navigation import Navigation
from llmlb_tui.render.columns import parse_columns
from llmlb_tui.screens.fleet import FleetScreen
from llmlb_tui.screens.screen import ConsoleScreen
from llmlb_tui.shell import MakeClient
from llmlb_tui.themes import PALETTES, palette_named
from llmlb_tui.widgets.question import Question

if TYPE_CHECKING:
    from llmlb.client.contexts import Contexts
    from llmlb.client.control import ControlClient


class Commanding(Acting, Navigation, Following):
    """Part of the application."""

    def do_command(self) -> None:
        """The command line under the screen."""
        from llmlb_tui.model.commands import advise, complete, read_command

        screen = self.screen
        if not isinstance(screen, ConsoleScreen):
            return

        def entered(text: str) -> bool:
            command = read_command(text)
            if isinstance(command, str):
                self.say(command, trouble=True)
                return not text.strip()
            self.run_command(command.name, command.rest)
            return True

        state = self.desk.state
        screen.ask(Question(":", "", advise, entered, _nothing, lambda text: complete(text, list(state.nodes))))

    def run_command(self, name: str, rest: str) -> None:
        """Carry out a line that was typed behind the colon."""
        from llmlb_tui.model.commands import action_of

        own: dict[str, Callable[[str], None]] = {
            "node": self._go_to_node,
            "filter": self._filter,
            "sort": self._sort,
            "columns": self._columns,
            "save": self._save,
            "theme": self._theme,
            "bell": self._bell,
            "ctx": self.switch_context,
            "why": self.open_explanation,
            "export": self._export,
            "seek": self.go_to_instant,
        }
        try:
            if name in own and (rest or name in ("filter", "columns", "sort")):
                own[name](rest)
            elif name in own and not action_of(name):
                self.say(f"{name} needs to know what", trouble=True)
            elif isinstance(self.screen, ConsoleScreen):
                self.screen.action_do(action_of(name))
        except ConfigurationError as error:
            self.say(error.message, trouble=True)

    def go_to_instant(self, rest: str) -> None:
        """Only a replay has instants to go to."""
        self.say("seek: this is no replay; llmlb top --replay FILE plays one", trouble=True)

    def _reorder(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, FleetScreen):
                screen.reorder()

    def _go_to_node(self, rest: str) -> None:
        if not self.desk.selection.go_to(rest):
            self.open_node(rest)

    def _filter(self, rest: str) -> None:
        try:
            self.desk.view.filter = parse_filter(rest)
        except FilterError as error:
            self.say(f"filter, character {error.position + 1}: {error.message}", trouble=True)
            return
        self._reorder()

    def _sort(self, rest: str) -> None:
        self.desk.view.order = parse_order(rest)
        self._reorder()

    def _columns(self, rest: str) -> None:
        self.desk.view.columns = parse_columns(rest)
        self._reorder()
        self.keep_columns()

    def keep_columns(self) -> None:
        """Remember the columns that are shown, for this context."""
        try:
            self.preferences.save_columns(self.desk.identity.context, self.desk.view.columns)
        except ConfigurationError as error:
            self.say(f"the columns are not remembered: {error.message}", trouble=True)

    def _save(self, rest: str) -> None:
        number, _, name = rest.partition(" ")
        if number not in ("1", "2", "3", "4"):
            self.say("save 1, 2, 3 or 4, and a name if you like", trouble=True)
            return
        view = self.desk.view
        saved = SavedView(name.strip() or f"view {number}", view.filter.text, order_text(view.order), view.columns)
        self.preferences.save_view(self.desk.identity.context, int(number), saved)
        self.desk.views[int(number)] = saved
        self.say(f"{saved.name} is behind {number} now")

    def _theme(self, rest: str) -> None:
        self.use_palette(palette_named(rest, self._themes_folder()))
        try:
            self.preferences.save_theme(self.desk.identity.context, rest)
        except ConfigurationError as error:
            self.say(f"theme {rest}; not remembered: {error.message}", trouble=True)
        else:
            self.say(f"theme {rest}; known: {', '.join(PALETTES)}")

    def _bell(self, rest: str) -> None:
        if rest not in ("on", "off"):
            self.say("bell on or bell off", trouble=True)
            return
        self.desk.has_bell = rest == "on"
        what = "rings" if self.desk.has_bell else "does not ring"
        try:
            self.preferences.save_bell(self.desk.identity.context, is_on=self.desk.has_bell)
        except ConfigurationError as error:
            self.say(f"a new critical alert {what}; not remembered: {error.message}", trouble=True)
        else:
            self.say(f"a new critical alert {what}")

    def _themes_folder(self) -> Path | None:
        return None if self.config_folder is None else self.config_folder / "themes"

    def _export(self, rest: str) -> None:
        kind, _, name = rest.partition(" ")
        if kind not in ("json", "csv"):
            self.say("export json or csv, and a file name if you like", trouble=True)
            return
        self.export_rows(self.shown_nodes(), "nodes", kind=kind, name=name.strip())

    # Contexts

    def do_context(self) -> None:
        from llmlb_tui.dialogs.chooser import Chooser, Option

        contexts = self._contexts()
        if contexts is None or not contexts.by_name:
            self.say("there is no other context; llmlb login --url URL --context NAME makes one", trouble=True)
            return
        options = [
            Option(name, str(place) if place < 10 else "", name, context.url, name == self.desk.identity.context)
            for place, (name, context) in enumerate(sorted(contexts.by_name.items()), 1)
        ]

        def take(name: str, is_second: bool) -> bool:
            self.switch_context(name)
            return False

        self.push_screen(Chooser("Look at which router?", lambda: options, take))

    def _contexts(self) -> Contexts | None:
        if self.config_folder is None:
            return None
        from llmlb.client.contexts import load_contexts
        from llmlb.client.credentials import CONTEXTS_FILE

        try:
            return load_contexts(self.config_folder / CONTEXTS_FILE)
        except LlmlbError as error:
            self.say(error.message, trouble=True)
            return None

    @abstractmethod
    async def look_elsewhere(self, desk: Desk, make_client: MakeClient, *, ca_file: str) -> None:
        """Leave this router and follow another one. ca_file: of its certificate, "" for the system's."""

    def switch_context(self, name: str) -> None:
        """Follow the router of another context."""
        from llmlb.client.address import router_address
        from llmlb.client.contexts import load_contexts
        from llmlb.client.credentials import default_folders, resolve

        folders = default_folders(os.environ)
        try:
            context = load_contexts(folders.contexts).named(name)
            target = resolve(environ=self._environ_for(router_address(context.url).url), folders=folders, context=name)
        except LlmlbError as error:
            self.say(error.message, trouble=True)
            return
        identity = Identity(
            target.url, context=name, must_type_name=context.confirm == "type-name", color=context.color
        )
        before = self.desk
        desk = Desk(
            identity,
            state=FleetState(now_s=self.now_s(), now_unix_s=self.now_unix_s()),
            glyphs=before.glyphs,
            is_readonly=before.is_readonly,
            interval_s=before.interval_s,
            has_bell=before.has_bell or self.preferences.bell(name),
        )
        desk.views = self.preferences.views(name)
        desk.view.columns = self.preferences.columns(name)
        token, ca_file = target.token, target.ca_file

        def make_client() -> ControlClient:
            from llmlb.client.control import ControlClient

            return ControlClient(target.url, token=token, ca_file=ca_file or None)

        self.spawn(self.look_elsewhere(desk, make_client, ca_file=ca_file))

    def _environ_for(self, url: str) -> dict[str, str]:
        """What the environment names belongs to the router this console was started for."""
        home = ("LLMLB_TOKEN", "LLMLB_URL", *(() if url == self.home_url else ("LLMLB_CA_FILE",)))
        return {name: value for name, value in os.environ.items() if name not in home}

    def remember_login(self, token: str, lifetime_s: float) -> None:
        """Keep the new session where the context's old one was."""
        identity = self.desk.identity
        if not identity.context:
            return
        from llmlb.client.contexts import load_contexts
        from llmlb.client.credentials import Login as StoredLogin
        from llmlb.client.credentials import default_folders, store_login

        try:
            folders = default_folders(os.environ)
            context = load_contexts(folders.contexts).named(identity.context)
            stored = StoredLogin(token, identity.user, identity.role, self.now_unix_s() + lifetime_s)
            store_login(folders, context, stored, make_current=False)
        except LlmlbError as error:
            self.say(f"logged in, but not remembered: {error.message}", trouble=True)


def _nothing() -> None:
    """A command line that was left says nothing."""
