"""The console that plays a recording: the usual screens, a clock of its own, and no router.

The recording tells the application what a source would, in the order and at the instants in which a console was told.
What the screens show of an instant is therefore what that console showed. Going back begins at a state that was kept.
"""

from __future__ import annotations

import asyncio
import json
import logging
from copy import copy
from typing import Any, NamedTuple, assert_never

from msgspec import Raw
from msgspec.json import decode as decode_json

from llmlb.client.control import ControlClient
from llmlb.client.sse import ServerEvent
from llmlb.errors import ConfigurationError
from llmlb_tui import recording
from llmlb_tui.app import ConsoleApp
from llmlb_tui.desk import FLASH_S, Desk, Identity
from llmlb_tui.model.advice import Advice
from llmlb_tui.model.connection import Connection
from llmlb_tui.model.feed import decode
from llmlb_tui.model.fleet import FleetState
from llmlb_tui.model.playback import EXAMPLES, WIND_S, Playback, read_place
from llmlb_tui.model.text import clean
from llmlb_tui.recorded import Recording
from llmlb_tui.screens.fleet import FleetScreen
from llmlb_tui.screens.screen import ConsoleScreen
from llmlb_tui.widgets.question import Question

SLICE_BYTES = 1024 * 1024
"""Played without a look at the keyboard: about a thousand nodes' heartbeats, 20 ms."""
KEEP_EVERY_BYTES = 8 * SLICE_BYTES
MAX_KEPT = 16
NO_ROUTER = "a replay asks no router"

_log = logging.getLogger(__name__)


class Kept(NamedTuple):
    """How the desk stood after so many lines."""

    done: int
    identity: Identity
    state: FleetState
    connection: Connection


