"""How the application goes from screen to screen."""

from __future__ import annotations

from collections.abc import Sequence

from llmlb.errors import LlmlbError
from llmlb_tui.model.acts import explain_refusal
from llmlb_tui.screens.screen import ConsoleScreen
from llmlb_tui.shell import Shell


class Navigation(Shell):
    """Part of the application. A screen of a kind that is open already is not opened twice."""

    def open_screen(self, screen: ConsoleScreen) -> None:
        """Show a screen; one of its kind that lies below is uncovered instead."""
        kinds = [type(each) for each in self.screen_stack]
        if type(screen) is type(self.screen):
            return
        if type(screen) in kinds:
            while type(self.screen) is not type(screen):
                self.pop_screen()
            return
        self.push_screen(screen)

    def leave(self, screen: ConsoleScreen) -> None:
        """Go back to the screen below."""
        if screen is self.screen and len(self.screen_stack) > 2:
            self.pop_screen()

    def do_open(self) -> None:
        targets = self.acted_on()
        if targets:
            self.open_node(self.desk.selection.cursor or targets[0])

    def open_node(self, node_id: str) -> None:
        """Show everything about one node."""
        from llmlb_tui.screens.node import NodeScreen

        if node_id not in self.desk.state.nodes:
            self.say(f"the node {node_id or 'without a name'} is not in the fleet", trouble=True)
            return
        self.push_screen(NodeScreen(node_id))

    def do_events(self) -> None:
        from llmlb_tui.screens.events import EventScreen

        self.open_screen(EventScreen())

    def do_requests(self) -> None:
        from llmlb_tui.screens.requests import RequestScreen

        self.open_screen(RequestScreen())

    def do_alerts(self) -> None:
        from llmlb_tui.screens.alerts import AlertScreen

        self.open_screen(AlertScreen())

    def do_keys(self) -> None:
        from llmlb_tui.screens.keys import KeyScreen

        self.open_screen(KeyScreen())

    def do_loadtest(self) -> None:
        from llmlb_tui.screens.loadtest import LoadTestScreen

        self.open_screen(LoadTestScreen())

    def do_help(self) -> None:
        from llmlb_tui.screens.help import HelpScreen

        place = self.screen.PLACE if isinstance(self.screen, ConsoleScreen) else None
        if place is not None and not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(place))

    def do_palette(self) -> None:
        from llmlb_tui.dialogs.palette import PaletteDialog

        if isinstance(self.screen, ConsoleScreen):
            self.push_screen(PaletteDialog(self.screen))

    # Why a request goes where it goes

    def do_why(self) -> None:
        self.spawn(self._choose_model())

    def explain_node(self, node_id: str) -> None:
        """Show how a node stands towards one of its own models; one that names none serves any."""
        node = self.desk.state.nodes.get(node_id)
        if node is not None and node.models:
            self._offer_models(node.models, about=node_id)
        else:
            self.spawn(self._choose_model(about=node_id))

    async def _choose_model(self, *, about: str = "") -> None:
        try:
            listed = await self.client.models()
        except LlmlbError:
            # An operator's credential need not be a client's: what the nodes say will do.
            models = sorted({model for node in self.desk.state.nodes.values() for model in node.models})
        else:
            models = sorted(str(model.get("id", "")) for model in listed)
        if models:
            self._offer_models(models, about=about)
        else:
            self.say("why: no node names a model", trouble=True)

    def _offer_models(self, models: Sequence[str], *, about: str) -> None:
        from llmlb_tui.dialogs.chooser import Chooser, Option

        if len(models) == 1:
            self.open_explanation(models[0], about=about)
            return

        def take(name: str, is_second: bool) -> bool:
            self.open_explanation(name, about=about)
            return False

        options = [
            Option(model, str(place) if place < 10 else "", model) for place, model in enumerate(models[:500], 1)
        ]
        self.push_screen(Chooser("Why would a request go where? Choose its model", lambda: options, take))

    def open_explanation(self, model: str, *, about: str = "") -> None:
        """Show where the next request for a model would go. about: the node that was asked about."""
        self.spawn(self._explain(model, about))

    async def _explain(self, model: str, about: str) -> None:
        from llmlb_tui.render.requests import explanation_lines
        from llmlb_tui.screens.text import TextScreen

        try:
            answer = await self.client.explain(model)
        except LlmlbError as error:
            self.say(f"why: {explain_refusal(error)}", trouble=True)
            return
        glyphs = self.desk.glyphs
        self.push_screen(TextScreen(lambda cells: explanation_lines(answer, cells, glyphs, about=about)))

    def do_quit(self) -> None:
        self.exit(0)
