"""What is asked of every balancer."""

from __future__ import annotations

import json
from dataclasses import dataclass

MODEL = "mock-8b"
PARAGRAPH = (
    "The balancer should prefer nodes whose accelerators are warm and whose queues are short, and it must keep the "
    'latency of streams low for "chat" users\nwhile batch work fills the rest. '
)
HEAD = (
    "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept-Encoding: gzip, deflate\r\n"
    "Connection: keep-alive\r\nAccept: application/json\r\nContent-Type: application/json\r\n"
    "User-Agent: OpenAI/Python 2.8.0\r\nX-Stainless-Lang: python\r\nX-Stainless-Package-Version: 2.8.0\r\n"
    "X-Stainless-OS: Linux\r\nX-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\n"
    "X-Stainless-Runtime-Version: 3.11.7\r\nAuthorization: Bearer {key}\r\nX-Stainless-Async: async:asyncio\r\n"
    "x-stainless-retry-count: 0\r\nx-stainless-read-timeout: 600\r\nContent-Length: {length}\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """connections: at once, each asking again as soon as it is answered, or ``rate`` times a second together.

    body_bytes: of the request.  chunks: events of a streamed answer, ``gap_us`` apart; 0: not streamed.
    """

    name: str
    connections: int
    body_bytes: int = 1500
    chunks: int = 0
    gap_us: int = 20_000
    rate: int = 0
    seconds: float = 0.7
    warmup_s: float = 0.3

    def request(self, key: str) -> bytes:
        """The bytes that every connection sends, again and again: those of an SDK."""
        body = _body(self.body_bytes, self.chunks, self.gap_us)
        return HEAD.format(key=key, length=len(body)).encode() + body


def _body(size: int, chunks: int, gap_us: int) -> bytes:
    question = "Summarise this. "
    while True:
        fields: dict[str, object] = {
            "messages": [
                {"role": "system", "content": "You help infrastructure engineers. Answer briefly and precisely."},
                {"role": "user", "content": question},
            ],
            "model": MODEL,
            "max_tokens": chunks or 100,
            "seed": gap_us,
            "stream": bool(chunks),
            "temperature": 0.7,
            "top_p": 0.95,
        }
        body = json.dumps(fields, separators=(",", ":")).encode()
        missing = size - len(body)
        if missing <= 0:
            return body
        question += PARAGRAPH[: max(1, min(missing, len(PARAGRAPH)))]


# Short, and in many rounds: what is compared should be measured within the same second.
ONE = Scenario("one", 1, seconds=0.6, warmup_s=0.1)
MANY = Scenario("many", 64)
STREAMS = Scenario("streams", 512, chunks=100, seconds=2.0, warmup_s=1.2)
LARGE = Scenario("large", 64, body_bytes=32_000)
PACED = Scenario("paced", 64, rate=2000)
SCENARIOS = (ONE, MANY, STREAMS, LARGE, PACED)
