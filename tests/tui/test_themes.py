"""Every text of every theme can be read, and what must be told apart differs in more than colour."""

from __future__ import annotations

import pytest
from rich.color import Color
from rich.style import Style
from tui.driving import FIRST_S, make_desk

from llmlb.client.contexts import TITLE_COLORS
from llmlb_tui.model.nodes import Mood
from llmlb_tui.render.glyphs import ASCII, UNICODE, Glyphs
from llmlb_tui.render.head import title_line
from llmlb_tui.render.line import Role
from llmlb_tui.render.painter import Painter
from llmlb_tui.themes import PALETTES, TITLE_ROLES, Palette

LEAST_CONTRAST = 4.5
"""WCAG 2.1, criterion 1.4.3."""
COLOURED = [palette for palette in PALETTES.values() if not palette.is_ansi]


def luminance(color: Color) -> float:
    def linear(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = color.get_truecolor()
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def contrast(style: Style) -> float:
    assert style.color is not None
    assert style.bgcolor is not None
    darker, lighter = sorted((luminance(style.color), luminance(style.bgcolor)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("palette", COLOURED, ids=lambda palette: palette.name)
@pytest.mark.parametrize("base", [Role.TEXT, Role.CURSOR, Role.STALE])
def test_every_text_stands_out_from_its_ground(palette: Palette, base: Role) -> None:
    painter = Painter(palette)
    # The ground of the cursor is no text, and a dangerous title never lies under it.
    for role in set(Role) - ({Role.CURSOR} if base is Role.TEXT else {Role.CURSOR, Role.DANGER_TITLE}):
        assert contrast(painter.style(role, base)) >= LEAST_CONTRAST, role


@pytest.mark.parametrize("palette", COLOURED, ids=lambda palette: palette.name)
def test_what_is_typed_stands_out_from_its_field(palette: Palette) -> None:
    typed = Style.parse(palette.styles[Role.TEXT]) + Style(bgcolor=palette.surface)
    assert contrast(typed) >= LEAST_CONTRAST


@pytest.mark.parametrize("color", TITLE_COLORS)
def test_the_title_has_the_colour_of_its_context_in_every_theme(color: str) -> None:
    desk = make_desk()
    plain = title_line(desk, FIRST_S, 120)
    desk.identity = desk.identity._replace(color=color, must_type_name=True)
    place = next(span for span in title_line(desk, FIRST_S, 120).spans if span.text == desk.identity.place)
    assert place.role == f"title-{color}"
    assert place.role not in {span.role for span in plain.spans}
    for palette in COLOURED:
        grounds = {Painter(palette).style(role).bgcolor for role in TITLE_ROLES}
        assert len(grounds) == len(TITLE_COLORS), palette.name


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_states_differ_in_their_sign(glyphs: Glyphs) -> None:
    assert len({glyphs.moods[mood] for mood in Mood}) == len(Mood)


@pytest.mark.parametrize(
    "palette", [each for each in PALETTES.values() if each.is_colourless], ids=lambda each: each.name
)
def test_a_theme_without_colour_has_none(palette: Palette) -> None:
    styles = [Painter(palette).style(role, base) for role in Role for base in (Role.TEXT, Role.CURSOR)]
    assert all(style.color is None or style.color.is_default for style in styles)
