"""Run a load test and watch it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import ClassVar

from llmlb.errors import ConfigurationError
from llmlb_tui.dialogs.loadtest import LoadTestDialog
from llmlb_tui.loadtesting import command_line, environment, run_load_test
from llmlb_tui.model.actions import Place
from llmlb_tui.model.loadtest import LoadTest, Stage, Wanted
from llmlb_tui.render.line import Line
from llmlb_tui.render.loadtest import loadtest_lines
from llmlb_tui.screens.screen import bindings_of
from llmlb_tui.screens.text import PageScreen


class LoadTestScreen(PageScreen):
    """The test runs on in its own process while other screens are looked at, and ends with the console."""

    PLACE = Place.LOADTEST
    BINDINGS: ClassVar = bindings_of(Place.LOADTEST)

    @property
    def test(self) -> LoadTest:
        return self.console_app.load_test

    def page(self, cells: int) -> Sequence[Line]:
        app = self.console_app
        return loadtest_lines(self.test, app.desk.glyphs, cells, router=self.test.router or app.desk.identity.place)

    def do_start_test(self) -> None:
        app = self.console_app
        if self.test.is_running:
            app.say("it is running; s stops it", trouble=True)
            return
        test = app.load_test = LoadTest(wanted=self.test.wanted, router=app.desk.identity.place)
        environ = environment(os.environ, token=app.client.token, ca_file=app.ca_file, is_home=app.is_home)
        app.spawn(run_load_test(test, command_line(test, app.client.url), environ))

    def do_stop_test(self) -> None:
        if self.test.is_running:
            self.test.stage = Stage.STOPPING
        else:
            self.console_app.say("no load test is running", trouble=True)

    def do_edit_test(self) -> None:
        if self.test.is_running:
            self.console_app.say("it is running; s stops it", trouble=True)
            return

        def take(wanted: Wanted) -> None:
            self.test.wanted = wanted

        self.console_app.push_screen(LoadTestDialog(self.test.wanted, take))

    def do_save_test(self) -> None:
        app = self.console_app
        if not self.test.result:
            app.say("there is no result to write yet", trouble=True)
            return
        # The load test's own module, which a console that runs none does not need.
        from llmlb.loadtest.saved import save

        name = f"top-{self.test.run_id}"
        try:
            save(name, json.dumps(self.test.document, ensure_ascii=False, allow_nan=False, indent=1) + "\n")
        except ConfigurationError as error:
            app.say(f"save: {error.message}", trouble=True)
        else:
            app.say(f"saved; to compare: e, or llmlb loadtest compare {name} ANOTHER")
