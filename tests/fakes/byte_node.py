"""A node as a process of its own, which does to every request what the request asks for.

``python -m fakes.byte_node NAME PORT CONTROL_PORT``. A request's body may hold ``"play"``: a list of steps by node
name, ``"*"`` for all others. A step is a word and its arguments, separated by colons:

    answer              a whole JSON answer            head                the head of a stream
    words:N[:GAP_S]     N numbered content events      finish              finish reason, usage, [DONE]
    end                 the last chunk                 bytes:TEXT          these bytes (Latin-1)
    status:CODE[:S]     an error, Retry-After S        event:TEXT          one event with this data
    sleep:S             a pause                        ping[:GAP_S]        comments until the other side goes
    hang                silence until it goes          mute                the connection loses what comes in
    close, reset        FIN, RST                       half_close          FIN, and goes on reading
    drip:GAP_S:TEXT     byte by byte                   close_later:S       close after S if idle by then
    chunk:TEXT          one chunk with this            flood:MB            so many megabytes of content
    flood_line:MB       one event that never ends      blob:BYTES          half of such a JSON answer
    die                 the process ends

Without a play it answers properly. It serves at any path, keeps every byte it received, and on the control port tells
them: GET /state, GET /requests; POST /clear, /deaf (the listener loses what comes in), /hear.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import socket
import struct
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

MAX_KEPT_BYTES = 4096
CHAT, MESSAGES = "chat", "messages"
_DROP_ALL = struct.pack("HBBI", 6, 0, 0, 0)  # BPF: return 0, keep nothing
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27
_filter = ctypes.create_string_buffer(_DROP_ALL)
_PROGRAM = struct.pack("HL", 1, ctypes.addressof(_filter))


@dataclass(slots=True)
class Heard:
    """One request as it came in. Instants are monotonic seconds, which all processes of the machine share."""

    connection: int
    head: str
    body: str
    body_bytes: int
    at_s: float
    ended: str = "running"
    """running, served, gone (the other side closed first), broke (a play broke it off)"""
    ended_at_s: float = 0.0


class Log:
    def __init__(self) -> None:
        self.requests: list[Heard] = []
        self.accepted = 0
        self.open: set[Connection] = set()

    def state(self) -> dict[str, Any]:
        running = sum(heard.ended == "running" for heard in self.requests)
        return {
            "accepted": self.accepted,
            "open": len(self.open),
            "requests": len(self.requests),
            "running": running,
            "pid": os.getpid(),
        }


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def whole(body: bytes, *, status: str = "200 OK", extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{extra}content-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def text_of(words: int) -> str:
    """What a complete answer of so many words says."""
    return "".join(f"w{number} " for number in range(words))


class Connection(asyncio.Protocol):
    """Serves one request after the other; a play that breaks the connection ends it."""

    def __init__(self, name: str, log: Log) -> None:
        self._name = name
        self._log = log
        self._buffer = b""
        self._task: asyncio.Task[None] | None = None
        self._heard: Heard | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._number = 0
        self._words = 0
        self._dialect = CHAT
        self._expects_end = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # listens for streams only
        self.transport = transport
        self._log.accepted += 1
        self._number = self._log.accepted
        self._log.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._log.open.discard(self)
        self._end("gone")
        self._may_write.set()
        if self._task is not None:
            self._task.cancel()

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._task is None:
            self._next()

    def _next(self) -> None:
        end = self._buffer.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        head = self._buffer[:end].decode("latin-1")
        found = head.lower().partition("\r\ncontent-length:")[2].partition("\r\n")[0].strip()
        length = int(found or 0)
        if len(self._buffer) < end + length:
            return
        body = self._buffer[end : end + length]
        self._buffer = self._buffer[end + length :]
        kept = body[:MAX_KEPT_BYTES].decode("latin-1")
        self._heard = Heard(self._number, head, kept, length, time.monotonic())
        if head.startswith("POST"):
            self._log.requests.append(self._heard)
        self._task = asyncio.get_running_loop().create_task(self._serve(head, body))
        self._task.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled():
            task.result()
            self._end("served")
            if not self.transport.is_closing():
                self._next()

    def _end(self, how: str) -> None:
        heard, self._heard = self._heard, None
        if heard is not None:
            heard.ended, heard.ended_at_s = how, time.monotonic()

    async def _serve(self, head: str, body: bytes) -> None:
        if head.startswith("GET"):
            models = [{"id": "any", "object": "model", "owned_by": "test"}]
            self.transport.write(whole(json.dumps({"object": "list", "data": models}).encode()))
            return
        try:
            asked = json.loads(body)
        except ValueError:
            asked = {}
        self._words = 0
        self._dialect = MESSAGES if "/messages" in head.split(" ", 2)[1] else CHAT
        plays = asked.get("play") or {}
        steps = plays.get(self._name, plays.get("*"))
        if steps is None:
            words = asked.get("max_tokens") or 8
            steps = ["head", f"words:{words}", "finish", "end"] if asked.get("stream") else [f"answer:{words}"]
        for step in steps:
            name, _, argument = step.partition(":")
            await getattr(self, f"_do_{name}")(argument)

    async def _write(self, data: bytes) -> None:
        if self.transport.is_closing():
            await asyncio.Event().wait()  # until connection_lost cancels this play
        self.transport.write(data)
        await self._may_write.wait()

    async def _do_answer(self, words: str) -> None:
        count = int(words or 8)
        usage = {"prompt_tokens": 7, "completion_tokens": count, "total_tokens": 7 + count}
        message = {"role": "assistant", "content": text_of(count)}
        answer: dict[str, Any] = {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": "any",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": usage,
        }
        await self._write(whole(json.dumps(answer).encode()))

    async def _do_head(self, _: str) -> None:
        await self._write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nset-cookie: node=1\r\nserver: node\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        if self._dialect == MESSAGES:
            message: dict[str, Any] = {
                "id": "m1",
                "type": "message",
                "role": "assistant",
                "content": [],
                "model": "any",
            }
            message |= {"stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 7, "output_tokens": 1}}
            await self._typed("message_start", {"message": message})
            block = {"type": "text", "text": ""}
            await self._typed("content_block_start", {"index": 0, "content_block": block})
        else:
            await self._chunk({"role": "assistant", "content": ""})

    async def _do_words(self, argument: str) -> None:
        count, _, gap_s = argument.partition(":")
        for _ in range(int(count)):
            if gap_s:
                await asyncio.sleep(float(gap_s))
            text = f"w{self._words} "
            self._words += 1
            if self._dialect == MESSAGES:
                delta = {"type": "text_delta", "text": text}
                await self._typed("content_block_delta", {"index": 0, "delta": delta})
            else:
                await self._chunk({"content": text})

    async def _do_finish(self, _: str) -> None:
        if self._dialect == MESSAGES:
            await self._typed("content_block_stop", {"index": 0})
            usage = {"output_tokens": self._words}
            await self._typed("message_delta", {"delta": {"stop_reason": "end_turn"}, "usage": usage})
            await self._typed("message_stop", {})
            return
        await self._chunk({}, finish="stop")
        usage = {"prompt_tokens": 7, "completion_tokens": self._words, "total_tokens": 7 + self._words}
        await self._data(json.dumps({"id": "c1", "object": "chat.completion.chunk", "choices": [], "usage": usage}))
        await self._data("[DONE]")

    async def _do_end(self, _: str) -> None:
        await self._write(b"0\r\n\r\n")

    async def _do_event(self, text: str) -> None:
        await self._data(text)

    async def _do_bytes(self, text: str) -> None:
        await self._write(text.encode("latin-1"))

    async def _do_chunk(self, text: str) -> None:
        await self._write(chunk(text.encode("latin-1")))

    async def _do_drip(self, argument: str) -> None:
        gap_s, _, text = argument.partition(":")
        for character in text:
            await asyncio.sleep(float(gap_s))
            await self._write(character.encode("latin-1"))

    async def _do_status(self, argument: str) -> None:
        code, _, rest_s = argument.partition(":")
        body = json.dumps({"error": {"message": "on purpose", "type": "server_error", "code": "test"}}).encode()
        extra = f"retry-after: {rest_s}\r\n" if rest_s else ""
        await self._write(whole(body, status=f"{code} Because", extra=extra))

    async def _do_flood(self, argument: str) -> None:
        choice = {"index": 0, "delta": {"content": "x" * 65_000}, "finish_reason": None}
        event = chunk(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())
        for _ in range(int(float(argument) * 16)):
            await self._write(event)

    async def _do_flood_line(self, argument: str) -> None:
        await self._write(chunk(b"data: "))
        for _ in range(int(float(argument) * 16)):
            await self._write(chunk(b"x" * 65_000))

    async def _do_blob(self, argument: str) -> None:
        size = int(argument)
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n\r\n"
        await self._write(head.encode() + b" " * (size // 2))

    async def _do_sleep(self, seconds: str) -> None:
        await asyncio.sleep(float(seconds))

    async def _do_ping(self, gap_s: str) -> None:
        while True:
            await asyncio.sleep(float(gap_s or 0.1))
            await self._write(chunk(b": still here\n\n"))

    async def _do_hang(self, _: str) -> None:
        await asyncio.Event().wait()

    async def _do_mute(self, _: str) -> None:
        mute(self.transport.get_extra_info("socket"))

    async def _do_close(self, _: str) -> None:
        self._end("broke")
        self.transport.close()

    async def _do_close_later(self, seconds: str) -> None:
        asyncio.get_running_loop().call_later(float(seconds), self._close_if_idle)

    def _close_if_idle(self) -> None:
        if self._task is None:
            self.transport.close()

    async def _do_half_close(self, _: str) -> None:
        self._end("broke")
        self.transport.write_eof()
        await asyncio.Event().wait()

    async def _do_reset(self, _: str) -> None:
        self._end("broke")
        handle = self.transport.get_extra_info("socket")
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    async def _do_die(self, _: str) -> None:
        os._exit(70)

    async def _chunk(self, delta: dict[str, str], *, finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        await self._data(
            json.dumps(
                {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "any", "choices": [choice]}
            )
        )

    async def _data(self, text: str) -> None:
        await self._write(chunk(f"data: {text}\n\n".encode()))

    async def _typed(self, kind: str, event: dict[str, Any]) -> None:
        await self._write(chunk(f"event: {kind}\ndata: {json.dumps({'type': kind} | event)}\n\n".encode()))


def mute(handle: socket.socket) -> None:
    """Let the kernel drop whatever arrives for this socket, unacknowledged: a peer behind a dead switch."""
    handle.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, _PROGRAM)


def unmute(handle: socket.socket) -> None:
    handle.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)


class Control(asyncio.Protocol):
    """One request, one answer, close."""

    def __init__(self, log: Log, listener: socket.socket) -> None:
        self._log = log
        self._listener = listener

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # listens for streams only
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        path = data.split(b" ", 2)[1].decode()
        answer: object = {}
        match path:
            case "/state":
                answer = self._log.state()
            case "/requests":
                answer = [asdict(heard) for heard in self._log.requests]
            case "/clear":
                self._log.requests.clear()
            case "/deaf":
                mute(self._listener)
            case "/hear":
                unmute(self._listener)
        self.transport.write(whole(json.dumps(answer).encode(), extra="connection: close\r\n"))
        self.transport.close()


async def serve(name: str, port: int, control_port: int) -> None:
    loop = asyncio.get_running_loop()
    log = Log()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(1024)
    listener.setblocking(False)
    await loop.create_server(lambda: Control(log, listener), "127.0.0.1", control_port)
    await loop.create_server(lambda: Connection(name, log), sock=listener)
    await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
