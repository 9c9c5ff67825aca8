"""The console that writes down what it is told: the usual one, with somebody who listens in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmlb.client.sse import ServerEvent
from llmlb_tui.app import ConsoleApp
from llmlb_tui.desk import Desk
from llmlb_tui.recording import Recorder


class RecordingApp(ConsoleApp):
    """Everything that enters the model is written as it enters; what the operator does is not."""

    def __init__(self, desk: Desk, *, recorder: Recorder, **options: Any) -> None:
        super().__init__(desk, **options)
        self._recorder = recorder
        self._recorded_desk = desk
        desk.is_recording = True
        recorder.router(desk.identity, desk.interval_s)

    def take_look(self) -> bool:
        found = None if self._look is None else self._look.found
        is_over = super().take_look()
        if found is not None and self.desk.state is found.state:
            self._recorder.event("snapshot", found.data, found.id, now_s=found.at_s)
        return is_over

    def begin_following(self, last_id: str | None = None) -> None:
        self._recorder.hide(self.client.token)
        if self.desk is not self._recorded_desk:
            self._recorded_desk = self.desk
            self.desk.is_recording = not self._recorder.trouble
            self._recorder.router(self.desk.identity, self.desk.interval_s)
        super().begin_following(last_id)

    def tick(self) -> None:
        if self.desk.is_recording and self._recorder.trouble:
            self.desk.is_recording = False
            self.note("failed", f"nothing more is recorded: {self._recorder.trouble}", subject="recording")
            self.say(f"nothing more is recorded: {self._recorder.trouble}", trouble=True)
        super().tick()

    async def on_unmount(self) -> None:
        await super().on_unmount()
        self._recorder.close()

    # What the console is told

    def take_events(self, events: Sequence[ServerEvent]) -> None:
        now_s = self.now_s()
        for event in events:
            self._recorder.event(event.type, event.data, event.id, now_s=now_s)
        super().take_events(events)

    def take_poll(self, snapshot: object) -> None:
        self._recorder.poll(snapshot)
        super().take_poll(snapshot)

    def take_caller(self, user: str, role: str) -> None:
        self._recorder.caller(user, role)
        super().take_caller(user, role)

    def take_loss(self, cause: str, retry_in_s: float) -> None:
        self._recorder.loss(cause, retry_in_s)
        super().take_loss(cause, retry_in_s)

    def take_refusal(self, cause: str, *, expired: bool) -> None:
        super().take_refusal(cause, expired=expired)
        connection = self.desk.connection
        if connection.is_expired or connection.is_forbidden:
            self._recorder.refusal(cause, expired=expired)
        else:
            # It goes on with another credential, which must not reach the file either.
            self._recorder.hide(self.client.token)

    def take_past(self, events: object, upto_id: str) -> None:
        self._recorder.past(events, upto_id)
        super().take_past(events, upto_id)

    def take_history(self, node_id: str, points: object) -> None:
        self._recorder.history(node_id, points)
        super().take_history(node_id, points)

    def take_alerts(self, alerts: object) -> None:
        self._recorder.alerts(alerts)
        super().take_alerts(alerts)

    def note(self, kind: str, cause: str, *, subject: str) -> None:
        self._recorder.note(kind, cause, subject)
        super().note(kind, cause, subject=subject)
