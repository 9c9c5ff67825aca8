from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import httpx
import pytest

from llmlb.config.alerts import Severity
from llmlb.core.node import NodeId
from llmlb.telemetry.alert import Alert, AlertChange, AlertChangeKind
from llmlb.telemetry.alert_sinks import (
    MAX_BATCH,
    MAX_COMPLAINT_BYTES,
    CommandSink,
    SinkFailed,
    WebhookSink,
    message_of,
)

FIRED, RESOLVED = AlertChangeKind.FIRED, AlertChangeKind.RESOLVED
URL = "http://pager.test/hook"


def change(kind: AlertChangeKind = FIRED, *, node_id: str = "node-1") -> AlertChange:
    alert = Alert("a1", "node_offline", Severity.CRITICAL, node_id, NodeId(node_id), "silent", "Look.", 1.0)
    return AlertChange(kind, alert)


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


def test_the_message_names_change_cause_and_hint() -> None:
    [alert] = json.loads(json.dumps(message_of([change(RESOLVED)])))["alerts"]
    assert (alert["change"], alert["cause"], alert["hint"]) == ("resolved", "silent", "Look.")


def test_an_outage_of_everything_is_one_bounded_message() -> None:
    message = message_of([change(node_id=f"node-{number}") for number in range(MAX_BATCH + 7)])
    assert isinstance(message["alerts"], list)
    assert (len(message["alerts"]), message["omitted"]) == (MAX_BATCH, 7)


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


def test_a_webhook_that_does_not_answer_is_given_up_in_time() -> None:
    async def silent(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    sink = WebhookSink(URL, timeout_s=0.01, attempts=2, pause_s=0.0, transport=httpx.MockTransport(silent))
    with pytest.raises(SinkFailed, match=r"no answer within 0\.01 s"):
        asyncio.run(sink.tell([change()]))


def test_a_webhook_whose_answer_has_no_end_has_been_told() -> None:
    posts: list[bytes] = []
    ended = asyncio.Event()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        posts.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        await reader.read()
        writer.close()
        ended.set()

    async def story() -> None:
        async with await asyncio.start_server(endless, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await WebhookSink(f"http://127.0.0.1:{port}/hook", timeout_s=20.0).tell([change()])
            await ended.wait()

    asyncio.run(story())
    assert [json.loads(post) for post in posts] == [message_of([change()])]


def python(code: str, *arguments: str, timeout_s: float = 20.0) -> CommandSink:
    return CommandSink((sys.executable, "-c", code, *arguments), timeout_s=timeout_s)


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
