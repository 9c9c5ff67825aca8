"""The policy: a price in seconds for every candidate, and the cheapest one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from itertools import islice
from math import floor
from typing import ClassVar

from llmlb.core.choice import (
    Candidate,
    Candidates,
    Choice,
    Cost,
    Endpoint,
    InferenceRequest,
    Policy,
    Reason,
)
from llmlb.core.node import NodeId
from llmlb.core.outcome import Outcome, OutcomeKind, Usage
from llmlb.policies.adaptive.index import PrefixIndex
from llmlb.policies.adaptive.lane import FEW_TOKENS, MOST_TOKENS, Lane, ModelBook
from llmlb.policies.adaptive.ledger import Entry, NodeWork
from llmlb.policies.adaptive.price import (
    DECODE_SHARE,
    PACE_SHARE,
    Demand,
    Price,
    costs_of,
    could_be_in_time,
    demand_of,
    first_token_s,
    follows_prefix,
    keeps_pace,
    longest_not_chosen,
    price_of,
    text_bytes_of,
)

SCANNED_CANDIDATES = 128
SAMPLED_CANDIDATES = 48
REMEMBERED_CANDIDATES = 32
MATCHING_CANDIDATES = 32
SHOWN_COSTS = 4
SHED_STEP = 4
"""Unless the fleet is full one of so few is in time, and the others are not looked at."""
MAX_BOOKS = 2048
STALE_S = 60.0
"""A node that gave no sample for so long is given the benefit of the doubt, step by step."""
SLOW_RETRY_S = 1.0
"""When no node keeps the pace of an objective, an answer has to end first: about as often as that they do."""


class AdaptivePolicy(Policy):
    """Chooses by expected cost, see the package. O(candidates) up to 128, then O(1). Events are O(1) amortised."""

    reads_prompts: ClassVar[bool] = True

    def __init__(self) -> None:
        self._works: dict[NodeId, NodeWork] = {}
        self._books: OrderedDict[str, ModelBook] = OrderedDict()
        self._index: PrefixIndex[NodeWork] = PrefixIndex()
        self._entries: dict[tuple[InferenceRequest, NodeId], Entry] = {}
        self._sampled: OrderedDict[Lane, None] = OrderedDict()
        self._turn = 0
        self._asked: tuple[InferenceRequest, Demand, dict[NodeWork, int]] | None = None
        """What the request that was priced last asks, and who holds what of its prompt: its dispatch comes next."""

    # Choosing

    def pick(self, request: InferenceRequest, candidates: Candidates, now_s: float) -> Choice:
        book = self._book(request.model)
        self._fade_stalest(now_s)
        demand, matches = self._ask(request, book, now_s)
        size = len(candidates)
        nodes = candidates if size <= SCANNED_CANDIDATES else self._sample(candidates, book, matches)
        prices = self._prices(request, nodes, book, demand, matches, now_s)
        prices.sort()
        if size > SCANNED_CANDIDATES:
            book.cheapest = [price[2].work for price in prices[:REMEMBERED_CANDIDATES]]
        chosen = longest_not_chosen(prices)
        if size == 1:
            reason = Reason.ONLY_CANDIDATE
        elif matches and follows_prefix(chosen, prices, demand.tokens):
            reason = Reason.AFFINITY
        else:
            reason = Reason.LEAST_WAIT
        shown = prices[:SHOWN_COSTS]
        if chosen is not shown[0]:
            shown = [chosen, *[price for price in shown if price is not chosen]][:SHOWN_COSTS]
        return Choice(chosen[2].work.id, reason, costs_of(shown, demand, now_s))

    def explain(self, request: InferenceRequest, candidates: Candidates, now_s: float) -> list[Cost]:
        book = self._book(request.model)
        demand, matches = self._ask(request, book, now_s)
        prices = self._prices(request, candidates, book, demand, matches, now_s)
        return list(costs_of(sorted(prices), demand, now_s))

    def shed(self, request: InferenceRequest, candidates: Candidates, now_s: float) -> float | None:
        objective = request.objective
        if objective is None:
            return None
        book = self._book(request.model)
        demand, matches = self._ask(request, book, now_s)
        some = len(candidates) > SCANNED_CANDIDATES
        nodes = iter(self._sample(candidates, book, matches) if some else candidates)
        late_s: list[float] = []
        is_reachable = False
        while prices := self._prices(request, islice(nodes, SHED_STEP), book, demand, matches, now_s):
            for price in prices:
                # Whom an idle fleet could not serve in time either gains nothing by coming back: a model that has to be
                # loaded, a prompt too long, a pace too fast. They are late, but they are answered.
                if could_be_in_time(price, objective):
                    is_reachable = True
                    if keeps_pace(price, objective):
                        late_s.append(first_token_s(price) - objective.ttft_s)
                        if late_s[-1] <= 0.0:
                            return None
        return min(late_s, default=SLOW_RETRY_S) if is_reachable else None

    def _sample(self, candidates: Candidates, book: ModelBook, matches: dict[NodeWork, int]) -> Iterable[Candidate]:
        """Enough candidates: the next ones of the rotation, the least loaded, those that hold most of the prefix.

        And the cheapest of last time, or a window of the rotation without fast nodes would leave only slow ones.
        Source: load balancing with memory, Mitzenmacher, Prabhakar and Shah 2002.
        """
        sample = {node.id: node for node in (candidates.rotate() for _ in range(SAMPLED_CANDIDATES))}
        for order in (candidates.fit, candidates.unmeasured):
            first = order.first_with_reason()
            if first is not None:
                sample[first[0].id] = first[0]
        longest = sorted(matches, key=matches.__getitem__, reverse=True)[:MATCHING_CANDIDATES]
        for work in (*book.cheapest, *longest):
            if work.node is not None and work.node in candidates:
                sample[work.id] = work.node
        return sample.values()

    def _prices(
        self,
        request: InferenceRequest,
        nodes: Iterable[Candidate],
        book: ModelBook,
        demand: Demand,
        matches: dict[NodeWork, int],
        now_s: float,
    ) -> list[Price]:
        """What each node would cost. The hot loop: nothing is called for a node whose quote holds."""
        lanes, all_tokens, block_tokens = book.lanes, demand.tokens, demand.block_tokens
        output_tokens, tpot_s = demand.output_tokens, demand.tpot_s
        output = DECODE_SHARE * output_tokens
        blocks, share, unread = 0, 1.0, all_tokens
        prices: list[Price] = []
        for node in nodes:
            try:
                lane = lanes[node.id]
            except KeyError:
                lane = self._lane(book, request.model, node.id)
            tokens = all_tokens
            if matches:
                work = lane.work
                if work in matches:
                    if matches[work] != blocks or lane.hit_share != share:
                        blocks, share = matches[work], lane.hit_share
                        unread = all_tokens - floor(blocks * block_tokens * share)
                        if unread < 1:
                            unread = 1
                    tokens = unread
            if now_s >= lane.quoted_until_s:
                if now_s >= lane.look_at_s:
                    lane.look(request.model, node, now_s)
                    lane.work.node = node
                if not lane.requote(now_s):
                    prices.append(price_of(lane, node, tokens, demand, now_s))
                    continue
            # As in ``price_of``, and in the same order: a sum must not depend on the way.
            read_s, token_s, step_s, peer_s, due_at_s, behind_s, turn = lane.quote
            step_s += peer_s * node.active
            seconds = read_s + token_s * tokens + output * step_s
            if step_s > tpot_s:
                seconds += PACE_SHARE * output_tokens * (step_s - tpot_s)
            wait_s = 0.0
            if due_at_s:
                wait_s = behind_s + (due_at_s - now_s)
                seconds += wait_s
            prices.append((seconds, turn, lane, tokens, wait_s))
        return prices

    def _fade_stalest(self, now_s: float) -> None:
        """One lane at a time, so that no choice pays for all of them."""
        if not self._sampled:
            return
        lane = next(iter(self._sampled))
        if now_s - lane.learned_at_s > STALE_S:
            lane.fade(now_s)
            self._sampled.move_to_end(lane)

    # Events

    def dispatched(self, request: InferenceRequest, node_id: NodeId, now_s: float) -> None:
        book = self._book(request.model)
        lane = book.lanes.get(node_id) or self._lane(book, request.model, node_id)
        work, prompt = lane.work, request.prompt
        demand, matches = self._ask(request, book, now_s)
        self._asked = None
        self._turn += 1
        work.turn = self._turn
        matched, visit = 0, None
        if prompt is not None and prompt.blocks:
            if work in matches:
                matched = int(matches[work] * demand.block_tokens)
            visit = self._index.record(prompt.blocks, book.salt, work, now_s)
        entry = Entry(
            lane,
            tokens=max(1, demand.tokens - int(matched * lane.hit_share)),
            matched_tokens=matched,
            is_streaming=request.stream,
            visit=visit,
            now_s=now_s,
        )
        work.enter(entry, now_s)
        self._entries[request, node_id] = entry

    def first_token(self, request: InferenceRequest, node_id: NodeId, now_s: float) -> None:
        entry = self._entries.get((request, node_id))
        if entry is None or entry.is_read:
            return
        lane = entry.lane
        lane.work.read(entry, now_s)
        if entry.is_cold:
            lane.learn_load(max(0.0, entry.read_s - lane.prefill.at(entry.tokens)))
        elif not (lane.tells_timings or lane.tells_cached or entry.was_crowded):
            self._learn_prefill(lane, entry.tokens, entry.read_s, now_s)

    def ended(self, request: InferenceRequest, node_id: NodeId, outcome: Outcome, now_s: float) -> None:
        entry = self._entries.pop((request, node_id), None)
        if entry is None:
            return
        self._asked = None
        work = entry.lane.work
        was_seen = entry.is_read and entry.is_streaming
        peers = work.leave(entry, now_s)
        match outcome.kind:
            case OutcomeKind.ANSWERED:
                work.failures = 0
                if outcome.fault is None:
                    entry.lane.answered_at_s = now_s
                    entry.lane.is_resident = True
                    self._learn(request, entry, outcome.usage or Usage(), peers, now_s, was_seen=was_seen)
            case OutcomeKind.FAILED | OutcomeKind.UNREACHABLE:
                # A failure says nothing about speed: an instantly failing node must not look fast.
                work.failed(now_s)
            case OutcomeKind.BUSY | OutcomeKind.CANCELLED:
                pass
        prompt, visit = request.prompt, entry.visit
        if prompt and visit and not was_seen and outcome.kind is not OutcomeKind.ANSWERED:
            self._index.withdraw(prompt.blocks, entry.lane.book.salt, visit)

    def forgotten(self, node_id: NodeId) -> None:
        work = self._works.pop(node_id, None)
        if work is None:
            return
        self._index.forget(work)
        for lane in work.lanes.values():
            lane.book.lanes.pop(node_id, None)
            self._sampled.pop(lane, None)

    # Learning

    def _learn(
        self, request: InferenceRequest, entry: Entry, usage: Usage, peers: float, now_s: float, *, was_seen: bool
    ) -> None:
        lane, tokens = entry.lane, entry.tokens
        lane.book.learn_sizes(text_bytes_of(request), usage)
        if usage.prompt is not None and usage.cached is not None:
            lane.tells_cached = True
            tokens = min(max(1, usage.prompt - usage.cached), MOST_TOKENS)
            if entry.matched_tokens:
                lane.learn_hit(entry.matched_tokens, usage.cached)
        embeds = request.endpoint is Endpoint.EMBEDDINGS
        completion = min(usage.completion or 0, MOST_TOKENS)
        if usage.prefill_s is not None:
            lane.tells_timings = True
            self._learn_prefill(lane, tokens, usage.prefill_s, now_s)
        elif was_seen and lane.tells_cached and not (entry.is_cold or entry.was_crowded):
            self._learn_prefill(lane, tokens, entry.read_s, now_s)
        if usage.decode_s is not None and completion > 0:
            lane.learn_decode(peers, usage.decode_s / completion)
        elif was_seen and completion > FEW_TOKENS:
            lane.learn_decode(peers, (now_s - entry.read_at_s) / (completion - 1))
        if not was_seen and usage.prefill_s is None and (completion or embeds):
            self._learn_whole(entry, tokens, completion, peers, now_s)

    def _learn_whole(self, entry: Entry, tokens: int, completion: int, peers: float, now_s: float) -> None:
        """An answer that came whole: where its time went is not known, so both speeds change in proportion."""
        lane = entry.lane
        prefill_s, step_s = lane.prefill.at(tokens), lane.decode.at(peers)
        expected_s = prefill_s + completion * step_s
        passed_s = max(0.0, now_s - entry.dispatched_at_s - entry.waited_s)
        if entry.is_cold:
            lane.learn_load(max(0.0, passed_s - expected_s))
            return
        ratio = passed_s / max(expected_s, 1e-6)
        self._learn_prefill(lane, tokens, prefill_s * ratio, now_s)
        if completion:
            lane.learn_decode(peers, step_s * ratio)

    def _learn_prefill(self, lane: Lane, tokens: int, seconds: float, now_s: float) -> None:
        if lane.work.id in lane.book.lanes:
            lane.learn_prefill(tokens, seconds, now_s)
            self._sampled[lane] = None
            self._sampled.move_to_end(lane)

    # What is known

    def _ask(self, request: InferenceRequest, book: ModelBook, now_s: float) -> tuple[Demand, dict[NodeWork, int]]:
        """What a request asks, and what of its prompt each node holds."""
        asked = self._asked
        if asked is not None and asked[0] is request:
            return asked[1], asked[2]
        demand, prompt, matches = demand_of(request, book), request.prompt, {}
        if prompt is not None and prompt.blocks:
            matches = self._index.matches(prompt.blocks, book.salt, now_s)
        self._asked = (request, demand, matches)
        return demand, matches

    def _book(self, model: str) -> ModelBook:
        book = self._books.get(model)
        if book is None:
            book = self._books[model] = ModelBook(model)
            if len(self._books) > MAX_BOOKS:
                self._drop(*self._books.popitem(last=False))
        else:
            self._books.move_to_end(model)
        return book

    def _drop(self, model: str, book: ModelBook) -> None:
        """Forget what was known of a model. Requests that still run on it keep their lane alive until they end."""
        book.lanes.clear()
        for work in self._works.values():
            lane = work.lanes.get(model)
            if lane is not None and not lane.waiting_count:
                del work.lanes[model]
                work.quoting.pop(lane, None)
                self._sampled.pop(lane, None)

    def _lane(self, book: ModelBook, model: str, node_id: NodeId) -> Lane:
        work = self._works.get(node_id)
        if work is None:
            self._turn += 1
            work = self._works[node_id] = NodeWork(node_id, self._turn)
        lane = work.lanes[model] = book.lanes[node_id] = Lane(book, work)
        return lane
