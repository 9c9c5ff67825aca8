"""What the control plane works with; the runtime builds it once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from llmlb import clock
from llmlb.api.locks import Locks
from llmlb.api.node_records import NodeRecord
from llmlb.api.peers import TrustedProxies
from llmlb.api.registration_limits import RegistrationLimiter
from llmlb.auth.limits import LoginLimiter
from llmlb.auth.login import LoginDesk
from llmlb.config.sections import LoadBalancerSettings
from llmlb.config.settings import Settings
from llmlb.core.balancer import Balancer
from llmlb.core.change import Change
from llmlb.core.choice import Policy
from llmlb.core.fleet import Fleet
from llmlb.core.node import Node, NodeId
from llmlb.telemetry.exposition import Exposition

if TYPE_CHECKING:
    from llmlb.auth.gatekeeper import Gatekeeper
    from llmlb.auth.passwords import Passwords
    from llmlb.auth.sessions import Sessions
    from llmlb.config.origins import Origin
    from llmlb.store import Store
    from llmlb.store.rows import UserRow
    from llmlb.telemetry.alerts import Alerts
    from llmlb.telemetry.feed import Feed
    from llmlb.telemetry.metrics import Metrics
    from llmlb.telemetry.requests import RequestLog


@dataclass(slots=True, eq=False, kw_only=True)
class Services:
    """The router's parts as the control plane sees them, and the little that the control plane itself remembers.

    settings, origins: as configured, without live changes.  load_balancer: the settings in force.
    pump: serves waiting requests; called after anything that may have made room.  probe: asks a node's engine soon.
    redial: a node is gone or is dialled differently from now on.  make_policy: raises ConfigurationError.
    forget_password: the password of a user, as the row has it, no longer counts.
    own_addresses: where this router listens, which no node may be.  dev: well-known credentials, no limits.
    """

    settings: Settings
    origins: Mapping[str, Origin]
    balancer: Balancer
    store: Store
    gatekeeper: Gatekeeper
    sessions: Sessions
    passwords: Passwords
    feed: Feed
    metrics: Metrics
    requests: RequestLog
    alerts: Alerts
    rng: Random
    pump: Callable[[], None]
    probe: Callable[[Node], None]
    redial: Callable[[Node], None]
    make_policy: Callable[[str], Policy]
    forget_password: Callable[[UserRow], Awaitable[None]]
    is_draining: Callable[[], bool]
    own_addresses: frozenset[tuple[str, int]] = frozenset()
    dev: bool = False
    now_s: Callable[[], float] = clock.monotonic_s
    now_unix_s: Callable[[], float] = clock.unix_s

    load_balancer: LoadBalancerSettings = field(init=False)
    node_records: dict[NodeId, NodeRecord] = field(default_factory=dict)
    rejected: dict[str, float] = field(default_factory=dict)
    """Ids that may not come back, and until when in unix seconds."""
    arriving: set[NodeId] = field(default_factory=set)
    """Ids of registrations that wait for the store."""
    password_changes: LoginLimiter = field(default_factory=LoginLimiter)
    logins: LoginDesk = field(init=False)
    registrations: RegistrationLimiter = field(default_factory=RegistrationLimiter)
    locks: Locks = field(default_factory=Locks)
    proxies: TrustedProxies = field(init=False)
    exposition: Exposition = field(init=False)
    started_at_s: float = field(init=False)
    started_at_unix_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.load_balancer = self.settings.load_balancer
        self.logins = LoginDesk(self.gatekeeper, self.passwords)
        self.exposition = Exposition(self.metrics, self.balancer)
        self.proxies = TrustedProxies(self.settings.server.trusted_proxies)
        self.started_at_s = self.now_s()
        self.started_at_unix_s = self.now_unix_s()

    @property
    def fleet(self) -> Fleet:
        return self.balancer.fleet

    def announce(self, changes: Iterable[Change], *, actor: str = "") -> None:
        """Tell what the core has changed, and serve whoever waited for it."""
        told = list(changes)
        if told:
            self.feed.announce(told, actor=actor, at_unix_s=self.now_unix_s())
        self.pump()

    def forget_figures(self, node_id: NodeId) -> None:
        """Drop the series of a node that is removed. What still waits to be counted would bring them back."""
        self.requests.count()
        self.metrics.forget(node_id)

    def engine_key(self, node_id: NodeId) -> str:
        """What a node's engine wants as its bearer credential: the live word before the file's; "" for nothing."""
        record = self.node_records.get(node_id)
        if record is not None and record.api_key:
            return record.api_key
        configured = self.settings.nodes.get(node_id)
        return "" if configured is None else configured.api_key
