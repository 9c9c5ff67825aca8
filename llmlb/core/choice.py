"""What a policy is given and what it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Protocol

from msgspec import Struct

from llmlb.core.node import NodeId

if TYPE_CHECKING:
    from llmlb.core.node import Figures
    from llmlb.core.outcome import Outcome


class Reason(StrEnum):
    """The criterion that decided a choice: a closed set, used as a metric label."""

    LEAST_ACTIVE = "least_active"
    HIGHEST_CAPABILITY = "highest_capability"
    LOWEST_GPU = "lowest_gpu"
    ROUND_ROBIN = "round_robin"
    ONLY_CANDIDATE = "only_candidate"
    OVERLOADED_FALLBACK = "overloaded_fallback"
    NO_METRICS_FALLBACK = "no_metrics_fallback"
    AFFINITY = "affinity"
    LEAST_WAIT = "least_wait"
    RETRY = "retry"
    PROBE = "probe"
    SLOW_START = "slow_start"
    PANIC = "panic"
    MASS_SILENCE = "mass_silence"
    PINNED = "pinned"
    CUSTOM = "custom"


class Endpoint(StrEnum):
    """The data-plane paths."""

    CHAT = "/v1/chat/completions"
    COMPLETIONS = "/v1/completions"
    EMBEDDINGS = "/v1/embeddings"
    RESPONSES = "/v1/responses"
    MESSAGES = "/v1/messages"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a policy that reads prompts is told of one.

    blocks: chain hashes; the i-th stands for the whole text up to the end of the i-th block of ``BLOCK_BYTES``.
    text_bytes: length of the canonical text, tools and system prompt first.
    """

    blocks: tuple[int, ...]
    text_bytes: int


@dataclass(frozen=True, slots=True)
class Objective:
    """What counts as answered in time. ttft_s: to the first token.  tpot_s: between the others. Seconds."""

    ttft_s: float
    tpot_s: float


class InferenceRequest(Struct, frozen=True, eq=False, gc=False):
    """What the caller wants, for choosing. Each is itself only: policies may keep books by it.

    model: canonical name.  body_bytes: size of the request, a first guess at its prompt.  tried: nodes that already
    failed it.  key_id: whose turn it takes in a queue.  prompt: None unless the policy reads prompts.
    objective: None: none was set, so nothing is refused for its sake.
    """

    model: str
    endpoint: Endpoint = Endpoint.CHAT
    stream: bool = False
    body_bytes: int = 0
    max_tokens: int | None = None
    key_id: str = ""
    pinned: NodeId | None = None
    tried: tuple[NodeId, ...] = ()
    prompt: Prompt | None = None
    objective: Objective | None = None


class Candidate(Protocol):
    """A node as a policy sees it: read it, never write it."""

    @property
    def id(self) -> NodeId: ...
    @property
    def active(self) -> int:
        """Requests on the node now, ours and others'."""

    @property
    def in_flight(self) -> int:
        """Our own requests on the node now."""

    @property
    def score(self) -> int:
        """Capability 0..10000."""

    @property
    def figures(self) -> Figures | None:
        """Measurements of the last heartbeat that had any."""

    @property
    def max_concurrency(self) -> int | None: ...
    @property
    def loaded_models(self) -> tuple[str, ...]: ...
    @property
    def available_models(self) -> tuple[str, ...]: ...
    @property
    def prefill_rate(self) -> float | None:
        """Tokens a second that the engine reads of one prompt, by its own counters."""

    @property
    def decode_rate(self) -> float | None:
        """Tokens a second that it writes of one answer, by its own counters."""

    @property
    def response_s(self) -> float | None:
        """Running mean of whole answers, seconds."""

    @property
    def ttft_s(self) -> float | None:
        """Running mean of the time to the first token, seconds."""


class Ordered(Protocol):
    """Some of the candidates, least loaded first."""

    def __len__(self) -> int: ...
    def first_with_reason(self) -> tuple[Candidate, Reason] | None: ...


class Candidates(Protocol):
    """The eligible nodes of one model. Iteration is O(n); the orders and the rotation are not.

    fit: fresh figures within the GPU and VRAM thresholds.  unmeasured: no fresh figures.
    """

    @property
    def fit(self) -> Ordered: ...
    @property
    def unmeasured(self) -> Ordered: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Candidate]: ...
    def __contains__(self, node: object) -> bool: ...
    def rotate(self) -> Candidate:
        """The next in this model's own rotation, which moves on."""


class Cost(Struct, frozen=True, gc=False):
    """What sending a request to a node would cost: seconds by the name of the term, which add up to ``total_s``."""

    node_id: NodeId
    total_s: float
    terms: Mapping[str, float]


class Choice(Struct, frozen=True, gc=False):
    """The node that a policy chose and why. costs: of the chosen node and the next best, where the policy has any."""

    node_id: NodeId
    reason: Reason
    costs: tuple[Cost, ...] = ()


class Policy(ABC):
    """Chooses one of several eligible nodes. One policy is one file; see ``docs/policies.md`` for writing your own.

    A policy is called on the event loop for every request: it must not wait, and at 1,000 candidates it has 20 us.
    reads_prompts: whether requests are to carry ``prompt``, which costs a full parse of each body.
    """

    reads_prompts: ClassVar[bool] = False

    @abstractmethod
    def pick(self, request: InferenceRequest, candidates: Candidates, now_s: float) -> Choice:
        """Choose. There is always at least one candidate."""

    def explain(self, request: InferenceRequest, candidates: Candidates, now_s: float) -> list[Cost]:
        """What each candidate would cost, cheapest first; empty for a policy that does not count in seconds."""
        return []

    def shed(self, request: InferenceRequest, candidates: Candidates, now_s: float) -> float | None:
        """Seconds until it is worth asking again, when not even the best candidate can meet the objective; or None."""
        return None

    def dispatched(self, request: InferenceRequest, node_id: NodeId, now_s: float) -> None:
        """The request was sent to the node."""

    def first_token(self, request: InferenceRequest, node_id: NodeId, now_s: float) -> None:
        """The node's first content arrived. Not told of answers that come whole."""

    def ended(self, request: InferenceRequest, node_id: NodeId, outcome: Outcome, now_s: float) -> None:
        """The request left the node. Told exactly once for each ``dispatched``, however it ended."""

    def forgotten(self, node_id: NodeId) -> None:
        """The node was removed from the fleet."""
