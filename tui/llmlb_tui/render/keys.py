"""API keys as lines."""

from __future__ import annotations

from llmlb_tui.model.formats import ABSENT
from llmlb_tui.model.reading import Fields, names, number
from llmlb_tui.model.text import clean, fitted
from llmlb_tui.render.glyphs import Glyphs
from llmlb_tui.render.line import Line, Role, Span, dim, line


def key_head() -> Line:
    """The names of the columns."""
    return line(
        Span(f" {'NAME':<24}{'ID':<22}{'SCOPES':<20}{'CREATED':<12}{'EXPIRES':<12}{'PER MIN':>8}  MODELS", Role.HEADER)
    )


def key_line(given: Fields, glyphs: Glyphs, *, base: Role) -> Line:
    """One key, never its secret."""

    def text(name: str, cells: int) -> str:
        value = clean(given.get(name)) or ABSENT
        return fitted(value, cells, ellipsis=glyphs.ellipsis)

    scopes = names(given.get("scopes"))
    limit = number(given.get("requests_per_minute"))
    models = ", ".join(names(given.get("models"))) or "all"
    return line(
        Span(f" {text('name', 24)}"),
        dim(text("id", 22)),
        Span(fitted(",".join(scopes), 20), Role.WARNING if "admin" in scopes else Role.TEXT),
        Span(fitted(clean(given.get("created_at"))[:10] or ABSENT, 12)),
        Span(fitted(clean(given.get("expires_at"))[:10] or "never", 12)),
        Span(f"{'no limit' if limit is None else f'{limit:.0f}':>8}  "),
        dim(models),
        base=base,
    )
