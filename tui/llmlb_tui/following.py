"""The application's link to its router: the task that follows it, and what it tells the desk."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from llmlb.client.sse import ServerEvent
from llmlb.errors import LlmlbError
from llmlb_tui.model.connection import Standing, short_cause
from llmlb_tui.model.fleet import FleetState
from llmlb_tui.screens.fleet import FleetScreen
from llmlb_tui.shell import Shell
from llmlb_tui.source import Source

FILL_EVERY_S = 1.0
FILLED_AT_ONCE = 50
"""Histories asked of the router in one go, one after the other: those of the rows on the screen."""
PAST_EVENTS = 200
LOOK_EVERY_S = 0.01
LOOKS = 100


class Following(Shell):
    """Part of the application. It is the ``Sink`` of its source."""

    _source: Source | None = None
    _following: asyncio.Task[None] | None = None
    _look_id: str | None = None
    _is_filling = False
    _learning: FleetState | None = None
    _looked_at_s = float("-inf")
    _looked_for: frozenset[str] = frozenset()

    def take_look(self) -> bool:
        """Take over what the first look saw. Answers whether nothing more is to be expected from it."""
        look = self._look
        if look is None:
            return True
        if not look.is_over:
            return False
        self._look = None
        if look.found is not None and not self.desk.state.has_snapshot:
            self._look_id, self.desk.state = look.found.id, look.found.state
            self.desk.connection.heard(self.now_s())
            self.call_later(self.sync_screens)
        return True

    async def follow_after_look(self) -> None:
        """Begin where the first look ended; one that takes long is not waited for."""
        for _ in range(LOOKS):
            if self.take_look():
                break
            await asyncio.sleep(LOOK_EVERY_S)
        self._look = None
        self.begin_following(self._look_id)

    def begin_following(self, last_id: str | None = None) -> None:
        """Follow the desk's router, from a snapshot on or from an event that is known."""
        if last_id is not None:
            self._learn_past(last_id)
        if self._following is not None:
            self._following.cancel()
        self._source = Source(self.client, self, poll_interval_s=self.desk.interval_s, last_id=last_id)
        self._following = asyncio.create_task(self._source.run(), name="follow the router")

    async def stop_following(self) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    # What the source tells

    def take_events(self, events: Sequence[ServerEvent]) -> None:
        self.desk.connection.polls = False
        self._take(events)

    def take_poll(self, snapshot: object) -> None:
        desk = self.desk
        desk.connection.polls = True
        if desk.is_paused:
            # Nothing to hold: the next one says it all again.
            desk.connection.heard(self.now_s())
        else:
            self._take([ServerEvent("", "snapshot", snapshot)])

    def _take(self, events: Sequence[ServerEvent]) -> None:
        desk = self.desk
        now_s = self.now_s()
        away_s = desk.connection.heard(now_s)
        before = {} if away_s is None else {node.id: node.revision for node in desk.state.nodes.values()}
        desk.take(events, now_s=now_s)
        if away_s is not None:
            self._note_return(away_s, before)
        for event in events:
            if event.type == "snapshot":
                self._learn_past(event.id)
                # The first rows do not wait for the next tick.
                self.call_later(self.sync_screens)

    def _learn_past(self, upto_id: str) -> None:
        """Ask once what was before this console began. upto_id: of the snapshot."""
        state = self.desk.state
        if not (state.events.has_past or state is self._learning):
            self._learning = state
            self.spawn(self._fetch_past(state, upto_id))

    async def _fetch_past(self, state: FleetState, upto_id: str) -> None:
        try:
            past = await self.client.recent_events(limit=PAST_EVENTS)
        except LlmlbError:
            return  # the next snapshot asks again; what happens from now on comes by itself
        finally:
            if self._learning is state:
                self._learning = None
        if state is self.desk.state:
            self.take_past(past, upto_id)
            self.sync_screens()

    def take_past(self, events: object, upto_id: str) -> None:
        """What the router remembers from before this console began. upto_id: of the snapshot."""
        self.desk.state.learn_past(events, upto_id=upto_id, now_s=self.now_s())

    def take_history(self, node_id: str, points: object) -> None:
        """The router's last ten points of a node."""
        history = self.desk.state.history(node_id)
        if history is not None:
            history.read(points)

    def take_alerts(self, alerts: object) -> None:
        """The list of alerts, those that are over among them."""
        self.desk.state.set_alerts(alerts)

    def take_caller(self, user: str, role: str) -> None:
        self.desk.introduce(user, role)

    def take_loss(self, cause: str, retry_in_s: float) -> None:
        connection = self.desk.connection
        if connection.failed_at_s is None:
            if connection.heard_at_s is not None:
                self.note("disconnected", short_cause(cause), subject="router")
            self.desk.state.forget_gap()
        connection.failed(self.now_s(), short_cause(cause), retry_in_s=retry_in_s)

    def take_refusal(self, cause: str, *, expired: bool) -> None:
        if not (expired and self._take_newer_token()):
            self.desk.connection.refused(self.now_s(), cause, expired=expired)
            self.ask_login(cause)

    def _take_newer_token(self) -> bool:
        """Go on with what is now where the old one was: somebody logged in elsewhere, or the router restarted."""
        token = None if self._renew is None else self._renew()
        if token is None or token == self.client.token or self._source is None:
            return False
        self.client.token = token
        self._source.wake()
        self.note("session", "the credential was renewed outside of this console", subject="router")
        return True

    def _note_return(self, away_s: float, before: Mapping[str, int]) -> None:
        """before: the revisions of the nodes when the router went away."""
        after = {node.id: node.revision for node in self.desk.state.nodes.values()}
        changed = sum(after.get(node_id) != revision for node_id, revision in before.items())
        changed += len(after.keys() - before.keys()) if before else 0
        nodes = f", {changed} node{'' if changed == 1 else 's'} changed" if changed else ""
        self.note("reconnected", f"reconnected after {away_s:.0f} s{nodes}", subject="router")

    # What the operator does about it

    def do_refresh(self) -> None:
        """Try again at once; where the credential is the trouble, ask for another."""
        standing = self.desk.standing(self.now_s())
        if standing is Standing.EXPIRED and self._take_newer_token():
            self.say("trying the new credential")
        elif standing in (Standing.EXPIRED, Standing.FORBIDDEN):
            self.ask_login(self.desk.connection.cause)
        elif self._source is not None:
            self._source.wake()
            self.say("trying now")

    def do_pause(self) -> None:
        desk = self.desk
        if not desk.is_paused:
            desk.is_paused = True
            self.say("the picture is held still; p lets it go on")
        elif desk.go_on():
            self.begin_following()

    # Sessions

    def session_ended(self, cause: str) -> None:
        """An act was refused for want of a session; nothing of it is done again."""
        self.take_refusal(cause, expired=True)

    def ask_login(self, cause: str) -> None:
        """Ask once, however many refusals come."""
        from llmlb_tui.dialogs.session import SessionDialog

        if not any(isinstance(screen, SessionDialog) for screen in self.screen_stack):
            self.push_screen(SessionDialog(cause, is_first=self.desk.connection.heard_at_s is None))

    async def log_in(self, user: str, password: str) -> str:
        """Log in and go on; answers why not, "" when it worked."""
        try:
            login = await self.client.login(user, password)
        except LlmlbError as error:
            return error.message
        self.desk.introduce(user, login["user"]["role"])
        self.remember_login(str(login.get("token", "")), login.get("expires_in", 0))
        self.begin_following()
        return ""

    def remember_login(self, token: str, lifetime_s: float) -> None:
        """Keep the new session for the next console. Without a context it lasts as long as this one."""

    # Histories

    def fill_histories(self) -> None:
        """Ask for the router's ten points of the nodes on the screen, once each."""
        screen = self.screen_stack[-1] if self.screen_stack else None
        now_s = self.now_s()
        if self._is_filling or now_s - self._looked_at_s < FILL_EVERY_S or not isinstance(screen, FleetScreen):
            return
        if self.desk.standing(now_s) is not Standing.LIVE:
            return
        self._looked_at_s = now_s
        first, last = screen.rows.shown_range
        known = self.desk.state.histories
        shown = self.desk.selection.ids[max(0, first - 1) : last]
        stayed, self._looked_for = self._looked_for, frozenset(shown)
        wanted = [
            node_id
            for node_id in shown
            # In a fleet that moves, rows come and go: only those that stay are worth a request.
            if node_id in known and not known[node_id].is_complete and (not stayed or node_id in stayed)
        ]
        if wanted:
            self._is_filling = True
            self.spawn(self._fill(wanted[:FILLED_AT_ONCE]))

    async def _fill(self, node_ids: Sequence[str]) -> None:
        for node_id in node_ids:
            try:
                answer = await self.client.node_metrics(node_id)
            except LlmlbError:
                answer = {}  # what was seen here will do; it is not asked for again
            self.take_history(node_id, answer.get("history"))
        self._is_filling = False
