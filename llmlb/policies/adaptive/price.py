"""What sending a request to a node would cost, in seconds, and how costs are compared."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from msgspec import Struct

from llmlb.core.choice import Candidate, Cost, Endpoint, InferenceRequest, Objective
from llmlb.core.prefix import BLOCK_BYTES
from llmlb.policies.adaptive.lane import FEW_SAMPLES, Lane, ModelBook

DECODE_SHARE = 0.05
"""Part of the answer's time that counts. Nearly every answer keeps its pace on nearly every node; the first token is
what suffers from a bad choice. Measured: 0.02 to 0.1 is flat, 0.5 overloads the slow nodes."""
PACE_SHARE = 0.3
"""Part of the time by which an answer is slower than its objective that counts besides."""
LOAD_FACTOR = 2.0
"""A load also costs the model that it evicts, and the requests of the one after it."""
TRIAL_SHARE = 0.5
"""An idle node of which little is known is tried, with one request at a time: neither starved nor flooded."""
SLACK = 1.05
EQUAL_S = 0.005
"""Costs this close are taken for equal: no estimate is better than that, and equals take turns."""

Price = tuple[float, int, Lane, int, float]
"""Seconds, the node's turn, the lane, tokens to read, seconds of waiting. Turns are unique: a comparison never reaches
the lane."""


class Demand(Struct, frozen=True, gc=False):
    """What a request asks of a node, before anything is known of the node. tpot_s: infinite without an objective."""

    tokens: int
    output_tokens: float
    tpot_s: float
    block_tokens: float
    """How many tokens a block of its prompt is."""


def demand_of(request: InferenceRequest, book: ModelBook) -> Demand:
    """Sizes that are not known yet are those that the model's requests usually have."""
    bytes_per_token, prompt = book.bytes_per_token, request.prompt
    tokens = 1 + int((request.body_bytes if prompt is None else prompt.text_bytes) / bytes_per_token)
    if tokens == 1:
        tokens = int(book.prompt_tokens)
    output, most, objective = book.output_tokens, request.max_tokens, request.objective
    if request.endpoint is Endpoint.EMBEDDINGS:
        output = 0.0
    elif most is not None and most < output:
        output = float(most)
    return Demand(tokens, output, inf if objective is None else objective.tpot_s, BLOCK_BYTES / bytes_per_token)


def text_bytes_of(request: InferenceRequest) -> int:
    return request.body_bytes if request.prompt is None else request.prompt.text_bytes


def price_of(lane: Lane, node: Candidate, tokens: int, demand: Demand, now_s: float) -> Price:
    """In full. tokens: of the prompt, those that the node has to read."""
    work, prefill, decode, output_tokens = lane.work, lane.prefill, lane.decode, demand.output_tokens
    step_s = decode.base + decode.slope * node.active
    seconds = prefill.base + prefill.slope * tokens + DECODE_SHARE * output_tokens * step_s
    if step_s > demand.tpot_s:
        seconds += PACE_SHARE * output_tokens * (step_s - demand.tpot_s)
    in_flight, wait_s = work.in_flight, work.wait_s(now_s)
    if in_flight + 1 > work.room:
        # Prompts are read while answers end: both waits pass at the same time.
        wait_s = max(wait_s, work.full_s(lane.book.output_tokens * decode.at(in_flight)))
    seconds += wait_s
    if not in_flight and lane.samples < FEW_SAMPLES:
        seconds *= TRIAL_SHARE
    if not lane.is_resident and not lane.loads:
        seconds += LOAD_FACTOR * lane.expected_load_s
    if work.failures:
        seconds += work.penalty_s(now_s)
    return seconds, work.turn, lane, tokens, wait_s


def longest_not_chosen(prices: Sequence[Price]) -> Price:
    """Of the cheapest and those that cost as good as the same; first those that have more of the prompt already.

    prices: in order.
    """
    best = prices[0]
    limit_s, least, longest = best[0] * SLACK + EQUAL_S, best[3], best[1]
    for price in prices:
        if price[0] > limit_s:
            break
        tokens = price[3]
        if tokens < least or (tokens == least and price[1] < longest):
            best, least, longest = price, tokens, price[1]
    return best


def follows_prefix(chosen: Price, prices: Sequence[Price], all_tokens: int) -> bool:
    """Whether the choice would have been another had nobody held a part of the prompt. prices: in order."""
    if chosen[3] == all_tokens:
        return False
    unread_s = chosen[0] + (all_tokens - chosen[3]) * chosen[2].prefill.slope
    bar_s = (unread_s - EQUAL_S) / SLACK
    for seconds, _, lane, tokens, _ in prices:
        if seconds >= bar_s:
            # Nor would those after it be better without what they hold.
            return False
        if seconds + (all_tokens - tokens) * lane.prefill.slope < bar_s:
            return True
    return False


def first_token_s(price: Price) -> float:
    """Until its first token would come; no share, no penalty."""
    _, _, lane, tokens, wait_s = price
    return wait_s + lane.prefill.at(tokens) + (lane.expected_load_s if lane.needs_load else 0.0)


def could_be_in_time(price: Price, objective: Objective) -> bool:
    """Whether the node, if it had nothing else to do, would meet the objective."""
    lane = price[2]
    return first_token_s(price) - price[4] <= objective.ttft_s and lane.decode.base <= objective.tpot_s


def keeps_pace(price: Price, objective: Objective) -> bool:
    """Whether the answer would be fast enough beside those that the node writes now."""
    lane = price[2]
    return lane.decode.at(lane.work.in_flight) <= objective.tpot_s


def costs_of(prices: Sequence[Price], demand: Demand, now_s: float) -> tuple[Cost, ...]:
    """Prices in their terms, for people."""
    costs = []
    for price in prices:
        total_s, _, lane, tokens, wait_s = price
        prefill = lane.prefill
        prefill_s = prefill.base + prefill.slope * tokens
        terms = {"wait": wait_s, "prefill": prefill_s, "decode": total_s - (wait_s + prefill_s)}
        if demand.tpot_s != inf or now_s >= lane.quoted_until_s:
            _set_apart(terms, price, demand, now_s)
        costs.append(Cost(lane.work.id, total_s, terms))
    return tuple(costs)


def _set_apart(terms: dict[str, float], price: Price, demand: Demand, now_s: float) -> None:
    """Take out of ``decode`` what is not; that is what a node in use without an objective has no term for."""
    rest_s, _, lane, _, _ = price
    work, tpot_s = lane.work, demand.tpot_s
    if lane.needs_load:
        terms["load"] = LOAD_FACTOR * lane.expected_load_s
        rest_s -= terms["load"]
    if work.failures:
        terms["penalty"] = work.penalty_s(now_s)
        rest_s -= terms["penalty"]
    if not work.in_flight and lane.samples < FEW_SAMPLES:
        terms["trial"] = rest_s - rest_s / TRIAL_SHARE
        rest_s /= TRIAL_SHARE
    rest_s -= terms["wait"] + terms["prefill"]
    if tpot_s != inf:
        # The step is what makes up the rest: share * step + pace share * (step - objective), or only the first.
        terms["pace"] = _pace_of(rest_s, demand)
        rest_s -= terms["pace"]
    terms["decode"] = rest_s


def _pace_of(rest_s: float, demand: Demand) -> float:
    """How much of decode and pace together is pace."""
    output, tpot_s = demand.output_tokens, demand.tpot_s
    on_pace_s = DECODE_SHARE * output * tpot_s
    if rest_s <= on_pace_s:
        return 0.0
    return (rest_s - on_pace_s) * PACE_SHARE / (PACE_SHARE + DECODE_SHARE)
