"""The demo's clients: thirty chats at once, and a few that keep coming."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx

from llmlb.demo.fleet import DemoFleet

QUESTIONS = ("What is a load balancer?", "Name three colours.", "Why is the sky blue?", "Tell me a short story.")
CHAT_TOKENS = 24
TRICKLE_CLIENTS = 3
TRICKLE_TOKENS = 12


@dataclass(slots=True)
class ChatTally:
    """How chats ended. failures: what went wrong, a line each."""

    answered: int = 0
    failures: list[str] = field(default_factory=list)
    nodes: Counter[str] = field(default_factory=Counter)
    retried: int = 0

    @property
    def total(self) -> int:
        return self.answered + len(self.failures)

    def take(self, answer: httpx.Response) -> None:
        if answer.status_code != 200:
            self.failures.append(f"{answer.status_code} {answer.text[:200]}")
            return
        self.answered += 1
        self.nodes[answer.headers.get("x-llmlb-node", "?")] += 1
        self.retried += answer.headers.get("x-llmlb-attempts", "1") != "1"


def chats_at_once(fleet: DemoFleet, count: int) -> ChatTally:
    """Send so many chats together and wait for all."""
    tally = ChatTally()
    with (
        httpx.Client(base_url=fleet.url, timeout=120.0, trust_env=False, limits=_limits(count)) as client,
        ThreadPoolExecutor(count) as pool,
    ):
        asked = [pool.submit(fleet.chat, client, QUESTIONS[n % len(QUESTIONS)], CHAT_TOKENS) for n in range(count)]
        for chat in asked:
            _collect(chat, tally)
    return tally


def _collect(chat: Future[httpx.Response], tally: ChatTally) -> None:
    try:
        tally.take(chat.result())
    except httpx.HTTPError as error:
        tally.failures.append(str(error) or type(error).__name__)


def _limits(count: int) -> httpx.Limits:
    return httpx.Limits(max_connections=count, max_keepalive_connections=count)


class Trickle:
    """A few clients that ask one question after the other until told to stop."""

    def __init__(self, fleet: DemoFleet) -> None:
        self.tally = ChatTally()
        self._fleet = fleet
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(n,), daemon=True) for n in range(TRICKLE_CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each finish its chat. Safe to call twice."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(30.0)

    def _ask(self, number: int) -> None:
        with httpx.Client(base_url=self._fleet.url, timeout=60.0, trust_env=False) as client:
            while not self._stop.wait(0.1):
                try:
                    answer = self._fleet.chat(client, QUESTIONS[number % len(QUESTIONS)], TRICKLE_TOKENS)
                except httpx.HTTPError as error:
                    if not self._stop.is_set():
                        with self._lock:
                            self.tally.failures.append(str(error) or type(error).__name__)
                    continue
                with self._lock:
                    self.tally.take(answer)
