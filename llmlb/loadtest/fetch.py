"""One small request outside of the measurement: the list of models, the list of nodes, a temporary key."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from llmlb.errors import ClientError, RouterRefused, RouterUnreachable
from llmlb.loadtest.connection import DialFailed, Pool
from llmlb.loadtest.target import Target
from llmlb.loadtest.taxonomy import Ending
from llmlb.loadtest.text import plain

MAX_BODY_BYTES = 8 << 20
TIMEOUT_S = 15.0


@dataclass(slots=True)
class _Reply:
    """The receiver of one whole response."""

    done: asyncio.Future[None]
    status: int = 0
    body_bytes: bytes = b""
    fault: str = ""
    is_over: bool = False

    def head(self, status: int, headers: dict[bytes, bytes], *, now_ns: int) -> None:
        self.status = status

    def body(self, data: bytes, *, now_ns: int) -> None:
        if len(self.body_bytes) + len(data) > MAX_BODY_BYTES:
            self._end("its answer is larger than 8 MiB")
            return
        self.body_bytes += data

    def complete(self, *, now_ns: int) -> None:
        self._end("")

    def fail(self, ending: Ending, detail: str, *, now_ns: int) -> None:
        self._end(detail)

    def lost(self, detail: str, *, now_ns: int) -> None:
        self._end(detail)

    def _end(self, fault: str) -> None:
        if not self.is_over:
            self.is_over = True
            self.fault = fault
            if not self.done.done():
                self.done.set_result(None)


async def fetch(target: Target, method: str, path: str, *, body: object = None, timeout_s: float = TIMEOUT_S) -> object:
    """The decoded JSON answer, None where there is none.

    Raises RouterUnreachable, RouterRefused for a status other than 2xx, ClientError for what is not JSON.
    """
    sent = b"" if body is None else json.dumps(body).encode()
    fields = f"Content-Type: application/json\r\nAccept: application/json\r\nContent-Length: {len(sent)}\r\n\r\n"
    request = target.head(path, method=method) + fields.encode() + sent
    pool = Pool(target, connect_timeout_s=min(5.0, timeout_s))
    reply = _Reply(asyncio.get_running_loop().create_future())
    try:
        connection = await pool.dial()
        connection.send(reply, request)
        async with asyncio.timeout(timeout_s):
            await reply.done
    except DialFailed as failed:
        raise RouterUnreachable(f"cannot reach {target.url} ({failed.detail})") from None
    except TimeoutError:
        raise RouterUnreachable(f"{target.url} did not answer {path} within {timeout_s:g} s") from None
    finally:
        await pool.aclose()
    return _decoded(target, path, reply)


def _decoded(target: Target, path: str, reply: _Reply) -> object:
    if reply.fault:
        raise RouterUnreachable(f"{target.url} broke off its answer to {path}: {reply.fault}")
    try:
        value: object = json.loads(reply.body_bytes) if reply.body_bytes else None
    except (ValueError, RecursionError):
        value = None
        if 200 <= reply.status < 300:
            raise ClientError(f"{target.url}{path} did not answer with JSON; is this an OpenAI API?") from None
    if not 200 <= reply.status < 300:
        message, code = _refusal(value)
        raise RouterRefused(f"{path}: HTTP {reply.status} {message}".rstrip(), status=reply.status, code=code)
    return value


def _refusal(value: object) -> tuple[str, str]:
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, dict):
        return plain(str(error.get("message") or "")), plain(str(error.get("code") or ""), limit=64)
    return plain(str(error or "")), ""
