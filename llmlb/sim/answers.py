"""What the engine answers: a stretch of generated text, always the same for the same request."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from enum import StrEnum

from llmlb.sim.text import SentenceGrammar

_BOOK_TOKENS = 20_000
_ENDLESS_TOKENS = 256
"""Length of an answer that may not end by itself and has no limit either."""


class Finish(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    LENGTH = "length"
    ABORT = "abort"


@dataclass(frozen=True, slots=True)
class Answer:
    """A planned answer. start: place in the book.  length: tokens, 0 or more.  finish: how it will end."""

    start: int
    length: int
    finish: Finish


class AnswerBook:
    """Text written once, of which every answer is a stretch that begins with a sentence.

    answer_tokens: mean length of an answer; single ones take half to one and a half of it and end with a sentence.
    """

    def __init__(self, *, seed: int, answer_tokens: int) -> None:
        self._answer_tokens = answer_tokens
        source = SentenceGrammar(random.Random(seed)).tokens()
        self._tokens = [next(source) for _ in range(_BOOK_TOKENS)]
        self._tokens[-1] = "."
        self._starts = [0, *(index + 1 for index, token in enumerate(self._tokens[:-1]) if token == ".")]

    def plan(self, prompt: bytes, *, max_tokens: int | None, ignores_end: bool) -> Answer:
        """The answer to a prompt. ignores_end: it runs to max_tokens instead of its natural end."""
        rng = random.Random(hashlib.blake2b(prompt, digest_size=8).digest())
        start = rng.choice(self._starts)
        if ignores_end:
            length = _ENDLESS_TOKENS if max_tokens is None else max_tokens
            return Answer(start=start, length=length, finish=Finish.LENGTH)
        wanted = int(self._answer_tokens * rng.uniform(0.5, 1.5))
        natural = next(count for count in range(max(1, wanted), _BOOK_TOKENS) if self._ends(start, count))
        if max_tokens is not None and max_tokens < natural:
            return Answer(start=start, length=max_tokens, finish=Finish.LENGTH)
        return Answer(start=start, length=natural, finish=Finish.STOP)

    def tokens(self, answer: Answer, begin: int, end: int) -> list[str]:
        """The answer's tokens from begin up to, not including, end."""
        size = len(self._tokens)
        pieces = [self._tokens[(answer.start + index) % size] for index in range(begin, end)]
        if begin == 0 and pieces:
            pieces[0] = pieces[0].lstrip()
        return pieces

    def _ends(self, start: int, count: int) -> bool:
        return self._tokens[(start + count - 1) % len(self._tokens)] == "."
