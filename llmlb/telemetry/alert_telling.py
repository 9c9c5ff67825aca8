"""How alerts reach people: the log at once, every sink at its own pace.

Telling never holds up the router, nor one sink the other. What waits is kept by alert, so a sink that does not answer
costs bounded memory and is told the present state, not the history, when it answers again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence

from llmlb.config.alerts import Severity
from llmlb.telemetry.alert import AlertChange, AlertChangeKind
from llmlb.telemetry.alert_sinks import AlertSink, SinkFailed

WAITING_ALERTS = 10_000
"""More than a full fleet's nodes have rules; only node ids that keep changing could make more."""

log = logging.getLogger(__name__)

_FIRED, _RESOLVED = AlertChangeKind.FIRED, AlertChangeKind.RESOLVED


def log_alerts(changes: Sequence[AlertChange]) -> None:
    """One log line per alert that fires or is over, unless it is silenced."""
    for change in changes:
        if change.is_silenced or change.kind not in (_FIRED, _RESOLVED):
            continue
        alert = change.alert
        fields = {"rule": alert.rule, "node_id": alert.node_id, "subject": alert.subject, "cause": alert.cause}
        if change.kind is _RESOLVED:
            log.info("alert is over", extra=fields)
            continue
        level = logging.ERROR if alert.severity is Severity.CRITICAL else logging.WARNING
        log.log(level, "alert fires", extra={**fields, "hint": alert.hint})


class AlertCourier:
    """Brings alerts to one sink. The owner of the run calls ``deliver`` over and over.

    severity: the least severe alert that the sink is told.  debounce_s: how long alerts are gathered, so that an
    outage of many nodes is one message, and what was over by then is none.
    """

    def __init__(
        self,
        sink: AlertSink,
        *,
        severity: Severity = Severity.WARNING,
        debounce_s: float = 0.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sink = sink
        self._severities = tuple(Severity)[tuple(Severity).index(severity) :]
        self._debounce_s = debounce_s
        self._sleep = sleep
        self._waiting: dict[str, AlertChange] = {}
        self._has_some = asyncio.Event()
        self._is_failing = False
        self.undelivered = 0
        """Alerts that the sink was not told since it last worked: it failed, or too many waited."""

    @property
    def name(self) -> str:
        return self._sink.name

    def tell(self, changes: Sequence[AlertChange]) -> None:
        """Note what the sink should hear of. Never waits, never fails."""
        for change in changes:
            if change.alert.severity in self._severities:
                self._note(change)
        if self._waiting:
            self._has_some.set()

    async def deliver(self) -> None:
        """Wait for alerts, gather more for a moment, and tell them. A failing sink is logged once until it works."""
        await self._has_some.wait()
        await self._sleep(self._debounce_s)
        batch = list(self._waiting.values())
        self._waiting.clear()
        self._has_some.clear()
        if not batch:
            return
        try:
            await self._sink.tell(batch)
        except SinkFailed as error:
            self._failed(len(batch), str(error))
        except Exception as error:  # noqa: BLE001 - a sink's own fault must not end the telling of alerts
            self._failed(len(batch), f"{type(error).__name__}: {error}", error)
        else:
            self._succeeded()

    def _note(self, change: AlertChange) -> None:
        waiting, key = self._waiting, change.alert.id
        if change.kind not in (_FIRED, _RESOLVED):
            return
        before = waiting.pop(key, None)
        if change.is_silenced or (before is not None and before.kind is not change.kind):
            # It fired and is over, or came back, before anybody was told: there is nothing left to say.
            return
        if len(waiting) >= WAITING_ALERTS:
            self.undelivered += 1
            return
        waiting[key] = change

    def _failed(self, alerts: int, cause: str, bug: Exception | None = None) -> None:
        if not self._is_failing:
            log.warning("alerts are not delivered", extra={"sink": self.name, "cause": cause}, exc_info=bug)
        self._is_failing = True
        self.undelivered += alerts

    def _succeeded(self) -> None:
        if self._is_failing:
            log.info("alerts are delivered again", extra={"sink": self.name, "undelivered": self.undelivered})
        self._is_failing = False
        self.undelivered = 0


class AlertTeller:
    """All who are told."""

    def __init__(self, couriers: Sequence[AlertCourier] = ()) -> None:
        self.couriers = tuple(couriers)

    def tell(self, changes: Sequence[AlertChange]) -> None:
        """Log the changes and hand them to every courier. Never waits."""
        log_alerts(changes)
        for courier in self.couriers:
            courier.tell(changes)

    def rounds(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """What the owner of the run has to keep going: a name and a round, for each sink."""
        for courier in self.couriers:
            yield f"alert {courier.name}", courier.deliver
