"""What all exchanges share: the balancer, the pools, the limits, and the sweep that enforces their deadlines."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from random import Random

from llmlb.auth.gatekeeper import Gatekeeper
from llmlb.clock import monotonic_s, perf_s, unix_s
from llmlb.config.settings import LimitsSettings, TimeoutsSettings
from llmlb.core.admission import Waiter
from llmlb.core.balancer import Balancer, Offer
from llmlb.core.change import Change
from llmlb.core.choice import InferenceRequest, Objective, Policy
from llmlb.core.lease import Lease
from llmlb.core.outcome import Outcome
from llmlb.core.record import ExchangeOutcome, ExchangeRecord
from llmlb.core.retry import RetryBudget, RetryRules
from llmlb.proxy.exchange import Exchange
from llmlb.proxy.pending import PendingWrites
from llmlb.proxy.pool import Upstreams
from llmlb.proxy.replies import Reply, trace_fields
from llmlb.proxy.template import RequestTemplate
from llmlb.proxy.timeouts import Timeouts
from llmlb.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PlaneRules:
    """The settings that the data path reads. recorded_bytes: of each prompt and answer; 0: they are not recorded."""

    limits: LimitsSettings
    timeouts: TimeoutsSettings
    retry: RetryRules
    recorded_bytes: int = 0


class DataPlane:
    """One for the process. announce: where changes of the core go.  finished: where records go.

    make_policy: the policy behind a name of the ``x-llmlb-policy`` header, or None.  objective_for: of a model and a
    key's name; None where nobody has any.  turned_away: where the records of requests go that got no further than
    their head; nobody's key stands behind them, so they must not crowd out others.  client_of: the address that counts,
    from the peer's and what proxies say.
    """

    def __init__(
        self,
        *,
        balancer: Balancer,
        gatekeeper: Gatekeeper,
        upstreams: Upstreams,
        metrics: Metrics,
        rules: PlaneRules,
        rng: Random,
        announce: Callable[[list[Change]], None],
        finished: Callable[[ExchangeRecord], None],
        make_policy: Callable[[str], Policy | None],
        objective_for: Callable[[str, str], Objective | None] | None = None,
        turned_away: Callable[[ExchangeRecord], None] = lambda record: None,
        client_of: Callable[[str, str], str] = lambda host, forwarded_for: host,
    ) -> None:
        self.balancer = balancer
        self.gatekeeper = gatekeeper
        self.upstreams = upstreams
        self.metrics = metrics
        self.rules = rules
        self.timeouts = Timeouts(rules.timeouts)
        self.rng = rng
        self.announce = announce
        self.finished = finished
        self.objective_for = objective_for
        self.client_of = client_of
        self._turned_away = turned_away
        self._make_policy = make_policy
        self._named_policies: dict[str, Policy] = {}
        self.budget = RetryBudget(rules.retry)
        self.exchanges: set[Exchange] = set()
        self.writes = PendingWrites(self.exchanges)
        self.request_id: Callable[[], str] = map(f"req_{rng.getrandbits(48):012x}%08x".__mod__, count(1)).__next__
        """The next id: unlike those of other routers and of earlier starts."""
        self.is_draining = False

    def turn_away(self, template: RequestTemplate, address: str, reply: Reply) -> bytes:
        """Note a request that is refused before it becomes an exchange. Returns the trace fields of its answer."""
        record = ExchangeRecord(
            id=self.request_id(),
            at_unix_s=unix_s(),
            endpoint=template.path,
            client_request_id=template.client_request_id,
            address=self.client_of(address, template.forwarded_for),
            status=reply.status,
            outcome=ExchangeOutcome.REFUSED,
            error=reply.message,
        )
        self._turned_away(record)
        return trace_fields(record, tries=0)

    def retry_after_s(self) -> int:
        """Between 1 and 5 s, so that refused clients do not come back in step."""
        return 1 + int(self.rng.random() * 5)

    def policy_named(self, mode: str) -> Policy | None:
        """The policy of an ``x-llmlb-policy`` header: made when first asked for, then kept, so that it can learn."""
        policy = self._named_policies.get(mode)
        if policy is None:
            policy = self._make_policy(mode)
            if policy is not None:
                self._named_policies[mode] = policy
        return policy

    def offer(self, request: InferenceRequest, waiter: Waiter | None, policy: Policy | None) -> Offer:
        started_s = perf_s()
        offer = self.balancer.offer(request, monotonic_s(), waiter, policy)
        if isinstance(offer, Lease):
            self.metrics.selections_s.append(perf_s() - started_s)
        return offer

    def settle(self, lease: Lease, outcome: Outcome, now_s: float) -> None:
        """Give a lease back, tell what changed, and let those who waited have the room."""
        changes = self.balancer.settle(lease, outcome, now_s)
        if changes:
            self.announce(changes)
        if self.balancer.queues:
            self.pump()

    def pump(self) -> None:
        """Serve the queues as far as there is room. Call it after anything that may have made some."""
        for grant in self.balancer.grants(monotonic_s()):
            waiter = grant.ticket.waiter
            assert isinstance(waiter, Exchange)
            waiter.granted(grant.lease)

    def sweep(self, now_s: float) -> None:
        """Enforce every deadline of every exchange. Call it at least twice a second. O(exchanges)."""
        self.budget.elapse(now_s)
        for ticket in self.balancer.expired(now_s):
            ticket.waiter.refused(ticket.in_vain)
        for exchange in [exchange for exchange in self.exchanges if exchange.deadline_at_s <= now_s]:
            exchange.overdue(now_s)
        self.upstreams.close_stale(now_s)
        self._count_leaks(now_s)

    def _count_leaks(self, now_s: float) -> None:
        """A lease whose exchange is gone would keep a node looking busy for ever."""
        held = {exchange.lease for exchange in self.exchanges}
        for lease in [lease for lease in self.balancer.leases if lease not in held]:
            self.metrics.leaked_leases += 1
            _log.error("a lease leaked", extra={"node_id": lease.node.id, "reason": lease.reason})
            self.settle(lease, Outcome.cancelled(), now_s)

    def depths(self) -> Mapping[str, int]:
        """How many requests wait, by model."""
        return {model: len(queue) for model, queue in self.balancer.queues.items()}