class ReplayApp(ConsoleApp):
    """Plays from the first picture on."""

    def __init__(self, desk: Desk, *, recording: Recording, **options: Any) -> None:
        super().__init__(desk, **{**options, "make_client": _no_router})
        self._recording = recording
        self._real_now_s = self.now_s
        self._played_at_s = self.now_s()
        self._done = 0
        self._keep_every_bytes = KEEP_EVERY_BYTES
        self._goal: object = None
        self.playback = desk.playback = Playback(recording.end_s, recording.is_whole)
        self.now_s = self._recorded_now_s
        # Alerts of another day call nobody.
        desk.has_bell = False
        desk.identity = Identity(clean(recording.path.name))
        desk.state = FleetState(now_unix_s=recording.began_unix_s)
        self._kept = [self._present()]

    def _recorded_now_s(self) -> float:
        return self.playback.at_s

    def on_mount(self) -> None:
        self._play(self._recording.first)
        super().on_mount()

    async def on_unmount(self) -> None:
        await super().on_unmount()
        self._recording.close()

    # Nobody is asked

    def take_look(self) -> bool:
        return True

    async def follow_after_look(self) -> None:
        self._played_at_s = self._real_now_s()

    def begin_following(self, last_id: str | None = None) -> None:
        """There is nothing to follow."""

    def fill_histories(self) -> None:
        """What the recording console asked for comes when it came there."""

    def _learn_past(self, upto_id: str) -> None:
        """Likewise."""

    def switch_context(self, name: str) -> None:
        self.say(f"ctx: {NO_ROUTER}", trouble=True)

    def take_refusal(self, cause: str, *, expired: bool) -> None:
        self.desk.connection.refused(self.now_s(), cause, expired=expired)

    def note(self, kind: str, cause: str, *, subject: str) -> None:
        """What that console noted is in the recording; it is not noted twice."""

    def say(self, text: str, *, trouble: bool = False) -> None:
        """For six seconds of whoever reads it, not of the recording."""
        self.desk.say(text, float("inf"), trouble=trouble)
        said = self.desk.flash

        def forget() -> None:
            if self.desk.flash is said:
                self.desk.flash = None

        self.set_timer(FLASH_S, forget)
        self.sync_screens()

    # Playing

    def tick(self) -> None:
        now_s = self._real_now_s()
        elapsed_s, self._played_at_s = now_s - self._played_at_s, now_s
        # Standing still is standing at a line: others of the same instant may follow it.
        if not (self.playback.is_seeking or self.playback.is_paused):
            goal_s = self.playback.goal_s(elapsed_s)
            self._play(self._recording.upto(goal_s))
            if self._done == self._recording.upto(goal_s):
                self.playback.at_s = goal_s
        super().tick()

    def _play(self, upto: int) -> None:
        """Play lines up to a number of them, but no more than a slice."""
        file = self._recording
        if self._done >= upto:
            return
        until = file.place(self._done) + SLICE_BYTES
        while self._done < upto and file.place(self._done) < until:
            try:
                entry = file.entry(self._done)
            except ConfigurationError as error:
                self._break_off(error.message)
                return
            self.playback.at_s = entry.at_s
            self._done += 1
            try:
                self._tell(entry)
            except Exception:  # noqa: BLE001  # the one catch-all of this loop
                # What the recording console did not understand, and went on, is not understood here either.
                _log.exception("line %d of a recording was not understood", self._done + 1)
        self._keep()

    def _break_off(self, cause: str) -> None:
        """The file changed while it was played: what was played of it stays."""
        self.playback.is_paused = True
        self.playback.is_seeking = False
        self._goal = None
        self.say(cause, trouble=True)

    def _tell(self, entry: recording.AnyEntry) -> None:
        match entry:
            case recording.Told():
                self.take_events([ServerEvent(entry.id, entry.kind, _fed(entry.kind, bytes(entry.data)))])
            case recording.Polled():
                self.take_poll(_plain(entry.snapshot))
            case recording.Caller():
                self.take_caller(entry.user, entry.role)
            case recording.Loss():
                self.take_loss(clean(entry.cause), entry.retry_in_s)
            case recording.Refusal():
                self.take_refusal(clean(entry.cause), expired=entry.expired)
            case recording.Past():
                self.take_past(_plain(entry.events), entry.upto_id)
            case recording.Points():
                self.take_history(entry.node_id, _plain(entry.points))
            case recording.Alerts():
                self.take_alerts(_plain(entry.alerts))
            case recording.Note():
                super().note(clean(entry.kind), clean(entry.cause), subject=clean(entry.subject))
            case recording.Router():
                self._begin_router(entry)
            case recording.End():
                pass
            case _:
                assert_never(entry)

    def _begin_router(self, entry: recording.Router) -> None:
        desk = self.desk
        desk.identity = Identity(clean(entry.url, 200), context=clean(entry.context, 60))
        desk.state = FleetState(now_s=entry.at_s, now_unix_s=entry.unix_s)
        desk.connection = Connection(interval_s=min(60.0, max(0.25, entry.interval_s)))

    # States that were kept

    def _present(self) -> Kept:
        desk = self.desk
        return Kept(self._done, desk.identity, desk.state.copy(), copy(desk.connection))

    def _keep(self) -> None:
        place = self._recording.place
        last = self._kept[-1].done
        if self._done <= last or place(self._done - 1) - place(last) < self._keep_every_bytes:
            return
        self._kept.append(self._present())
        if len(self._kept) > MAX_KEPT:
            # Half as many, twice as far apart: a long recording costs no more memory than a short one.
            self._kept = self._kept[::2]
            self._keep_every_bytes *= 2

    def _restore(self, upto: int) -> None:
        kept = next(each for each in reversed(self._kept) if each.done <= upto)
        desk = self.desk
        self._done, desk.identity, desk.connection = kept.done, kept.identity, copy(kept.connection)
        desk.state = kept.state.copy()

    # Going elsewhere

    def go_to(self, at_s: float) -> None:
        """Show an instant. Whether it plays on from there stays as it was."""
        at_s = min(self.playback.end_s, max(self._recording.at_s[self._recording.first - 1], at_s))
        self._go(self._recording.upto(at_s), at_s)

    def _go(self, upto: int, at_s: float) -> None:
        if upto < self._done:
            self._restore(upto)
        goal = self._goal = object()
        self.playback.is_seeking = True
        self.spawn(self._catch_up(goal, upto, at_s))

    async def _catch_up(self, goal: object, upto: int, at_s: float) -> None:
        while self._goal is goal and self._done < upto:
            self._play(upto)
            await asyncio.sleep(0)
        if self._goal is goal:
            self.playback.is_seeking = False
            self.playback.at_s = at_s
            self._played_at_s = self._real_now_s()
            self._look_anew()

    def _look_anew(self) -> None:
        self.touched_at_s = float("-inf")
        for screen in self.screen_stack:
            if isinstance(screen, FleetScreen):
                screen.look_anew()
        self.sync_screens()

    def _step_to(self, upto: int | None, none: str) -> None:
        self.playback.is_paused = True
        if upto is None:
            self.say(none)
        else:
            self._go(upto, self._recording.at_s[upto - 1])

    # What the operator does

    def do_pause(self) -> None:
        playback = self.playback
        if playback.has_ended and not playback.is_seeking:
            playback.is_paused = False
            self.go_to(0.0)
        else:
            playback.is_paused = not playback.is_paused
        self._played_at_s = self._real_now_s()

    def do_refresh(self) -> None:
        self.say(f"refresh: {NO_ROUTER}", trouble=True)

    def do_next_event(self) -> None:
        self._step_to(self._recording.stop_after(self._done), "nothing happens after this")

    def do_previous_event(self) -> None:
        first = self._recording.first
        before = self._recording.stop_before(self._done)
        self._step_to(before if before is None else max(first, before), "nothing happened before this")

    def do_next_message(self) -> None:
        is_last = self._done >= len(self._recording)
        self._step_to(None if is_last else self._done + 1, "this is the last message")

    def do_previous_message(self) -> None:
        is_first = self._done <= self._recording.first
        self._step_to(None if is_first else self._done - 1, "this is the first picture")

    def do_wind_back(self) -> None:
        self.go_to(self.playback.at_s - WIND_S)

    def do_wind_on(self) -> None:
        self.go_to(self.playback.at_s + WIND_S)

    def do_play_slower(self) -> None:
        self.playback.change_speed(-1)

    def do_play_faster(self) -> None:
        self.playback.change_speed(1)

    def do_seek(self) -> None:
        if not isinstance(self.screen, ConsoleScreen):
            return

        def changed(text: str) -> Advice:
            place = self._read_place(text) if text else EXAMPLES
            return Advice(place, is_trouble=bool(text)) if isinstance(place, str) else Advice(EXAMPLES)

        def entered(text: str) -> bool:
            if not text.strip():
                return True
            place = self._read_place(text)
            if not isinstance(place, str):
                self.go_to(place)
            return not isinstance(place, str)

        self.screen.ask(Question("@", "", changed, entered, _nothing))

    def go_to_instant(self, rest: str) -> None:
        place = self._read_place(rest)
        if isinstance(place, str):
            self.say(f"seek: {place}", trouble=True)
        else:
            self.go_to(place)

    def _read_place(self, text: str) -> float | str:
        return read_place(text, self.playback, now_unix_s=self.desk.state.router_now(self.now_s()))


def _no_router() -> ControlClient:
    raise ConfigurationError(NO_ROUTER)


def _fed(kind: str, text: bytes) -> object:
    """As the feed's own parser decodes it."""
    try:
        return decode(kind, text)
    except (ValueError, RecursionError):
        return json.loads(text.decode("utf-8", "replace"))


def _plain(raw: Raw) -> object:
    return decode_json(raw)


def _nothing() -> None:
    """A line that was left says nothing."""
