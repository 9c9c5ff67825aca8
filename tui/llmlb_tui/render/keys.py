"""API keys as lines."""

from __future__ import annotations

from llmlb_tui.model.formats import ABSENT
from llmlb_tui.model.reading import Fields, names, number
from llmlb_tui.model.text import ascii_only, clean, fitted
from llmlb_tui.render.glyphs import Glyphs
from llmlb_tui.render.line import Line, Role, Span, dim, line


def key_head() -> Line:
    """The names of the columns."""
    return line(
        Span(f" {'NAME':<24}{'ID':<20}{'SCOPES':<22}{'CREATED':<22}{'EXPIRES':<22}PER MINUTE  MODELS", Role.HEADER)
    )


def key_line(given: Fields, glyphs: Glyphs, *, base: Role) -> Line:
    """One key, never its secret."""

    def text(name: str, cells: int) -> str:
        value = clean(given.get(name)) or ABSENT
        return fitted(ascii_only(value) if glyphs.is_ascii else value, cells, ellipsis=glyphs.ellipsis)

    scopes = names(given.get("scopes"))
    limit = number(given.get("requests_per_minute"))
    models = ", ".join(names(given.get("models"))) or "all"
    return line(
        Span(f" {text('name', 24)}"),
        dim(text("id", 20)),
        Span(fitted(",".join(scopes), 22), Role.WARNING if "admin" in scopes else Role.TEXT),
        Span(text("created_at", 22)),
        Span(text("expires_at", 22) if given.get("expires_at") else fitted("never", 22)),
        Span(f"{'no limit' if limit is None else f'{limit:.0f}':>10}  "),
        dim(ascii_only(models) if glyphs.is_ascii else models),
        base=base,
    )
