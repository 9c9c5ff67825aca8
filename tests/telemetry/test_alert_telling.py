from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import pytest

from llmlb.config.alerts import Severity
from llmlb.core.node import NodeId
from llmlb.telemetry import alert_telling
from llmlb.telemetry.alert import Alert, AlertChange, AlertChangeKind
from llmlb.telemetry.alert_sinks import SinkFailed
from llmlb.telemetry.alert_telling import AlertCourier, AlertTeller, log_alerts

FIRED, RESOLVED = AlertChangeKind.FIRED, AlertChangeKind.RESOLVED
ACKNOWLEDGED, SILENCED = AlertChangeKind.ACKNOWLEDGED, AlertChangeKind.SILENCED


def change(
    kind: AlertChangeKind = FIRED, alert_id: str = "a1", *, silenced: bool = False, severity: str = "critical"
) -> AlertChange:
    alert = Alert(alert_id, "node_offline", Severity(severity), "n", NodeId("n"), "silent", "Look.", 1.0)
    return AlertChange(kind, alert, is_silenced=silenced)


class Listener:
    """A sink that remembers; it raises what its list of failures holds first."""

    name = "listener"

    def __init__(self, *failures: Exception) -> None:
        self.heard: list[list[AlertChange]] = []
        self._failures = list(failures)

    async def tell(self, changes: Sequence[AlertChange]) -> None:
        if self._failures:
            raise self._failures.pop(0)
        self.heard.append(list(changes))


def play(story: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(story(), 5)

    asyncio.run(bounded())


def test_the_log_tells_at_once_what_people_want_to_hear(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    unheard = [change(silenced=True), change(ACKNOWLEDGED), change(SILENCED)]
    log_alerts([change(), change(severity="warning"), change(RESOLVED), *unheard])
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING", "INFO"]
    assert caplog.records[0].__dict__["hint"] == "Look."


def test_an_outage_is_one_message_and_what_was_over_by_then_is_none() -> None:
    listener, slept_s = Listener(), list[float]()
    late = [change(RESOLVED, "a1"), change(FIRED, "a3")]

    async def sleep(seconds: float) -> None:
        slept_s.append(seconds)
        courier.tell(late)

    courier = AlertCourier(listener, debounce_s=5.0, sleep=sleep)

    async def story() -> None:
        courier.tell([change(FIRED, "a1"), change(FIRED, "a2")])
        await courier.deliver()

    play(story)
    assert (listener.heard, slept_s) == ([[change(FIRED, "a2"), change(FIRED, "a3")]], [5.0])


@pytest.mark.parametrize(
    "story", [[change(), change(RESOLVED)], [change(RESOLVED), change()], [change(), change(silenced=True)]]
)
def test_what_came_to_nothing_is_not_told(story: list[AlertChange]) -> None:
    listener = Listener()
    courier = AlertCourier(listener)

    async def tell() -> None:
        for each in story:
            courier.tell([each])
        await courier.deliver()
        courier.tell([change(alert_id="next")])
        await courier.deliver()

    play(tell)
    assert listener.heard == [[change(alert_id="next")]]


def test_only_alerts_that_are_severe_enough_are_told() -> None:
    everything, worst = Listener(), Listener()
    teller = AlertTeller([AlertCourier(everything), AlertCourier(worst, severity=Severity.CRITICAL)])

    async def story() -> None:
        teller.tell([change(severity="warning"), change(alert_id="a2"), change(ACKNOWLEDGED, "a3")])
        for _, one_round in teller.rounds():
            await one_round()

    play(story)
    assert [[len(batch) for batch in listener.heard] for listener in (everything, worst)] == [[2], [1]]


def test_a_sink_that_fails_is_logged_once_and_again_when_it_works(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    listener = Listener(SinkFailed("down"), SinkFailed("down"), RuntimeError("a bug"))
    courier = AlertCourier(listener)

    async def story() -> None:
        for number in range(5):
            courier.tell([change(alert_id=str(number))])
            await courier.deliver()

    play(story)
    told = [(record.getMessage(), record.__dict__.get("undelivered")) for record in caplog.records]
    assert told == [("alerts are not delivered", None), ("alerts are delivered again", 3)]
    assert [batch[0].alert.id for batch in listener.heard] == ["3", "4"]


def test_a_bug_of_a_sink_leaves_its_traceback_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    courier = AlertCourier(Listener(RuntimeError("a bug")))

    async def story() -> None:
        courier.tell([change()])
        await courier.deliver()

    play(story)
    [record] = caplog.records
    assert record.exc_info is not None


def test_a_sink_that_stalls_keeps_nobody_and_costs_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_telling, "WAITING_ALERTS", 3)
    quick = Listener()

    async def stall(_: float) -> None:
        await asyncio.Event().wait()

    stalled = AlertCourier(Listener(), sleep=stall)
    teller = AlertTeller([stalled, AlertCourier(quick)])

    async def story() -> None:
        tasks = [asyncio.ensure_future(one_round()) for _, one_round in teller.rounds()]
        teller.tell([change(alert_id=str(number)) for number in range(5)])
        await tasks[1]
        tasks[0].cancel()
        await asyncio.gather(tasks[0], return_exceptions=True)

    play(story)
    assert (len(quick.heard), stalled.undelivered) == (1, 2)
