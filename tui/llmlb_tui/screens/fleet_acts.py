"""What the list can do beside moving: views, orders, columns, and its pace."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from llmlb.errors import ConfigurationError
from llmlb_tui.model.filters import parse_filter
from llmlb_tui.model.sorting import SORT_KEYS, chosen, order_text, parse_order
from llmlb_tui.render.columns import COLUMNS, DEFAULT_COLUMNS, width_class
from llmlb_tui.screens.marking import MarkingScreen

MIN_INTERVAL_S, MAX_INTERVAL_S = 0.25, 30.0


class FleetActs(MarkingScreen):
    """The part of the fleet's screen that answers keys beyond moving."""

    @abstractmethod
    def reorder(self) -> None:
        """Put the rows into order now: the filter or the order has changed."""

    def do_follow(self) -> None:
        self.selection.follows = not self.selection.follows
        where = "on its node" if self.selection.follows else "at its place"
        self.console_app.say(f"the cursor stays {where}")

    # Orders, columns, views

    def do_sort(self) -> None:
        from llmlb_tui.dialogs.chooser import Chooser, Option  # late: the first picture must come soon

        view = self.console_app.desk.view

        def options() -> Sequence[Option]:
            present = [each.key.name for each in view.order]
            return [
                Option(key.name, key.letter, key.label, "largest first" if key.falls else "", key.name in present)
                for key in SORT_KEYS.values()
            ]

        def take(name: str, is_second: bool) -> bool:
            view.order = chosen(view.order, SORT_KEYS[name], added=is_second)
            self.reorder()
            return False

        dialog = Chooser("Sort by", options, take, opening_key="s", twice="add a key")
        self.console_app.push_screen(dialog)

    def do_columns(self) -> None:
        from llmlb_tui.dialogs.chooser import Chooser, Option

        app = self.console_app
        view = app.desk.view

        def shown() -> tuple[str, ...]:
            return view.columns or DEFAULT_COLUMNS[width_class(app.size.width)]

        def options() -> Sequence[Option]:
            present = shown()
            return [
                Option(column.key, "", column.header, column.about, column.key in present)
                for column in COLUMNS.values()
                if column.key != "id"
            ]

        def take(name: str, is_second: bool) -> bool:
            present = list(shown())
            if name in present:
                present.remove(name)
            else:
                present.append(name)
            view.columns = tuple(present)
            self.reorder()
            app.keep_columns()
            return True

        app.push_screen(Chooser("Columns (Space switches, Esc closes)", options, take))

    def do_view_1(self) -> None:
        self._show_view(1)

    def do_view_2(self) -> None:
        self._show_view(2)

    def do_view_3(self) -> None:
        self._show_view(3)

    def do_view_4(self) -> None:
        self._show_view(4)

    def _show_view(self, number: int) -> None:
        app = self.console_app
        saved = app.desk.views[number]
        view = app.desk.view
        try:
            view.filter, view.order = parse_filter(saved.filter), parse_order(saved.order)
        except ConfigurationError as error:
            app.say(f"view {number} cannot be shown: {error.message}", trouble=True)
            return
        view.columns = saved.columns or app.preferences.columns(app.desk.identity.context)
        self.reorder()
        app.say(f"view {number}: {saved.name}  ({saved.filter or 'no filter'}, by {order_text(view.order)})")

    # Pace

    def do_faster(self) -> None:
        self._pace(0.5)

    def do_slower(self) -> None:
        self._pace(2.0)

    def _pace(self, factor: float) -> None:
        desk = self.console_app.desk
        desk.interval_s = min(MAX_INTERVAL_S, max(MIN_INTERVAL_S, desk.interval_s * factor))
        self.console_app.say(f"rows are brought into order every {desk.interval_s:g} s")
