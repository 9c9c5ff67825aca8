"""Sentences from a small grammar: what a simulated engine says, and what the tests' model is trained on.

The text is English-like, seeded and endless, so that two runs with one seed answer alike and no text of
anybody else is needed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_DETERMINERS = _words("the a each every this one")
_ADJECTIVES = _words(
    "fast slow idle busy healthy small large warm cold steady remote local quiet shared simple careful"
)
_NOUNS = _words(
    "balancer node request token model prompt queue cluster cache prefix batch latency server client answer "
    "stream metric heartbeat network budget window signal"
)
_VERBS = _words(
    "routes sends measures queues retries streams accepts returns counts watches prefers checks rejects "
    "balances records drains"
)
_ADVERBS = _words("quickly slowly twice again often never always evenly gently first later together")
_LINKS = _words("because while when after before unless although")
_OPENINGS = ("In short", "In practice", "For example", "At night", "Under load")


class SentenceGrammar:
    """A source of sentences. rng: decides every choice, so equal seeds give equal text."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def sentence(self) -> str:
        """One sentence of 3 to 20 words with a capital and a full stop."""
        text = self._clause()
        choice = self._rng.random()
        if choice < 0.3:
            text = f"{text} {self._rng.choice(_LINKS)} {self._clause()}"
        elif choice < 0.5:
            text = f"{text}, and {self._clause()}"
        elif choice < 0.6:
            text = f"{self._rng.choice(_OPENINGS)}, {text}"
        return f"{text[0].upper()}{text[1:]}."

    def tokens(self) -> Iterator[str]:
        """Words with their leading space and full stops apart, without end; a full stop ends a sentence.

        Joined they are the text. One word counts as one token, which is close to what a real vocabulary does
        with words this common.
        """
        lead = ""
        while True:
            words = self.sentence()[:-1].split(" ")
            for word in words:
                yield lead + word
                lead = " "
            yield "."

    def _clause(self) -> str:
        return f"{self._noun_phrase()} {self._verb_phrase()}"

    def _noun_phrase(self) -> str:
        determiner, noun = self._rng.choice(_DETERMINERS), self._rng.choice(_NOUNS)
        if self._rng.random() < 0.5:
            return f"{determiner} {self._rng.choice(_ADJECTIVES)} {noun}"
        return f"{determiner} {noun}"

    def _verb_phrase(self) -> str:
        phrase = f"{self._rng.choice(_VERBS)} {self._noun_phrase()}"
        if self._rng.random() < 0.3:
            return f"{phrase} {self._rng.choice(_ADVERBS)}"
        return phrase
