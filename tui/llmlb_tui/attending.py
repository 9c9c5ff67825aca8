"""What the application attends to with every tick besides the picture: the bell, and a theme that is being edited."""

from __future__ import annotations

from llmlb.errors import ConfigurationError
from llmlb_tui.model.bell import notice
from llmlb_tui.model.text import clean
from llmlb_tui.shell import Shell
from llmlb_tui.themes import read_palette

LOOK_EVERY_S = 1.0


class Attending(Shell):
    """Part of the application."""

    _theme_seen_at_s = float("-inf")
    _bad_stamp = 0

    def attend(self) -> None:
        """Ring for new critical alerts where that is wanted, and take over a theme that was edited."""
        self._ring()
        self._follow_theme()

    def _ring(self) -> None:
        fresh = self.doorbell.fresh(self.desk.state, self.now_s())
        if fresh and self.desk.has_bell:
            self.bell()
            self.notify_terminal(notice(fresh, self.desk.identity.place))

    def notify_terminal(self, text: str) -> None:
        """A notification of the terminal's own, by OSC 9; terminals that know none ignore it."""
        if not self.is_headless and self._driver is not None:
            self._driver.write(f"\x1b]9;{clean(text)}\x07")

    def _follow_theme(self) -> None:
        now_s, file = self.now_s(), self._painter.palette.file
        if file is None or now_s - self._theme_seen_at_s < LOOK_EVERY_S:
            return
        self._theme_seen_at_s = now_s
        stamp = file.present_stamp()
        if stamp in (None, file.stamp, self._bad_stamp):
            return
        try:
            palette = read_palette(file.path)
        except ConfigurationError as error:
            # Said once for each time it is written.
            self._bad_stamp = stamp
            self.say(error.message, trouble=True)
        else:
            self.use_palette(palette)
