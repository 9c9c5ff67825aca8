"""Who is told about alerts: the log, a webhook, a command of the operator's.

Alerts that change together are told together, so an outage of many nodes is one message. Telling never holds up the
router: batches wait in a short queue, and a sink that does not answer is given up after a few tries.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from llmlb import __version__
from llmlb.telemetry.alert import AlertChange, AlertChangeKind
from llmlb.telemetry.alert_rules import Severity

if TYPE_CHECKING:
    import httpx

WAITING_BATCHES = 100
MAX_BATCH = 200
"""Alerts in one message; the message counts the rest."""
MAX_COMPLAINT_BYTES = 2_000

log = logging.getLogger(__name__)


class AlertSink(Protocol):
    """Somebody to tell. ``tell`` raises ``SinkFailed`` when it could not."""

    async def tell(self, changes: Sequence[AlertChange]) -> None: ...


class SinkFailed(Exception):
    """The alert could not be delivered."""


def message_of(changes: Sequence[AlertChange]) -> dict[str, object]:
    """What a webhook and a command are given, as JSON: ``{"source", "version", "omitted", "alerts": [...]}``.

    Each alert has ``change`` (fired, resolved) beside its own fields. omitted: alerts beyond the first 200.
    """
    alerts = [{"change": change.kind.value, **change.alert.fields()} for change in changes[:MAX_BATCH]]
    return {
        "source": "llmlb",
        "version": __version__,
        "omitted": max(0, len(changes) - MAX_BATCH),
        "alerts": alerts,
    }


class LogSink:
    """One log line per alert."""

    async def tell(self, changes: Sequence[AlertChange]) -> None:
        for change in changes:
            alert = change.alert
            fields = {"rule": alert.rule, "node_id": alert.node_id, "subject": alert.subject, "cause": alert.cause}
            if change.kind is AlertChangeKind.RESOLVED:
                log.info("alert is over", extra=fields)
                continue
            level = logging.ERROR if alert.severity is Severity.CRITICAL else logging.WARNING
            log.log(level, "alert fires", extra={**fields, "hint": alert.hint})


@dataclass(frozen=True, slots=True)
class WebhookSink:
    """POSTs the message as JSON. Redirects are not followed: they would turn the POST into something else.

    attempts: tries in all, each with its own timeout; a 4xx other than 408 and 429 is not tried again.
    """

    url: str
    timeout_s: float = 5.0
    attempts: int = 3
    pause_s: float = 1.0
    transport: httpx.AsyncBaseTransport | None = None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def tell(self, changes: Sequence[AlertChange]) -> None:
        # Heavy, and most routers have no webhook.
        import httpx

        body = json.dumps(message_of(changes)).encode()
        headers = {"content-type": "application/json", "user-agent": f"llmlb/{__version__}"}
        problem = ""
        async with httpx.AsyncClient(timeout=self.timeout_s, transport=self.transport) as client:
            for attempt in range(self.attempts):
                if attempt:
                    await self.sleep(self.pause_s * 2 ** (attempt - 1))
                try:
                    response = await client.post(self.url, content=body, headers=headers)
                except httpx.HTTPError as error:
                    problem = str(error) or type(error).__name__
                    continue
                if response.is_success:
                    return
                problem = f"it answered {response.status_code}"
                if response.status_code < 500 and response.status_code not in (408, 429):
                    break
        raise SinkFailed(f"the alert webhook failed: {problem}")


@dataclass(frozen=True, slots=True)
class CommandSink:
    """Runs a command, without a shell, with the message as JSON on its standard input.

    Its environment is the router's without the router's own variables, which may hold secrets. It is killed, with
    whatever it started, when ``timeout_s`` is over.
    """

    argv: tuple[str, ...]
    timeout_s: float = 10.0

    async def tell(self, changes: Sequence[AlertChange]) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                *self.argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env=_public_environment(os.environ),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise SinkFailed(f"the alert command does not start: {error}") from error
        message = json.dumps(message_of(changes)).encode()
        has_ended = False
        try:
            async with asyncio.timeout(self.timeout_s):
                complaint, _ = await asyncio.gather(_first_words(process), _feed(process, message))
                await process.wait()
                has_ended = True
        except TimeoutError:
            raise SinkFailed(f"the alert command was stopped after {self.timeout_s:g} s") from None
        finally:
            if not has_ended:
                await _kill(process)
        if process.returncode:
            raise SinkFailed(f"the alert command failed with status {process.returncode}: {complaint}")


class AlertTeller:
    """Takes alert changes and tells every sink, one batch after the other. The owner of the run keeps ``run`` going."""

    def __init__(self, sinks: Sequence[AlertSink]) -> None:
        self._sinks = tuple(sinks)
        self._batches: asyncio.Queue[list[AlertChange]] = asyncio.Queue(WAITING_BATCHES)
        self.dropped = 0
        """Batches that found the queue full."""

    def tell(self, changes: Sequence[AlertChange]) -> None:
        """Queue what people want to hear of: alerts that fire or are over, and are not silenced. Never waits."""
        audible = (AlertChangeKind.FIRED, AlertChangeKind.RESOLVED)
        batch = [change for change in changes if change.kind in audible and not change.is_silenced]
        if not batch:
            return
        try:
            self._batches.put_nowait(batch)
        except asyncio.QueueFull:
            self.dropped += 1

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            await self.tell_next()

    async def tell_next(self) -> None:
        """Wait for a batch and tell all sinks at once; one that fails is logged and does not keep the others."""
        batch = await self._batches.get()
        outcomes = await asyncio.gather(*(sink.tell(batch) for sink in self._sinks), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, SinkFailed):
                log.warning("alert not delivered", extra={"cause": str(outcome)})
            elif isinstance(outcome, Exception):
                # A sink's own fault must not end the telling of alerts.
                log.error("alert sink broke", exc_info=outcome)


def _public_environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith(("LLMLB_", "XLLM_"))}


async def _feed(process: asyncio.subprocess.Process, message: bytes) -> None:
    assert process.stdin is not None
    # A command that does not care for the details may have closed its input.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(message)
        await process.stdin.drain()
    process.stdin.close()


async def _first_words(process: asyncio.subprocess.Process) -> str:
    """What it complains of, as far as a log line holds; the rest is read and thrown away."""
    assert process.stderr is not None
    words = b""
    while chunk := await process.stderr.read(65_536):
        words = (words + chunk)[:MAX_COMPLAINT_BYTES]
    return words.decode("utf-8", "replace").strip()


async def _kill(process: asyncio.subprocess.Process) -> None:
    """Leave nothing behind: neither the command nor what it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
