from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import pytest

from llmlb.core.node import NodeId
from llmlb.telemetry.alert import Alert, AlertChange, AlertChangeKind
from llmlb.telemetry.alert_rules import Severity
from llmlb.telemetry.alert_sinks import (
    MAX_BATCH,
    MAX_COMPLAINT_BYTES,
    WAITING_BATCHES,
    AlertTeller,
    CommandSink,
    LogSink,
    SinkFailed,
    WebhookSink,
    message_of,
)

FIRED, RESOLVED = AlertChangeKind.FIRED, AlertChangeKind.RESOLVED
URL = "http://pager.test/hook"


def change(
    kind: AlertChangeKind = FIRED,
    *,
    node_id: str = "node-1",
    silenced: bool = False,
    severity: Severity = Severity.CRITICAL,
) -> AlertChange:
    alert = Alert("a1", "node_offline", severity, node_id, NodeId(node_id), "silent", "Look.", 1.0)
    return AlertChange(kind, alert, is_silenced=silenced)


class Pager:
    """Answers posts with the statuses of a list; an exception in it is raised."""

    def __init__(self, *answers: int | Exception) -> None:
        self.posts: list[httpx.Request] = []
        self.pauses_s: list[float] = []
        self._answers = list(answers)

    def sink(self) -> WebhookSink:
        return WebhookSink(URL, transport=httpx.MockTransport(self._answer), sleep=self._sleep)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.posts.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, headers={"location": "http://elsewhere.test/"})

    async def _sleep(self, pause_s: float) -> None:
        self.pauses_s.append(pause_s)


