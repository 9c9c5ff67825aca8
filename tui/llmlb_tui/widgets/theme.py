"""A palette as a theme of Textual, for what it draws itself."""

from __future__ import annotations

from rich.color import Color
from rich.style import Style
from textual.theme import BUILTIN_THEMES, Theme

from llmlb_tui.render.line import Role
from llmlb_tui.themes import Palette


def textual_theme(palette: Palette) -> Theme:
    """The same colours for what Textual draws itself: inputs, and the ground."""

    def colour(role: Role) -> str:
        found = Style.parse(palette.styles[role]).color
        return _textual_name(found)

    background = "ansi_default" if palette.is_ansi else palette.background
    surface = "ansi_default" if palette.is_ansi else palette.surface
    return Theme(
        # Under another name each time it is edited: Textual looks at a theme anew only when its name changes.
        name=f"llmlb-{palette.name}" + (f"-{palette.file.stamp}" if palette.file is not None else ""),
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
