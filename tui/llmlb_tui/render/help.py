"""The keys of a screen, from the table of actions."""

from __future__ import annotations

from llmlb_tui.desk import Desk
from llmlb_tui.model.actions import Action, Danger, Group, Place, actions_of
from llmlb_tui.render.line import EMPTY, Line, Role, Span, clipped, dim, key, line

FILTERS = {
    Place.FLEET: "gpu-e  state:pending  gpu>80  seen>30s  model:llama*  tag:pool=chat",
    Place.REQUESTS: "status:502  outcome:failed  model:llama*  node:gpu-1  key:ci  total>5s  at<10m",
    Place.EVENTS: "kind:offline  node:gpu-1  by:alice  rule:queue  cause:heartbeat  at<10m",
    Place.ALERTS: "state:firing  severity:critical  rule:node_late  about:rack3*  since>1h",
    Place.KEYS: "name:ci  scopes:admin  models:qwen*  created>90d  expires:-",
}
"""Examples, by the lists that have a filter."""


def help_lines(desk: Desk, place: Place, now_s: float, cells: int) -> list[Line]:
    """Every key of a screen, by group; what cannot be used now is grey, with the reason."""
    lines = [EMPTY, line(Span(f" KEYS: {place.value}", Role.HEADER)), EMPTY]
    for group in Group:
        actions = [action for action in actions_of(place) if action.group is group]
        if group is Group.REPLAY and desk.playback is None:
            continue
        if not actions:
            continue
        lines.append(line(Span(f" {group.value}", Role.STRONG)))
        lines += [_action_line(desk, action, now_s) for action in actions]
        lines.append(EMPTY)
    lines += [
        line(dim(" The mouse: click for the cursor, twice to open, names of columns sort, keys of the footer work.")),
        line(dim(" To select text with the mouse hold Shift (Option on a Mac), or start with --no-mouse.")),
    ]
    if place in FILTERS:
        lines.append(line(dim(f" Filters: {FILTERS[place]}  /re.*x/  !term  or  ( )")))
    return [clipped(each, cells) for each in lines]


def _action_line(desk: Desk, action: Action, now_s: float) -> Line:
    reason = desk.why_not(action, now_s)
    keys = " ".join(action.shown_keys)
    asks = f" ({action.danger.value})" if action.danger is not Danger.NONE else ""
    same = f"   {action.cli}" if action.cli else ""
    if reason:
        return line(dim(f"   {keys:<14}{action.about}   - {reason}"))
    return line(Span("   "), key(f"{keys:<14}"), Span(f"{action.about}{asks}"), dim(same))
