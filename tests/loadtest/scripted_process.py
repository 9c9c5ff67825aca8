"""Runs a scripted server in a process of its own, so that it does not share its clock with the client.

``spread PORT``: waits of a known distribution.  ``firehose PORT STREAMS RATE EVENTS``: a fixed number of events per
second over all streams. Prints its URL when it listens.
"""

from __future__ import annotations

import asyncio
import random
import sys

from loadtest.scripted import Chat, Request, Server, chunk, head, whole

EVENT = chunk(
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m",'
    b'"choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}\n\n'
)


def spread(request: Request) -> Chat:
    """First tokens after 100 to 300 ms, gaps of 5 to 25 ms; the same for the same request number."""
    rng = random.Random(request.number)
    return Chat(ttft_s=rng.uniform(0.1, 0.3), gaps_s=[rng.uniform(0.005, 0.025) for _ in range(10)])


async def serve_spread(port: int) -> None:
    server = Server(spread)
    print(await server.start(port=port), flush=True)
    await asyncio.Event().wait()


class Firehose:
    """Writes one event to every open stream at each tick."""

    def __init__(self, streams: int, rate_per_s: float, events: int) -> None:
        self._gap_s = streams / rate_per_s
        self._events = events
        self._open: dict[asyncio.StreamWriter, tuple[int, asyncio.Future[None]]] = {}

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                text = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = text.partition(b"content-length: ")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length or 0))
                if text.startswith(b"get"):
                    writer.write(whole(200, b'{"data":[{"id":"m"}]}'))
                    continue
                writer.write(head(200, (("content-type", "text/event-stream"), ("transfer-encoding", "chunked"))))
                done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._open[writer] = (self._events, done)
                await done
                finish = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
                writer.write(chunk(finish) + b"0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def pump(self) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            due_s += self._gap_s
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            for writer, (left, done) in list(self._open.items()):
                writer.write(EVENT)
                if left > 1:
                    self._open[writer] = (left - 1, done)
                else:
                    del self._open[writer]
                    done.set_result(None)


async def serve_firehose(port: int, streams: int, rate_per_s: float, events: int) -> None:
    firehose = Firehose(streams, rate_per_s, events)
    server = await asyncio.start_server(firehose.accept, "127.0.0.1", port)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await firehose.pump()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["spread", port]:
            asyncio.run(serve_spread(int(port)))
        case ["firehose", port, streams, rate, events]:
            asyncio.run(serve_firehose(int(port), int(streams), float(rate), int(events)))
        case _:
            sys.exit("spread PORT | firehose PORT STREAMS RATE EVENTS")
