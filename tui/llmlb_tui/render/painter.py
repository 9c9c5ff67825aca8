"""From roles to colours: turns a line into the pieces that Rich and Textual draw."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style

from llmlb_tui.render.line import Line, Role, clipped, plain
from llmlb_tui.themes import Palette


class Painter:
    """A palette, made ready. Styles are combined once and kept. is_ascii: nothing else reaches the terminal."""

    def __init__(self, palette: Palette, *, is_ascii: bool = False) -> None:
        self.palette = palette
        self._is_ascii = is_ascii
        ground = Style(bgcolor=None if palette.is_ansi else palette.background)
        self._styles = {role: ground + Style.parse(text) for role, text in palette.styles.items()}
        self._combined: dict[tuple[Role, Role], Style] = {}

    def segments(self, given: Line, cells: int) -> list[Segment]:
        """The line in exactly ``cells`` cells."""
        whole = clipped(given, cells)
        if self._is_ascii:
            whole = plain(whole)
        base, combined = whole.base, self._combined
        return [Segment(text, combined.get((role, base)) or self.style(role, base)) for text, role in whole.spans]

    def style(self, role: Role, base: Role = Role.TEXT) -> Style:
        """A role on a base: the cursor keeps the hues and changes the ground; old data loses its hues."""
        known = self._combined.get((role, base))
        if known is None:
            known = self._combined[role, base] = self._combine(role, base)
        return known

    def _combine(self, role: Role, base: Role) -> Style:
        if base is Role.STALE and role is not Role.TROUBLE:
            return self._styles[Role.STALE]
        style = self._styles[role]
        if base is not Role.CURSOR:
            return style
        if self.palette.is_ansi:
            # Reversed colours of sixteen are hard to read: the cursor's row has none.
            return Style(bold=style.bold, reverse=True)
        ground = Style.parse(self.palette.styles[Role.CURSOR])
        return style + Style(bgcolor=ground.bgcolor, bold=True if ground.bold else None)
