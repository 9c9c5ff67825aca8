"""What all screens share: the fleet, the connection, who is looking, and what they were told last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from llmlb_tui.model.actions import Action
from llmlb_tui.model.connection import Connection, Standing
from llmlb_tui.model.fleet import FleetState
from llmlb_tui.model.selection import Selection
from llmlb_tui.model.settings import SettingsChange
from llmlb_tui.model.text import clean
from llmlb_tui.model.view import SavedView, View, first_views
from llmlb_tui.render.glyphs import UNICODE, Glyphs

if TYPE_CHECKING:
    from llmlb.client.sse import ServerEvent
    from llmlb_tui.model.playback import Playback

FLASH_S = 6.0
MAX_HELD_EVENTS = 20_000


class Identity(NamedTuple):
    """Which router, and as whom. role: "" until the router said it.

    must_type_name: the context asks for its name before anything dangerous.  color: of the title, "" for none.
    """

    url: str
    context: str = ""
    user: str = ""
    role: str = ""
    must_type_name: bool = False
    color: str = ""

    @property
    def place(self) -> str:
        """What the title calls the router."""
        return self.context or self.url.partition("://")[2]


class Flash(NamedTuple):
    """A short answer to the last key. until_s: monotonic."""

    text: str
    until_s: float
    is_trouble: bool = False


class HeldEvent(NamedTuple):
    """An event that came while the picture is held still."""

    kind: str
    data: object
    id: str
    now_s: float


@dataclass(slots=True)
class Desk:
    """The present of one console: what it knows, shows and may do.

    is_readonly: the operator asked for it.  is_recording: what comes is written to a file.
    has_bell: a new critical alert rings and notifies.
    playback: where the replay stands that is shown; None where a router is.
    """

    identity: Identity
    state: FleetState = field(default_factory=FleetState)
    connection: Connection = field(default_factory=Connection)
    view: View = field(default_factory=View)
    selection: Selection = field(default_factory=Selection)
    views: dict[int, SavedView] = field(default_factory=first_views)
    glyphs: Glyphs = UNICODE
    is_readonly: bool = False
    is_paused: bool = False
    interval_s: float = 1.0
    flash: Flash | None = None
    undo: SettingsChange | None = None
    """The last change of the thresholds made here, until it is taken back."""
    held: list[HeldEvent] = field(default_factory=list)
    lost_while_held: bool = False
    is_recording: bool = False
    has_bell: bool = False
    playback: Playback | None = None

    def standing(self, now_s: float) -> Standing:
        standing = self.connection.standing(now_s)
        return Standing.PAUSED if self.is_paused and standing in (Standing.LIVE, Standing.SLOW) else standing

    @property
    def may_change(self) -> bool:
        """Whether keys that change something are of any use."""
        return not self.is_readonly and self.identity.role != "viewer" and self.playback is None

    def offers(self, action: Action) -> bool:
        """Whether a console of this kind has any use for its key, now or later."""
        if self.playback is None:
            return not action.replays
        return not (action.changes or action.asks)

    def why_not(self, action: Action, now_s: float) -> str:
        """Why an action cannot be carried out now; "" when it can."""
        if not self.offers(action):
            replay = "a replay asks no router and changes nothing"
            return f"{action.label}: {replay if self.playback else 'only a replay has it (llmlb top --replay FILE)'}"
        if not action.changes:
            return ""
        if self.is_readonly:
            return f"{action.label}: this console is read-only (--readonly)"
        if self.identity.role == "viewer":
            return f"{action.label} needs the role admin; {self.identity.user or 'you'} has the role viewer"
        reason = self.connection.why_not(now_s)
        if not reason and self.is_paused:
            reason = "the picture is held still; p lets it go on"
        return f"{action.label}: {reason}" if reason else ""

    def introduce(self, user: str, role: str) -> None:
        """The router said who is looking."""
        self.identity = self.identity._replace(user=clean(user, 64), role=clean(role, 20))

    def say(self, text: str, now_s: float, *, trouble: bool = False) -> None:
        self.flash = Flash(text, now_s + FLASH_S, trouble)

    def apply(self, kind: str, data: object, *, id: str, now_s: float) -> None:
        """Take an event, or keep it for later while the picture is held still."""
        if not self.is_paused:
            self.state.apply(kind, data, id=id, now_s=now_s)
        elif len(self.held) < MAX_HELD_EVENTS:
            self.held.append(HeldEvent(kind, data, id, now_s))
        else:
            self.lost_while_held = True

    def take(self, events: Sequence[ServerEvent], *, now_s: float) -> None:
        """As ``apply``, many of the feed at once."""
        if self.is_paused:
            for event in events:
                self.apply(event.type, event.data, id=event.id, now_s=now_s)
        else:
            self.state.take(events, now_s=now_s)

    def go_on(self) -> bool:
        """Let the picture go on: apply what was held. Answers whether a fresh snapshot is needed."""
        self.is_paused = False
        for event in self.held:
            self.state.apply(event.kind, event.data, id=event.id, now_s=event.now_s)
        self.held.clear()
        lost, self.lost_while_held = self.lost_while_held, False
        return lost
