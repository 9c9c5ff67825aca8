"""Who is told about alerts besides the log: a webhook, a command of the operator's.

What each of them is given is one JSON message, however many alerts it is about.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from llmlb import __version__
from llmlb.telemetry.alert import AlertChange

if TYPE_CHECKING:
    import httpx

MAX_BATCH = 200
"""Alerts in one message; the message counts the rest."""
MAX_COMPLAINT_BYTES = 2_000


class AlertSink(Protocol):
    """Somebody to tell. ``tell`` raises ``SinkFailed`` when it could not."""

    @property
    def name(self) -> str:
        """What the log calls it; never a secret."""

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


class WebhookSink:
    """POSTs the message as JSON. Redirects are not followed: they would turn the POST into something else.

    timeout_s: of each try, as a whole.  attempts: tries in all; a 4xx other than 408 and 429 is not tried again.
    """

    name = "webhook"

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 10.0,
        attempts: int = 3,
        pause_s: float = 1.0,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        # Both take a tenth of a second, which must not happen in the middle of somebody's stream.
        import httpx

        self._tls = httpx.create_ssl_context()
        self._url = url
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._pause_s = pause_s
        self._transport = transport
        self._sleep = sleep

    async def tell(self, changes: Sequence[AlertChange]) -> None:
        body = json.dumps(message_of(changes)).encode()
        problem = ""
        for attempt in range(self._attempts):
            if attempt:
                await self._sleep(self._pause_s * 2 ** (attempt - 1))
            problem, may_retry = await self._post(body)
            if not problem:
                return
            if not may_retry:
                break
        raise SinkFailed(f"the alert webhook failed: {problem}")

    async def _post(self, body: bytes) -> tuple[str, bool]:
        """What went wrong, "" if nothing, and whether it may go better the next time."""
        import httpx

        headers = {"content-type": "application/json", "user-agent": f"llmlb/{__version__}"}
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                httpx.AsyncClient(timeout=self._timeout_s, verify=self._tls, transport=self._transport) as client,
                client.stream("POST", self._url, content=body, headers=headers) as response,
            ):
                # The body is nobody's concern, and might never end.
                status = response.status_code
        except TimeoutError:
            return f"no answer within {self._timeout_s:g} s", True
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return str(error) or type(error).__name__, True
        if 200 <= status < 300:
            return "", False
        return f"it answered {status}", status >= 500 or status in (408, 429)


class CommandSink:
    """Runs a command, without a shell, with the message as JSON on its standard input.

    Its environment is the router's without the router's own variables, which may hold secrets. It is killed, with
    whatever it started, when ``timeout_s`` is over.
    """

    name = "command"

    def __init__(self, argv: Sequence[str], *, timeout_s: float = 10.0) -> None:
        self._argv = tuple(argv)
        self._timeout_s = timeout_s

    async def tell(self, changes: Sequence[AlertChange]) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._argv,
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
            async with asyncio.timeout(self._timeout_s):
                complaint, _ = await asyncio.gather(_first_words(process), _feed(process, message))
                await process.wait()
                has_ended = True
        except TimeoutError:
            raise SinkFailed(f"the alert command was stopped after {self._timeout_s:g} s") from None
        finally:
            if not has_ended:
                await _kill(process)
        if process.returncode:
            raise SinkFailed(f"the alert command failed with status {process.returncode}: {complaint}")


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
