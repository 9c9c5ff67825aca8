"""How the load was spread over the nodes, and what that cost: the figures only a balancer has. Pure."""

from __future__ import annotations

import bisect
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from llmlb.loadtest.percentiles import Sample
from llmlb.loadtest.record import Record
from llmlb.loadtest.taxonomy import Ending

_NOT_LOST = frozenset({Ending.HTTP_4XX, Ending.HTTP_429, Ending.WRONG_USAGE, Ending.CLIENT_ERROR})
"""Failures that another node would not have prevented."""


@dataclass(frozen=True, slots=True)
class NodeFigures:
    """What one node did. weight: its expected part.  in_flight: mean and most at once, as this client saw it."""

    node: str
    weight: float
    requests: int
    share: float
    tokens: int
    token_share: float
    in_flight_mean: float
    in_flight_max: int
    ttft: Sample = field(repr=False)
    tpot: Sample = field(repr=False)
    e2e: Sample = field(repr=False)
    hit_rate: float | None
    retries: int
    errors: int


@dataclass(frozen=True, slots=True)
class ReasonFigures:
    """How often a reason decided, and the mean TTFT of those requests in seconds (None: no tokens)."""

    reason: str
    requests: int
    share: float
    ttft_mean_s: float | None


@dataclass(frozen=True, slots=True)
class Balance:
    """The spread over the nodes; empty against a server that does not name them.

    imbalance: greatest through mean utilisation, 1 is even.  jain: fairness of request shares, 1 is even.
    as_intended: probability of a spread at least this uneven if the weights were followed by chance.
    retries: tries beyond the first.  failovers: answered after more than one try.  lost: failed before the first
    token although others were answered meanwhile.  broken: failed after the first token.  hit_rate: share of
    prompt tokens read from a cache.  affinity: share of follow-up turns that stayed on their node.
    """

    nodes: tuple[NodeFigures, ...]
    reasons: tuple[ReasonFigures, ...]
    imbalance: float | None
    jain: float | None
    as_intended: float | None
    retries: int
    failovers: int
    lost: int
    broken: int
    hit_rate: float | None
    affinity: float | None


def balance_of(
    records: Sequence[Record], *, weights: Mapping[str, float], nodes: Sequence[str], window_s: float
) -> Balance:
    """The spread of the records. weights: 1 where absent.  nodes: those that could have served."""
    by_node: dict[str, list[Record]] = {node: [] for node in nodes}
    for record in records:
        if record.routing.node:
            by_node.setdefault(record.routing.node, []).append(record)
    figures = _node_figures(by_node, weights, window_s)
    failed = [record for record in records if record.ending.is_failure]
    return Balance(
        nodes=figures,
        reasons=_reasons(records),
        imbalance=_imbalance(by_node, weights),
        jain=jain([figure.requests / figure.weight for figure in figures]),
        as_intended=chi_square_p([f.requests for f in figures], [f.weight for f in figures]),
        retries=sum(record.routing.attempts - 1 for record in records),
        failovers=sum(record.routing.attempts > 1 and record.ending.is_ok for record in records),
        lost=_lost(failed, [record for record in records if record.ending.is_ok]),
        broken=sum(record.first_content_at_s is not None for record in failed),
        hit_rate=_hit_rate(records),
        affinity=_affinity(records),
    )


def jain(parts: Sequence[float]) -> float | None:
    """Jain's fairness index, 1/n..1; None for fewer than two parts or nothing to share.

    Source: Jain, Chiu & Hawe 1984.
    """
    squares = sum(part * part for part in parts)
    return sum(parts) ** 2 / (len(parts) * squares) if len(parts) > 1 and squares else None


