"""The texts that a load test sends. Pure: the same seed gives the same texts."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import lru_cache

BLOCK_TOKENS = 512
"""Size of a shared prefix block, as in published traces of prefix caches."""

_SUBJECTS = (
    "a lighthouse", "the moon", "a paper boat", "an old bridge", "rain on a tin roof", "a library at night",
    "the first snow", "a bicycle", "a tea house", "a mountain pass", "the northern lights", "a train station",
    "a garden in autumn", "the sea at dawn", "a clockmaker", "a market square", "a violin", "a kite",
    "a desert road", "an apple orchard", "a harbour", "a campfire", "a quiet street", "a wooden chair",
    "a glass of water", "a flock of birds", "a map", "a stone wall", "a river ferry", "a bakery",
)  # fmt: skip
_ASKS = (
    "Write one short sentence about {}.",
    "In a few words, what is {} good for?",
    "Name one colour that fits {} and say why.",
    "Describe {} to someone who has never seen one.",
)
# Short, common words: most tokenizers make one token of each, so lengths come out near what was asked.
_COMMON = (
    "the of and to in is you that it he was for on are as with his they at be this have from or one had by word "
    "but not what all were we when your can said there use an each which she do how their if will up other about "
    "out many then them these so some her would make like him into time has look two more write go see number no "
    "way could people my than first water been call who oil its now find long down day did get come made may part "
    "over new sound take only little work know place year live me back give most very after thing our just name "
    "good sentence man think say great where help through much before line right too mean old any same tell boy "
    "follow came want show also around form three small set put end does another well large must big even such "
    "because turn here why ask went men read need land home us move try kind hand picture again change off play "
    "air away animal house point page letter mother answer found study still learn should world"
)
_WORDS = _COMMON.split()


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What one request says. max_tokens: 0 for the plan's own limit.  input_tokens: as asked for, 0 if unknown."""

    messages: tuple[Message, ...]
    max_tokens: int = 0
    input_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ShortChats:
    """Short, varied chats: what a first test needs."""

    def prompt(self, index: int, *, seed: int) -> Prompt:
        order = (index + seed) % (len(_SUBJECTS) * len(_ASKS))
        text = _ASKS[order // len(_SUBJECTS)].format(_SUBJECTS[order % len(_SUBJECTS)])
        return Prompt((Message("user", text),))


@dataclass(frozen=True, slots=True)
class GivenPrompts:
    """The user's own prompts, in turn. Never empty."""

    prompts: tuple[Prompt, ...] = field(repr=False)

    def prompt(self, index: int, *, seed: int) -> Prompt:
        return self.prompts[index % len(self.prompts)]


@dataclass(frozen=True, slots=True)
class SizedPrompts:
    """Texts of a wanted length.

    input_tokens: mean.  spread: standard deviation.  output_tokens: wanted answer, 0 for the plan's limit.
    shared_prefix: share of the mean length, 0..1, that all prompts begin with.
    """

    input_tokens: int
    spread: float = 0.0
    output_tokens: int = 0
    shared_prefix: float = 0.0

    def prompt(self, index: int, *, seed: int) -> Prompt:
        rng = random.Random(f"length {seed} {index}")
        wanted = max(4, round(rng.gauss(self.input_tokens, self.spread)))
        shared = min(wanted - 2, round(self.input_tokens * self.shared_prefix))
        own = words(f"prompt {seed} {index}", wanted - max(0, shared))
        messages: tuple[Message, ...] = (Message("user", f"{index}: {own}"),)
        if shared > 0:
            messages = (Message("system", words(f"shared {seed}", shared)), *messages)
        return Prompt(messages, max_tokens=self.output_tokens, input_tokens=wanted)


@dataclass(frozen=True, slots=True)
class BlockPrompts:
    """Texts made of blocks: equal block ids give equal text, so that prefix caches really hit.

    entries: per request its input tokens, output tokens and block ids; without ids the text is its own.
    """

    entries: tuple[tuple[int, int, tuple[int, ...]], ...] = field(repr=False)

    def prompt(self, index: int, *, seed: int) -> Prompt:
        input_tokens, output_tokens, block_ids = self.entries[index % len(self.entries)]
        if block_ids:
            parts = [block(block_id, seed) for block_id in block_ids[:-1]]
            rest = max(1, min(BLOCK_TOKENS, input_tokens - BLOCK_TOKENS * len(parts)))
            parts.append(" ".join(block(block_ids[-1], seed).split()[:rest]))
            text = " ".join(parts)
        else:
            text = words(f"trace {seed} {index}", max(1, input_tokens))
        return Prompt((Message("user", text),), max_tokens=max(1, output_tokens), input_tokens=input_tokens)


PromptPlan = ShortChats | GivenPrompts | SizedPrompts | BlockPrompts


def words(key: str, count: int) -> str:
    """``count`` common words, about one token each, the same for the same key."""
    return " ".join(random.Random(key).choices(_WORDS, k=count))


@lru_cache(maxsize=4096)
def block(block_id: int, seed: int) -> str:
    """The text of one prefix block."""
    return words(f"block {seed} {block_id}", BLOCK_TOKENS)


def with_nonce(prompt: Prompt, nonce: str) -> Prompt:
    """The prompt with a unique beginning, so that no prefix cache can help."""
    first = prompt.messages[0]
    return Prompt(
        (Message(first.role, f"[{nonce}] {first.content}"), *prompt.messages[1:]),
        max_tokens=prompt.max_tokens,
        input_tokens=prompt.input_tokens,
    )


def follow_up(prompt: Prompt, answer: str, question: Prompt) -> Prompt:
    """The next turn of a conversation: what was said, the answer, and a new question."""
    asked = tuple(message for message in question.messages if message.role != "system")
    return Prompt(
        (*prompt.messages, Message("assistant", answer), *asked),
        max_tokens=question.max_tokens,
    )