class Listener:
    """A sink that remembers, or fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.heard: list[list[AlertChange]] = []
        self._failure = failure

    async def tell(self, changes: Sequence[AlertChange]) -> None:
        if self._failure is not None:
            raise self._failure
        self.heard.append(list(changes))


def test_the_message_names_change_cause_and_hint() -> None:
    [alert] = json.loads(json.dumps(message_of([change(RESOLVED)])))["alerts"]
    assert (alert["change"], alert["cause"], alert["hint"]) == ("resolved", "silent", "Look.")


def test_an_outage_of_everything_is_one_bounded_message() -> None:
    message = message_of([change(node_id=f"node-{number}") for number in range(MAX_BATCH + 7)])
    assert isinstance(message["alerts"], list)
    assert (len(message["alerts"]), message["omitted"]) == (MAX_BATCH, 7)


def test_the_log_tells_severity_by_its_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    asyncio.run(LogSink().tell([change(), change(severity=Severity.WARNING), change(RESOLVED)]))
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING", "INFO"]
    assert caplog.records[0].__dict__["hint"] == "Look."


def test_a_webhook_gets_the_message_once() -> None:
    pager = Pager(204)
    asyncio.run(pager.sink().tell([change()]))
    [post] = pager.posts
    assert (post.method, str(post.url), post.headers["content-type"]) == ("POST", URL, "application/json")
    assert json.loads(post.content) == message_of([change()])


def test_a_webhook_that_is_down_is_tried_again_with_growing_pauses() -> None:
    pager = Pager(httpx.ConnectError("refused"), 503, 200)
    asyncio.run(pager.sink().tell([change()]))
    assert pager.pauses_s == [1.0, 2.0]


def test_a_webhook_that_stays_down_is_given_up() -> None:
    pager = Pager(500, 502, httpx.ReadTimeout(""))
    with pytest.raises(SinkFailed, match="ReadTimeout"):
        asyncio.run(pager.sink().tell([change()]))
    assert len(pager.posts) == 3


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (302, 1), (429, 3), (408, 3)])
def test_a_webhook_that_does_not_want_the_message_is_not_asked_again(status: int, tries: int) -> None:
    pager = Pager(*[status] * 3)
    with pytest.raises(SinkFailed, match=f"it answered {status}"):
        asyncio.run(pager.sink().tell([change()]))
    assert len(pager.posts) == tries


def python(code: str, *arguments: str, timeout_s: float = 20.0) -> CommandSink:
    return CommandSink((sys.executable, "-c", code, *arguments), timeout_s)


def test_a_command_reads_the_message_and_sees_no_secret_of_the_router(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMLB_JWT_SECRET", "deep-secret")
    monkeypatch.setenv("PAGER_ROOM", "ops")
    told = tmp_path / "told"
    code = "import os,sys,json; open(sys.argv[1],'w').write(json.dumps([sys.stdin.read(), dict(os.environ)]))"
    asyncio.run(python(code, str(told)).tell([change()]))
    message, environment = json.loads(told.read_text())
    assert json.loads(message) == message_of([change()])
    assert environment["PAGER_ROOM"] == "ops"
    assert "LLMLB_JWT_SECRET" not in environment


def test_a_command_that_fails_is_quoted() -> None:
    with pytest.raises(SinkFailed, match="status 3: no route to pager"):
        asyncio.run(python("import sys; sys.stderr.write('no route to pager'); sys.exit(3)").tell([change()]))


def test_a_command_that_complains_without_end_does_not_fill_memory() -> None:
    code = "import sys; sys.stderr.write('x' * 5_000_000); sys.exit(1)"
    with pytest.raises(SinkFailed) as failure:
        asyncio.run(python(code).tell([change()]))
    assert len(str(failure.value)) < MAX_COMPLAINT_BYTES + 100


def test_a_command_that_ignores_its_input_has_not_failed() -> None:
    big = [change(node_id=f"node-{number}") for number in range(MAX_BATCH)]
    asyncio.run(python("import os; os.close(0)").tell(big))


def test_a_command_that_hangs_is_stopped_with_what_it_started(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    child = "import os,sys,time; os.write(3, b'x'); time.sleep(600)"
    # The child holds the write end of a pipe: end of file at our end says that it is gone.
    code = (
        "import os,sys,subprocess,time; fd = os.open(sys.argv[1], os.O_WRONLY);"
        "os.dup2(fd, 3); subprocess.Popen([sys.executable, '-c', sys.argv[2]], pass_fds=[3]); time.sleep(600)"
    )
    import os

    os.mkfifo(alive)
    reading = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(SinkFailed, match="stopped after 2 s"):
            asyncio.run(python(code, str(alive), child, timeout_s=2.0).tell([change()]))
        os.set_blocking(reading, True)
        read = b""
        while chunk := os.read(reading, 100):
            read += chunk
        assert read == b"x"
    finally:
        os.close(reading)


def test_a_command_that_does_not_exist_is_named() -> None:
    with pytest.raises(SinkFailed, match="does not start"):
        asyncio.run(CommandSink(("/nonexistent/pager",)).tell([change()]))


def told(sinks: Sequence[Listener], act: Callable[[AlertTeller], None]) -> AlertTeller:
    async def story() -> AlertTeller:
        teller = AlertTeller(sinks)
        act(teller)
        await asyncio.wait_for(teller.tell_next(), 5)
        return teller

    return asyncio.run(story())


def test_only_what_people_want_to_hear_is_told() -> None:
    listener = Listener()
    audible = [change(), change(RESOLVED)]
    ignored = [change(silenced=True), change(AlertChangeKind.ACKNOWLEDGED), change(AlertChangeKind.SILENCED)]
    told([listener], lambda teller: teller.tell([*audible, *ignored]))
    assert listener.heard == [audible]


@pytest.mark.parametrize("failure", [SinkFailed("down"), RuntimeError("a bug")])
def test_a_sink_that_fails_is_logged_and_does_not_keep_the_others(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    listener = Listener()
    told([Listener(failure), listener], lambda teller: teller.tell([change()]))
    assert len(listener.heard) == 1
    assert len(caplog.records) == 1


def test_a_sink_that_stalls_costs_bounded_memory() -> None:
    teller = AlertTeller([Listener()])
    for _ in range(WAITING_BATCHES + 5):
        teller.tell([change()])
    assert teller.dropped == 5


def test_telling_goes_on_until_cancelled() -> None:
    async def story() -> list[list[AlertChange]]:
        listener = Listener()
        teller = AlertTeller([listener])
        task = asyncio.create_task(teller.run())
        for _ in range(3):
            teller.tell([change()])
        while len(listener.heard) < 3:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return listener.heard

    assert len(asyncio.run(story())) == 3
