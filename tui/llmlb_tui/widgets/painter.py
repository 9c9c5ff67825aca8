"""From roles to colours: turns a line into what Textual draws."""

from __future__ import annotations

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.theme import BUILTIN_THEMES, Theme

from llmlb_tui.model.text import width
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

    def strip(self, given: Line, cells: int) -> Strip:
        """The line in exactly ``cells`` cells."""
        whole = clipped(given, cells)
        if self._is_ascii:
            whole = plain(whole)
        segments = [Segment(span.text, self.style(span.role, whole.base)) for span in whole.spans]
        used = sum(width(span.text) for span in whole.spans)
        if used < cells:
            segments.append(Segment(" " * (cells - used), self.style(Role.TEXT, whole.base)))
        return Strip(segments, cells)

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


def textual_theme(palette: Palette) -> Theme:
    """The same colours for what Textual draws itself: inputs, and the ground."""

    def colour(role: Role) -> str:
        found = Style.parse(palette.styles[role]).color
        return _textual_name(found)

    background = "ansi_default" if palette.is_ansi else palette.background
    surface = "ansi_default" if palette.is_ansi else palette.surface
    return Theme(
        name=f"llmlb-{palette.name}",
        primary=colour(Role.KEY),
        secondary=colour(Role.DIM),
        accent=colour(Role.KEY),
        foreground=colour(Role.TEXT),
        background=background,
        surface=surface,
        panel=surface,
        boost=surface,
        success=colour(Role.GOOD),
        warning=colour(Role.WARNING),
        error=colour(Role.TROUBLE),
        dark=palette.is_dark,
        ansi=palette.is_ansi,
        # Textual's own style sheet wants to know more of a theme that leaves colours to the terminal.
        variables=dict(BUILTIN_THEMES["ansi-dark"].variables) if palette.is_ansi else {},
    )


def _textual_name(color: Color | None) -> str:
    if color is None or color.is_default:
        return "ansi_default"
    return color.name if color.name.startswith("#") else f"ansi_{color.name}"
