"""What is known of the speed of one model: on one node (``Lane``) and on all of them together (``ModelBook``)."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from llmlb.core.choice import Candidate
from llmlb.core.node import NodeId, canonical_model
from llmlb.core.outcome import Usage
from llmlb.policies.adaptive.line import FadingLine

if TYPE_CHECKING:
    from llmlb.policies.adaptive.ledger import NodeWork

FIRST_FIXED_S = 0.05
FIRST_TOKEN_S = 1 / 4000
FIRST_STEP_S = 0.03
FIRST_PEER_STEP_S = 0.001
FIRST_LOAD_S = 15.0
"""Assumed of a model before anything is known: a mid-range GPU with an 8B model, and a load from a local disk."""
PREFILL_REACH_TOKENS = 2000.0
BATCH_REACH = 8.0
FIRST_PROMPT_TOKENS = 1000.0
FIRST_OUTPUT_TOKENS = 200.0
FIRST_BYTES_PER_TOKEN = 4.0
LEAST_BYTES_PER_TOKEN, MOST_BYTES_PER_TOKEN = 0.5, 64.0
MOST_TOKENS = 1_000_000
"""A node that lies about its usage cannot push the estimates further."""
SIZE_WEIGHT = 0.05
HIT_WEIGHT = 0.1
LEAST_HIT_SHARE = 0.05
LOAD_WEIGHT = 0.5
FEW_SAMPLES = 3
"""Until a lane has so many its speed is a guess."""
LOOK_S = 1.0
TRUSTED_S = 45.0
"""A heartbeat interval and a half: by then the node has said itself what it has loaded."""
FEW_TOKENS = 4
"""Answers this short say nothing of the pace of their tokens."""
NEVER_S = float("-inf")

Quote = tuple[float, float, float, float, float, float, int]
"""What of a price does not depend on the request: seconds to read a prompt, fixed and per token; seconds of a step,
fixed and per request beside it; when the first of those that wait is due, or 0, and how long the others take then; the
node's turn."""


class ModelBook:
    """One model over the whole fleet: what a node without samples of its own is taken to be like."""

    __slots__ = (
        "_sized",
        "bytes_per_token",
        "cheapest",
        "decode",
        "lanes",
        "load_s",
        "output_tokens",
        "prefill",
        "prompt_tokens",
        "salt",
    )

    def __init__(self, model: str) -> None:
        self.lanes: dict[NodeId, Lane] = {}
        self.cheapest: list[NodeWork] = []
        """Of the last choice, where there were too many candidates to price all."""
        self.salt = _salt(model)
        self.prefill = FadingLine(FIRST_FIXED_S, FIRST_TOKEN_S, PREFILL_REACH_TOKENS)
        self.decode = FadingLine(FIRST_STEP_S, FIRST_PEER_STEP_S, BATCH_REACH)
        self.load_s = FIRST_LOAD_S
        self.prompt_tokens = FIRST_PROMPT_TOKENS
        self.output_tokens = FIRST_OUTPUT_TOKENS
        self.bytes_per_token = FIRST_BYTES_PER_TOKEN
        self._sized = 1

    def learn_sizes(self, text_bytes: int, usage: Usage) -> None:
        """Take over how many tokens a prompt of so many bytes was, and its answer."""
        weight = max(SIZE_WEIGHT, 1.0 / (1 + self._sized))
        self._sized += 1
        if usage.prompt:
            self.prompt_tokens += weight * (min(usage.prompt, MOST_TOKENS) - self.prompt_tokens)
        if usage.prompt and text_bytes:
            ratio = min(max(text_bytes / usage.prompt, LEAST_BYTES_PER_TOKEN), MOST_BYTES_PER_TOKEN)
            self.bytes_per_token += weight * (ratio - self.bytes_per_token)
        if usage.completion is not None:
            self.output_tokens += weight * (min(usage.completion, MOST_TOKENS) - self.output_tokens)


