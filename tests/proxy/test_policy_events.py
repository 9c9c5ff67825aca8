"""What a policy is told of a request's life; every test runs on the fast path and on the ASGI path."""

from __future__ import annotations

from dataclasses import dataclass

from fakes.node import RESET, ScriptedNode, Step, answer, stream
from fakes.plane import ADMIN_KEY, chat_body, exchange, request, run, running_plane

from llmlb.core.choice import Candidates, Choice, InferenceRequest, Policy, Reason
from llmlb.core.node import NodeId
from llmlb.core.outcome import Outcome, OutcomeKind, Usage


@dataclass
class Told:
    what: str
    request: InferenceRequest
    node_id: NodeId
    outcome: Outcome | None = None


class Ledger(Policy):
    """Takes the first candidate by name and writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[Told] = []

    def pick(self, request: InferenceRequest, candidates: Candidates, now_s: float) -> Choice:
        return Choice(min(node.id for node in candidates), Reason.CUSTOM)

    def dispatched(self, request: InferenceRequest, node_id: NodeId, now_s: float) -> None:
        self.told.append(Told("dispatched", request, node_id))

    def first_token(self, request: InferenceRequest, node_id: NodeId, now_s: float) -> None:
        self.told.append(Told("first_token", request, node_id))

    def ended(self, request: InferenceRequest, node_id: NodeId, outcome: Outcome, now_s: float) -> None:
        self.told.append(Told("ended", request, node_id, outcome))

    def story(self) -> list[tuple[str, str]]:
        return [(told.what, told.node_id) for told in self.told]


def test_a_stream_has_three_events_and_its_usage(fast: bool) -> None:
    async def scenario() -> None:
        async with ScriptedNode(lambda _: [stream("a", "b")]) as node, running_plane(node, fast=fast) as plane:
            ledger = plane.plane.balancer.policy = Ledger()
            await exchange(plane.port, request(chat_body(stream=True)))
            assert ledger.story() == [("dispatched", "node-1"), ("first_token", "node-1"), ("ended", "node-1")]
            outcome = ledger.told[-1].outcome
            assert outcome is not None
            assert outcome.kind is OutcomeKind.ANSWERED
            assert outcome.ttft_s is not None
            assert outcome.usage == Usage(prompt=7, completion=2)

    run(scenario())


def test_an_engine_that_tells_its_timings_is_believed(fast: bool) -> None:
    async def scenario() -> None:
        whole = (
            b'{"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":5,'
            b'"prompt_tokens_details":{"cached_tokens":2}},"timings":{"prompt_ms":12.5,"predicted_ms":250}}'
        )
        async with ScriptedNode(lambda _: [answer(whole)]) as node, running_plane(node, fast=fast) as plane:
            ledger = plane.plane.balancer.policy = Ledger()
            await exchange(plane.port, request(chat_body()))
            assert ledger.story() == [("dispatched", "node-1"), ("ended", "node-1")]
            outcome = ledger.told[-1].outcome
            assert outcome is not None
            assert outcome.usage == Usage(3, cached=2, completion=5, prefill_s=0.0125, decode_s=0.25)

    run(scenario())


def test_a_failed_try_ends_before_the_next_one_begins(fast: bool) -> None:
    async def scenario() -> None:
        broken: list[Step] = [RESET]
        async with (
            ScriptedNode(lambda _: broken) as first,
            ScriptedNode(lambda _: [stream("a")]) as second,
            running_plane(first, second, fast=fast) as plane,
        ):
            ledger = plane.plane.balancer.policy = Ledger()
            await exchange(plane.port, request(chat_body(stream=True)))
            assert ledger.story() == [
                ("dispatched", "node-1"),
                ("ended", "node-1"),
                ("dispatched", "node-2"),
                ("first_token", "node-2"),
                ("ended", "node-2"),
            ]
            failed = ledger.told[1].outcome
            assert failed is not None
            assert failed.kind is not OutcomeKind.ANSWERED

    run(scenario())


def test_a_policy_named_by_header_is_told_as_well_and_made_only_once(fast: bool) -> None:
    async def scenario() -> None:
        async with ScriptedNode(lambda _: [stream("a")]) as node, running_plane(node, fast=fast) as plane:
            ledger, named = Ledger(), Ledger()
            made: list[str] = []

            def make(mode: str) -> Policy:
                made.append(mode)
                return named

            plane.plane.balancer.policy = ledger
            plane.plane._make_policy = make
            asked = request(chat_body(stream=True), key=ADMIN_KEY, extra="x-llmlb-policy: other\r\n")
            await exchange(plane.port, asked)
            await exchange(plane.port, asked)
            await exchange(plane.port, request(chat_body(stream=True)))
            assert made == ["other"]
            assert len(ledger.story()) == len(named.story()) == 9

    run(scenario())
