"""The last line: the keys of this screen, or the answer to the last one."""

from __future__ import annotations

from collections.abc import Sequence

from llmlb_tui.desk import Desk
from llmlb_tui.model.actions import Action, Place, footer_actions
from llmlb_tui.model.text import cut, width
from llmlb_tui.render.line import Line, Role, Span, key, line


def footer_line(desk: Desk, place: Place, now_s: float, cells: int) -> Line:
    """The flash while there is one, else as many keys as fit."""
    flash = desk.flash
    if flash is not None and now_s < flash.until_s:
        role = Role.TROUBLE if flash.is_trouble else Role.STRONG
        return line(Span(f" {cut(flash.text, cells - 2, ellipsis=desk.glyphs.ellipsis)}", role))
    pieces: list[Span] = []
    for action, _ in _placed(desk, place, cells):
        pieces += [Span("  " if pieces else " "), key(action.shown_keys[0]), Span(f" {action.label}")]
    return line(*pieces)


def action_at(desk: Desk, place: Place, x: int, cells: int) -> Action | None:
    """The action drawn at a cell of the footer."""
    for action, start in _placed(desk, place, cells):
        if start <= x < start + _cells(action):
            return action
    return None


def _placed(desk: Desk, place: Place, cells: int) -> Sequence[tuple[Action, int]]:
    """The actions that fit, each with its first cell, in the order of the table; quit always stands last."""
    wanted = [
        action for action in footer_actions(place) if desk.offers(action) and (desk.may_change or not action.changes)
    ]
    kept: list[Action] = []
    left = cells - 1
    # Help and the way out are on every terminal, however narrow.
    by_need = sorted(wanted, key=lambda action: action.id not in ("help", "quit", "back"))
    for action in by_need:
        if _cells(action) + 2 <= left:
            kept.append(action)
            left -= _cells(action) + 2
    placed: list[tuple[Action, int]] = []
    at = 1
    for action in sorted(kept, key=lambda action: action.footer):
        placed.append((action, at))
        at += _cells(action) + 2
    return placed


def _cells(action: Action) -> int:
    return width(action.shown_keys[0]) + 1 + width(action.label)
