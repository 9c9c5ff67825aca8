"""The whole router as one object: built from settings and a store, started, drained, stopped."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import SystemRandom
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from llmlb.api.app import create_app
from llmlb.api.insight import alert_view, fleet_view, snapshot_view
from llmlb.api.node_acts import forget_expired, keep
from llmlb.api.node_records import node_counters
from llmlb.api.peers import TrustedProxies
from llmlb.api.restoring import restore_fleet
from llmlb.api.services import Services
from llmlb.api.thresholds import settings_view, thresholds_of
from llmlb.api.views import node_view
from llmlb.auth.gatekeeper import Gatekeeper
from llmlb.auth.listeners import listening_addresses
from llmlb.auth.passwords import Passwords
from llmlb.auth.sessions import Sessions
from llmlb.clock import monotonic_s, unix_s
from llmlb.config.loading import Loaded, StoredValue, apply_stored
from llmlb.config.objectives import Objectives
from llmlb.core.balancer import Balancer
from llmlb.core.change import Change
from llmlb.core.choice import Policy
from llmlb.core.fleet import Fleet
from llmlb.core.node import Node, NodeId
from llmlb.core.record import ExchangeRecord
from llmlb.errors import ConfigurationError, StoreError
from llmlb.proxy.asgi import DataPlaneApp
from llmlb.proxy.plane import DataPlane, PlaneRules
from llmlb.proxy.pool import NodeEndpoint, Upstreams
from llmlb.proxy.protocol import RouterProtocol, protocol_class
from llmlb.proxy.uvicorn_parts import missing_parts
from llmlb.runtime.bootstrap import (
    FirstCredentials,
    dev_credentials,
    first_administrator,
    forget_generated_password,
    jwt_secret,
    renew_local_token,
)
from llmlb.runtime.endpoints import Endpoints
from llmlb.runtime.loops import Loops
from llmlb.runtime.memory import Rush, give_back
from llmlb.runtime.names import NAMES_INTERVAL_S, Names
from llmlb.runtime.policy import make_policy
from llmlb.runtime.prober import Prober
from llmlb.runtime.rows import body_row, event_row
from llmlb.runtime.rules import alert_limits, alert_teller, fleet_rules, queue_rules, retry_rules
from llmlb.store import Store
from llmlb.telemetry.alert_rules import AlertView
from llmlb.telemetry.alerts import Alerts
from llmlb.telemetry.events import FleetEvent
from llmlb.telemetry.feed import Feed
from llmlb.telemetry.logs import Logs
from llmlb.telemetry.metrics import Metrics
from llmlb.telemetry.requests import RequestLog

TICK_S = 0.5
SWEEP_S = 0.25
FLUSH_S = 1.0
MAINTENANCE_S = 3600.0

_log = logging.getLogger(__name__)


class Router:
    """Owns every part and every periodic task. Use it from one event loop. port: where it really listens."""

    def __init__(self, loaded: Loaded, store: Store, data_dir: Path, logs: Logs, *, port: int) -> None:
        settings = loaded.settings
        self.loaded = loaded
        self.settings = settings
        self.store = store
        self.data_dir = data_dir
        self.logs = logs
        self.credentials = FirstCredentials()
        rng = SystemRandom()
        self.fleet = Fleet(rules=fleet_rules(settings), thresholds=thresholds_of(settings.load_balancer), rng=rng)
        self._failed_policies: set[tuple[str, type[Exception]]] = set()
        self.balancer = Balancer(
            self.fleet,
            self._make_policy("metrics"),
            queue_rules=queue_rules(settings),
            aliases=settings.models.aliases,
            rng=rng,
            policy_failed=self._policy_failed,
        )
        sessions = Sessions(jwt_secret(settings.auth, data_dir), lifetime_s=settings.auth.session_hours * 3600.0)
        self.gatekeeper = Gatekeeper(sessions)
        self.passwords = Passwords()
        self.metrics = Metrics(model_labels=settings.limits.model_labels)
        self.requests = RequestLog(takers=(self.metrics.take, self.logs.access))
        now_s = monotonic_s()
        self.alerts = Alerts(
            started_at_s=now_s,
            grace_s=settings.health.node_timeout_s,
            limits=alert_limits(settings.alerts),
        )
        self.teller = alert_teller(settings.alerts)
        self.feed = Feed(
            self.fleet,
            node_view=lambda node: node_view(node, self.fleet, monotonic_s()),
            settings_view=lambda: settings_view(self.services),
            snapshot_view=lambda: snapshot_view(self.services),
            first_id=int(unix_s() * 1_000_000),
            on_events=self._keep_events,
        )
        self.upstreams = Upstreams(
            self._endpoint_of,
            connect_timeout_s=settings.timeouts.connect_s,
            keep_alive_s=settings.timeouts.node_keep_alive_s,
        )
        objectives = Objectives(settings.objectives)
        self.plane = DataPlane(
            balancer=self.balancer,
            gatekeeper=self.gatekeeper,
            upstreams=self.upstreams,
            metrics=self.metrics,
            rules=PlaneRules(
                settings.limits,
                settings.timeouts,
                retry_rules(settings),
                recorded_bytes=settings.records.body_bytes if settings.records.bodies else 0,
            ),
            rng=rng,
            announce=self._announce,
            finished=self.requests.add,
            make_policy=self._policy_of_header,
            objective_for=objectives.objective_for if objectives else None,
            turned_away=self._turned_away,
            client_of=TrustedProxies(settings.server.trusted_proxies).client_of,
        )
        self.services = Services(
            settings=settings,
            origins=loaded.origins,
            balancer=self.balancer,
            store=store,
            gatekeeper=self.gatekeeper,
            sessions=sessions,
            passwords=self.passwords,
            feed=self.feed,
            metrics=self.metrics,
            requests=self.requests,
            alerts=self.alerts,
            rng=rng,
            pump=self.plane.pump,
            probe=lambda node: self.prober.ask(node),
            redial=self._redial,
            make_policy=self._make_policy,
            forget_password=lambda user: forget_generated_password(data_dir, user, self.passwords),
            is_draining=lambda: self.plane.is_draining,
            own_addresses=listening_addresses(settings.server.host, port),
            dev=loaded.dev,
        )
        self.endpoints = Endpoints(self.services)
        self.prober = Prober(self.services, self.endpoints)
        self.names = Names(self.services)
        self.loops = Loops()
        self.app: FastAPI = create_app(self.services, data_plane=DataPlaneApp(self.plane))
        self._kept: dict[NodeId, object] = {}
        self._counted: dict[NodeId, object] = {}
        self._expired: deque[NodeId] = deque()
        self._forgets_late = False
        self.connections: set[Any] = set()  # uvicorn's own set of protocols
        self._rush = Rush()

    # Starting

    async def restore(self) -> None:
        """Take over what the store holds. Nothing is dialled yet."""
        store = self.store
        for node in restore_fleet(self.services, await store.load_nodes(), await store.load_counters()):
            self._kept[node.id] = _own_state(node)
        self.gatekeeper.load(
            keys=await store.load_keys(),
            users=await store.load_users(),
            join_tokens=await store.load_join_tokens(),
            revoked_sessions=await store.load_revoked_sessions(),
        )
        self.services.rejected = dict(await store.load_rejections())
        await self._restore_live_settings()
        if self.loaded.dev:
            self.credentials = await dev_credentials(self.gatekeeper, self.passwords)
        else:
            self.credentials = await first_administrator(
                store, self.gatekeeper, self.passwords, settings=self.settings.auth, data_dir=self.data_dir
            )
        renew_local_token(self.gatekeeper, self.data_dir)

    async def _restore_live_settings(self) -> None:
        stored = {
            key: StoredValue(json.loads(value), json.loads(base))
            for key, (value, base) in (await self.store.load_settings()).items()
        }
        effective, dropped = apply_stored(self.loaded, stored)
        for key in dropped:
            _log.warning("a live change no longer holds", extra={"key": key})
            await self.store.delete_setting(key)
        self.services.origins = effective.origins
        live = effective.settings.load_balancer
        try:
            self.balancer.policy = self._make_policy(live.mode)
        except ConfigurationError as error:
            if live.mode == self.settings.load_balancer.mode:
                raise
            _log.error("the stored mode cannot be used", extra={"mode": live.mode, "error": error.message})
            live = replace(live, mode=self.settings.load_balancer.mode)
            self.balancer.policy = self._make_policy(live.mode)
        self.services.load_balancer = live
        self.fleet.set_thresholds(thresholds_of(live), monotonic_s())

    def start(self) -> None:
        """Begin everything that comes round."""
        loops = self.loops
        loops.start("tick", TICK_S, self._tick)
        loops.start("sweep", SWEEP_S, self._sweep)
        loops.start("probe", TICK_S, self.prober.one_round)
        loops.start("feed", SWEEP_S, self._feed)
        loops.start("flush", FLUSH_S, self._flush)
        loops.start("alerts", FLUSH_S, self._judge_alerts)
        for name, one_round in self.teller.rounds():
            loops.start(name, 0.0, one_round)
        loops.start("names", NAMES_INTERVAL_S, self.names.one_round)
        loops.start("forget", FLUSH_S, self._forget_expired)
        loops.start("backup", MAINTENANCE_S, self._back_up)
        loops.start("prune", MAINTENANCE_S, self._prune)

    # Stopping

    async def drain(self, timeout_s: float) -> None:
        """Take no new work, let running requests finish, cut off what is left."""
        self.plane.is_draining = True
        self.feed.close()
        give_up_at_s = monotonic_s() + timeout_s
        while self.plane.exchanges and monotonic_s() < give_up_at_s:  # noqa: ASYNC110 - an event per exchange costs more
            await asyncio.sleep(0.05)
        self.cut_off()

    def cut_off(self) -> None:
        """End every request that still runs; its stream says so."""
        self.plane.is_draining = True
        for exchange in list(self.plane.exchanges):
            exchange.cut_off("the router was stopped")

    async def stop(self) -> None:
        """Stop the tasks and write what waits."""
        await self.loops.stop()
        await self.prober.stop()
        self.upstreams.close()
        self._keep_records()
        try:
            await self._flush()
        except StoreError as error:
            _log.warning("the last states were not saved", extra={"error": error.message})

    def protocol_class(self) -> type[HttpToolsProtocol]:
        """What is given to uvicorn for each connection: ours, or its own where it is not the uvicorn we know."""
        missing = missing_parts(asyncio.get_running_loop())
        if missing:
            _log.warning(
                "this uvicorn lacks what the fast path needs: requests go the slow way, and heads are checked less "
                "strictly; install the version that llmlb asks for",
                extra={"missing": ", ".join(missing), "version": uvicorn.__version__},
            )
            return HttpToolsProtocol
        server = self.settings.server
        return protocol_class(
            self.plane,
            takes_data_plane=server.fast_path,
            max_connections=server.connections,
            keep_alive_s=server.keep_alive_s,
        )

    # What comes round

    async def _tick(self) -> None:
        # Nothing here waits for the store: a stuck disk must not keep silent nodes Online.
        changes = self.fleet.tick(monotonic_s())
        self._announce(changes)
        self.plane.pump()
        self._expired += [change.node_id for change in changes if change.node_id and change.node_id not in self.fleet]

    async def _forget_expired(self) -> None:
        """Remove what is left of nodes that time dropped. What the store refuses now waits for the next round."""
        try:
            while self._expired:
                await forget_expired(self.services, self._expired[0])
                self._expired.popleft()
        except StoreError as error:
            if not self._forgets_late:
                _log.warning("expired nodes stay in the store for now", extra={"error": error.message})
            self._forgets_late = True
        else:
            self._forgets_late = False

    async def _sweep(self) -> None:
        now_s = monotonic_s()
        self.plane.sweep(now_s)
        for connection in list(self.connections):
            if isinstance(connection, RouterProtocol):
                connection.sweep(now_s)
        if self._rush.is_over(len(self.connections)):
            await asyncio.to_thread(give_back)

    async def _feed(self) -> None:
        self.feed.flush(monotonic_s())
        self._keep_records()
        self.logs.flush()

    def _keep_records(self) -> None:
        self.store.enqueue_requests(self.requests.take_batch())

    async def _flush(self) -> None:
        self.feed.summarise(fleet_view(self.services))
        limit_bytes = self.settings.records.body_bytes
        self.store.enqueue_bodies([body_row(body, limit_bytes) for body in self.requests.take_bodies()])
        counted = {node.id: _own_counters(node) for node in self.fleet}
        moved = [node for node in self.fleet if self._counted.get(node.id) != counted[node.id]]
        self.store.enqueue_counters([node_counters(node) for node in moved])
        self._counted = counted
        await self._keep_states()

    async def _keep_states(self) -> None:
        """Save nodes that went on or off, or changed their models, by themselves: a killed router knows them then."""
        now = {node.id: _own_state(node) for node in self.fleet}
        self._kept = {node_id: state for node_id, state in self._kept.items() if node_id in now}
        for node_id, state in now.items():
            if self._kept.get(node_id) != state:
                await keep(self.services, node_id)
                self._kept[node_id] = state

    async def _judge_alerts(self) -> None:
        now_s, now_unix_s = monotonic_s(), unix_s()
        view = AlertView(
            fleet=self.fleet,
            rates=self.requests.rates(now_s),
            unix_s=now_unix_s,
            queue_depths=self.plane.depths(),
            leaked_leases=self.metrics.leaked_leases,
            store_error=self.store.stats.error,
            mode=self.services.load_balancer.mode,
        )
        changes = self.alerts.evaluate(view, now_s)
        for change in changes:
            self.feed.announce_alert(
                alert_view(change.alert),
                kind=change.kind.value,
                node_id=change.alert.node_id,
                cause=change.alert.cause,
                actor=change.actor,
                at_unix_s=now_unix_s,
            )
        self.teller.tell(changes)

    async def _back_up(self) -> None:
        try:
            await self.store.backup_daily(unix_s())
        except StoreError as error:
            _log.error("the daily backup was not made", extra={"error": error.message})

    async def _prune(self) -> None:
        now_unix_s = unix_s()
        self.gatekeeper.forget_expired(now_unix_s)
        try:
            await self.store.prune(now_unix_s)
        except StoreError as error:
            _log.error("old records were not deleted", extra={"error": error.message})

    # What others call

    def _announce(self, changes: Sequence[Change]) -> None:
        if changes:
            self.feed.announce(changes, at_unix_s=unix_s())

    def _turned_away(self, record: ExchangeRecord) -> None:
        self.metrics.take((record,))
        self.logs.access((record,))

    def _keep_events(self, events: Sequence[FleetEvent]) -> None:
        self.store.enqueue_events([event_row(event) for event in events])

    def _endpoint_of(self, node: Node) -> NodeEndpoint | None:
        return self.endpoints.endpoint_of(node)

    def _redial(self, node: Node) -> None:
        self.upstreams.forget(node)
        self.prober.forget(node)

    def _make_policy(self, mode: str) -> Policy:
        return make_policy(mode, lambda: self.fleet.thresholds)

    def _policy_failed(self, policy: Policy, error: Exception) -> None:
        """Once for each kind of failure: a policy that fails does so for every request."""
        name = f"{type(policy).__module__}:{type(policy).__qualname__}"
        if (name, type(error)) in self._failed_policies:
            return
        self._failed_policies.add((name, type(error)))
        _log.error("a policy fails; nodes take turns instead", extra={"policy": name}, exc_info=error)

    def _policy_of_header(self, mode: str) -> Policy | None:
        try:
            return self._make_policy(mode)
        except ConfigurationError:
            return None


def _own_counters(node: Node) -> object:
    """What moves whenever any of a node's totals or figures do."""
    return node.heartbeats, node.total_requests, node.in_flight, node.timeouts, node.last_seen_unix_s


def _own_state(node: Node) -> object:
    """What a node changes of its row by itself, between the acts of operators."""
    return node.state, node.boot_id, node.loaded, node.available