class Lane:
    """One model on one node. Until it has samples of its own its lines are the book's.

    waiting_*: requests sent there whose first token has not come, and their tokens to read.  loads: those of them that
    wait for the model to be loaded.  tells_*: what the engine reports with its answers, which is believed over what can
    be inferred.  hit_share: how much of a prefix that was read there is really found again.
    """

    __slots__ = (
        "answered_at_s",
        "book",
        "decode",
        "hit_share",
        "in_flight",
        "is_learned",
        "is_resident",
        "learned_at_s",
        "load_s",
        "loads",
        "look_at_s",
        "prefill",
        "quote",
        "quoted_until_s",
        "samples",
        "tells_cached",
        "tells_timings",
        "waiting_count",
        "waiting_tokens",
        "work",
    )

    def __init__(self, book: ModelBook, work: NodeWork) -> None:
        self.book = book
        self.work = work
        self.prefill = book.prefill
        self.decode = book.decode
        self.samples = 0
        self.is_learned = False
        """Whether it has samples enough and both lines are its own."""
        self.learned_at_s = NEVER_S
        self.load_s: float | None = None
        self.is_resident = True
        self.look_at_s = NEVER_S
        """When the node's list of loaded models is worth reading again."""
        self.quote: Quote = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)
        self.quoted_until_s = NEVER_S
        """How long the quote holds if nothing happens on the node."""
        self.in_flight = 0
        self.answered_at_s = NEVER_S
        self.loads = 0
        self.waiting_count = 0
        self.waiting_tokens = 0
        self.hit_share = 1.0
        self.tells_cached = False
        self.tells_timings = False

    @property
    def expected_load_s(self) -> float:
        return self.book.load_s if self.load_s is None else self.load_s

    @property
    def needs_load(self) -> bool:
        """Whether a request sent now would make the node load the model; one that is under way serves all."""
        return not self.is_resident and not self.loads

    def requote(self, now_s: float) -> bool:
        """Note what of a price holds until something happens on the node. False for one out of the ordinary.

        That is one of which little is known (the mean of the fleet moves with every sample), one that is full, late,
        failing, or has to load the model.
        """
        work, prefill, decode = self.work, self.prefill, self.decode
        if not self.is_learned or work.failures or not (self.is_resident or self.loads):
            return False
        if work.in_flight + 1 > work.room:
            return False
        due_at_s, until_s = 0.0, self.look_at_s
        if work.waiting:
            due_at_s = work.head_due_at_s
            if due_at_s <= now_s:
                return False
            if due_at_s < until_s:
                until_s = due_at_s
        self.quote = (prefill.base, prefill.slope, decode.base, decode.slope, due_at_s, work.behind_s, work.turn)
        self.quoted_until_s = until_s
        work.quoting[self] = None
        return True

    def look(self, model: str, node: Candidate, now_s: float) -> None:
        """Read what a heartbeat said is loaded, and how fast the engine has been.

        A node that names no models at all is taken to have them ready, and one that answered just now to have this one:
        the heartbeat may be older than the load.
        """
        self.look_at_s = now_s + LOOK_S
        self.quoted_until_s = NEVER_S
        if not self.samples:
            self._believe(node)
        if self.is_resident and (self.in_flight or now_s - self.answered_at_s < TRUSTED_S):
            return
        loaded = node.loaded_models
        tells = bool(loaded or node.available_models)
        self.is_resident = not tells or any(canonical_model(name) == model for name in loaded)

    def _believe(self, node: Candidate) -> None:
        """Until something is seen here, the engine's own counters tell more than the fleet's mean.

        They are summed over its models, so that they say nothing of one of several.
        """
        if len(node.loaded_models) != 1:
            return
        book = self.book
        if node.prefill_rate:
            self.prefill = FadingLine(book.prefill.base, 1.0 / node.prefill_rate, PREFILL_REACH_TOKENS)
        if node.decode_rate and (self.decode is book.decode or not self.decode.samples):
            self.decode = FadingLine(1.0 / node.decode_rate, book.decode.slope, BATCH_REACH)

    def learn_prefill(self, tokens: float, seconds: float, now_s: float) -> None:
        book = self.book
        if self.prefill is book.prefill:
            self.prefill = FadingLine(book.prefill.base, book.prefill.slope, PREFILL_REACH_TOKENS)
        self.samples += 1
        self.prefill.learn(tokens, seconds)
        book.prefill.learn(tokens, seconds)
        self.is_learned = self.samples >= FEW_SAMPLES and self.decode is not book.decode
        self.learned_at_s = now_s

    def learn_decode(self, peers: float, step_s: float) -> None:
        """peers: other requests on the node meanwhile, on average.  step_s: per token."""
        book = self.book
        if self.decode is book.decode:
            self.decode = FadingLine(book.decode.base, book.decode.slope, BATCH_REACH)
        self.decode.learn(peers, step_s)
        book.decode.learn(peers, step_s)
        self.is_learned = self.samples >= FEW_SAMPLES

    def learn_load(self, seconds: float) -> None:
        book = self.book
        self.is_resident = True
        self.load_s = seconds if self.load_s is None else self.load_s + LOAD_WEIGHT * (seconds - self.load_s)
        book.load_s += LOAD_WEIGHT * (seconds - book.load_s)

    def learn_hit(self, foreseen_tokens: int, cached_tokens: int) -> None:
        share = min(1.0, cached_tokens / foreseen_tokens)
        self.hit_share = max(LEAST_HIT_SHARE, self.hit_share + HIT_WEIGHT * (share - self.hit_share))

    def fade(self, now_s: float) -> None:
        """What was slow long ago may be so no more: go halfway to the fleet's mean, and weigh little."""
        self.learned_at_s = now_s
        self.quoted_until_s = NEVER_S
        book = self.book
        if self.prefill.at(PREFILL_REACH_TOKENS) > book.prefill.at(PREFILL_REACH_TOKENS):
            self.prefill = self.prefill.halfway(book.prefill, PREFILL_REACH_TOKENS)
        if self.decode is not book.decode and self.decode.at(BATCH_REACH) > book.decode.at(BATCH_REACH):
            self.decode = self.decode.halfway(book.decode, BATCH_REACH)


def _salt(model: str) -> int:
    """Keeps the prompts of different models apart in one index."""
    return int.from_bytes(blake2b(model.encode(errors="surrogatepass"), digest_size=8).digest(), "little")