def chi_square_p(observed: Sequence[int], weights: Sequence[float]) -> float | None:
    """p-value of the observed counts under the weights; None for fewer than two nodes or 5 requests per node.

    Source: Wilson & Hilferty 1931, the cube-root normal approximation of chi-square.
    """
    total, weight = sum(observed), sum(weights)
    freedom = len(observed) - 1
    if freedom < 1 or weight <= 0 or total < 5 * len(observed):
        return None
    expected = [total * part / weight for part in weights]
    statistic = sum((count - due) ** 2 / due for count, due in zip(observed, expected, strict=True))
    spread = 2 / (9 * freedom)
    z = ((statistic / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    return 0.5 * math.erfc(z / math.sqrt(2))


def most_at_once(records: Sequence[Record]) -> int:
    """The greatest number of requests in flight at one instant."""
    edges = sorted(
        edge
        for record in records
        if record.sent_at_s is not None
        for edge in ((record.sent_at_s, 1), (record.ended_at_s, -1))
    )
    return max(itertools.accumulate(change for _, change in edges), default=0)


def _node_figures(
    by_node: Mapping[str, Sequence[Record]], weights: Mapping[str, float], window_s: float
) -> tuple[NodeFigures, ...]:
    requests = sum(len(records) for records in by_node.values()) or 1
    tokens = sum(r.tokens.completion for records in by_node.values() for r in records) or 1
    return tuple(
        _one_node(node, by_node[node], weights.get(node, 1.0), (requests, tokens, window_s))
        for node in sorted(by_node, key=_natural)
    )


def _one_node(node: str, records: Sequence[Record], weight: float, whole: tuple[int, int, float]) -> NodeFigures:
    requests, tokens, window_s = whole
    failures = sum(record.ending.is_failure for record in records)
    answered = [record for record in records if record.ending.is_ok]
    own_tokens = sum(record.tokens.completion for record in records)
    busy_s = sum(record.e2e_service_s or 0.0 for record in records)
    streamed = any(record.first_content_at_s is not None for record in records)
    return NodeFigures(
        node=node,
        weight=weight,
        requests=len(records),
        share=len(records) / requests,
        tokens=own_tokens,
        token_share=own_tokens / tokens,
        in_flight_mean=busy_s / window_s if window_s else 0.0,
        in_flight_max=most_at_once(records),
        ttft=Sample((r.ttft_s for r in answered if r.ttft_s is not None), failures=failures if streamed else 0),
        tpot=Sample(r.tpot_s for r in answered if r.tpot_s is not None),
        e2e=Sample((r.e2e_s for r in answered), failures=failures),
        hit_rate=_hit_rate(records),
        retries=sum(record.routing.attempts - 1 for record in records),
        errors=failures,
    )


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts node-2 before node-10."""
    parts = ("".join(run) for _, run in itertools.groupby(name, str.isdecimal))
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def _reasons(records: Sequence[Record]) -> tuple[ReasonFigures, ...]:
    counts = Counter(record.routing.reason for record in records if record.routing.reason)
    ttfts: dict[str, list[float]] = defaultdict(list)
    for record in records:
        if record.ttft_s is not None:
            ttfts[record.routing.reason].append(record.ttft_s)
    total = counts.total() or 1
    return tuple(
        ReasonFigures(reason, count, count / total, _mean(ttfts[reason])) for reason, count in counts.most_common()
    )


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _imbalance(by_node: Mapping[str, Sequence[Record]], weights: Mapping[str, float]) -> float | None:
    """Greatest through mean utilisation: token-seconds served through capacity (the weight)."""
    busy = [
        sum((r.tokens.prompt + r.tokens.completion or 1) * (r.e2e_service_s or 0.0) for r in records)
        / weights.get(node, 1.0)
        for node, records in by_node.items()
    ]
    total = sum(busy)
    return max(busy) / (total / len(busy)) if len(busy) > 1 and total else None


def _lost(failed: Sequence[Record], answered: Sequence[Record]) -> int:
    """Failures before the first token during which some other request was being answered."""
    by_start = sorted((record.sent_at_s or 0.0, record.ended_at_s) for record in answered)
    starts_s = [start_s for start_s, _ in by_start]
    latest_end_s = list(itertools.accumulate((end_s for _, end_s in by_start), max))
    lost = 0
    for record in failed:
        if record.first_content_at_s is not None or record.ending in _NOT_LOST:
            continue
        position = bisect.bisect_right(starts_s, record.ended_at_s) - 1
        lost += position >= 0 and latest_end_s[position] >= record.scheduled_at_s
    return lost


def _hit_rate(records: Sequence[Record]) -> float | None:
    told = [record.tokens for record in records if record.tokens.cached is not None and record.tokens.prompt]
    prompt = sum(tokens.prompt for tokens in told)
    return sum(tokens.cached or 0 for tokens in told) / prompt if prompt else None


def _affinity(records: Sequence[Record]) -> float | None:
    """Over the turns whose own node and whose previous turn's node are both known."""
    nodes = {
        (record.label.session, record.label.turn): record.routing.node
        for record in records
        if record.label.session >= 0 and record.routing.node
    }
    stayed = [
        node == nodes[session, turn - 1] for (session, turn), node in nodes.items() if (session, turn - 1) in nodes
    ]
    return sum(stayed) / len(stayed) if stayed else None
