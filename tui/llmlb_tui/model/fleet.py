"""Everything the console knows of one router: what the feed event, applied in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from typing import TYPE_CHECKING

from msgspec import UNSET

from llmlb_tui.model.alerts import Alert, ranked, read_alert
from llmlb_tui.model.events import EventRing, read_change, read_past, subject_of
from llmlb_tui.model.feed import FedEvent, FedSnapshot, as_event, as_snapshot
from llmlb_tui.model.history import History, Point
from llmlb_tui.model.node_fields import NodeFields
from llmlb_tui.model.nodes import NodeRow, Status, make_row
from llmlb_tui.model.reading import Fields, count, fields, instant, rows
from llmlb_tui.model.settings import Settings, read_settings
from llmlb_tui.model.text import clean
from llmlb_tui.model.totals import Capacity, Totals, capacity_of, totals_of
from llmlb_tui.model.traffic import NO_FLOWS, Flows, Traffic, TrafficMemory, read_traffic

if TYPE_CHECKING:
    from llmlb.client.sse import ServerEvent

MAX_NODES = 20_000
"""A stranger behind the URL cannot fill the memory; a router has a thousand nodes."""
MAX_ALERTS = 5_000


class FleetState:
    """The fleet as the console shows it. ``apply`` takes the feed's events and answers which nodes changed.

    Instants are by the router's clock in seconds since 1970, which ``router_now`` derives from the local monotonic
    clock, so that a laptop whose clock is wrong still shows right ages.
    """

    def __init__(self, *, now_s: float = 0.0, now_unix_s: float = 0.0) -> None:
        self.nodes: dict[str, NodeRow] = {}
        self.histories: dict[str, History] = {}
        self.alerts: dict[str, Alert] = {}
        self.events = EventRing()
        self.settings = Settings()
        self.traffic = Traffic()
        self.flows = NO_FLOWS
        self.memory = TrafficMemory()
        self.version = ""
        self.has_snapshot = False
        self.revision = 0
        """Grows with every change of a node; what is derived from nodes is made anew when it has grown."""
        self.news = 0
        """Grows when something happened that a person wants to see at once, and not with every heartbeat."""
        self._router_offset_s = now_unix_s - now_s
        self._local_offset_s = now_unix_s - now_s
        self._is_router_known = False
        self._totals: tuple[int, Totals] = (-1, Totals())
        self._capacity: tuple[int, Capacity] = (-1, Capacity())

    def copy(self) -> FleetState:
        """One that stands the same and goes its own way. Rows and events, which never change, are shared."""
        twin = copy(self)
        twin.nodes, twin.alerts = dict(self.nodes), dict(self.alerts)
        twin.histories = {node_id: history.copy() for node_id, history in self.histories.items()}
        twin.events, twin.memory = self.events.copy(), self.memory.copy()
        return twin

    # The clock

    def router_now(self, now_s: float) -> float:
        """The router's wall clock. now_s: local monotonic seconds."""
        return now_s + self._router_offset_s

    @property
    def skew_s(self) -> float | None:
        """How far the local wall clock is ahead of the router's; None until the router told its own."""
        return self._local_offset_s - self._router_offset_s if self._is_router_known else None

    def set_clock(self, router_unix_s: float, now_s: float) -> None:
        offset_s = router_unix_s - now_s
        # A router that is polled tells whole seconds: ages must not jump by what is cut off.
        if not self._is_router_known or abs(offset_s - self._router_offset_s) > 1.0:
            self._router_offset_s = offset_s
        self._is_router_known = True

    # What comes in

    def take(self, events: Iterable[ServerEvent], *, now_s: float) -> None:
        """As ``apply``, many at once: a thousand nodes say something every second."""
        for id, kind, data in events:
            if type(data) is FedEvent and data.change is None and type(data.node) is NodeFields:
                if self._put(data.node, now_s) is not None:
                    self.revision += 1
            else:
                self.apply(kind, data, id=id, now_s=now_s)

    def apply(self, kind: str, data: object, *, id: str = "", now_s: float) -> set[str]:
        """One event of the feed; returns the ids of nodes that changed, came or went. Unknown kinds are left alone.

        data: as ``feed.decode`` made it, or as any JSON is decoded.
        """
        if kind == "node":
            return self._take_node(as_event(data), id, now_s)
        if kind == "snapshot":
            return self._take_snapshot(as_snapshot(data), now_s)
        event = fields(data)
        match kind:
            case "fleet":
                self._note_change(event, id, now_s)
                if "fleet" in event:
                    self.traffic, self.flows = read_traffic(event["fleet"]), Flows(event["fleet"])
                    self.memory.add(self.traffic)
            case "settings":
                self._note_change(event, id, now_s)
                self.settings = read_settings(event.get("settings"))
            case "alert":
                self._note_change(event, id, now_s)
                self._take_alert(event.get("alert"))
            case _:
                pass
        return set()

    def forget_gap(self) -> None:
        """The console has not looked for a while: lines are interrupted, not drawn straight through."""
        for history in self.histories.values():
            history.gap()
        self.memory.gap()

    def set_alerts(self, answer: object) -> None:
        """The list of ``/v0/alerts``, or the snapshot's."""
        found = [alert for alert in map(read_alert, rows(answer)) if alert is not None]
        self.alerts = {alert.id: alert for alert in found[:MAX_ALERTS]}
        self.news += 1

    def _take_snapshot(self, event: FedSnapshot, now_s: float) -> set[str]:
        server_unix_s = instant(event.server_time)
        if server_unix_s is not None:
            self.set_clock(server_unix_s, now_s)
        self.version = clean(event.version, 40)
        self.settings = read_settings(event.settings)
        self.traffic, self.flows = read_traffic(event.fleet), Flows(event.fleet)
        self.memory.add(self.traffic)
        self.set_alerts(event.alerts)
        return self._replace_nodes(event.nodes, now_s)

    def _replace_nodes(self, given: Sequence[NodeFields], now_s: float) -> set[str]:
        self.has_snapshot = True
        self.news += 1
        before = set(self.nodes)
        changed: set[str] = set()
        present: set[str] = set()
        for node in given[:MAX_NODES]:
            row = self._put(node, now_s)
            if row is not None:
                present.add(row.id)
                changed.add(row.id)
        for node_id in before - present:
            self._drop(node_id)
        self.revision += 1
        return changed | before

    def _take_node(self, event: FedEvent, id: str, now_s: float) -> set[str]:
        if event.change is not None:
            self._note(event.change, event.alert, id, now_s)
        node = event.node
        if node is UNSET:
            return set()
        if node is None:
            node_id = clean(event.node_id)
            self._drop(node_id)
            self.revision += 1
            return {node_id}
        row = self._put(node, now_s)
        if row is None:
            return set()
        self.revision += 1
        return {row.id}

    def _put(self, given: NodeFields, now_s: float) -> NodeRow | None:
        # A known node's id is clean.
        known = self.nodes.get(given.id)
        row = make_row(given, now_s + self._router_offset_s, known)
        if row is None:
            return None
        if known is None:
            known = self.nodes.get(row.id)
            if known is None and len(self.nodes) >= MAX_NODES:
                return None
        history = self.histories.get(row.id)
        if history is None:
            history = self.histories[row.id] = History()
        if given.history is not None:
            history.read(given.history)
        elif known is None or known.heartbeats != row.heartbeats:
            history.add(Point(row.gpu, row.vram, row.active, row.avg_ms))
        if known is None or not _are_alike(known.status, row.status):
            self.news += 1
        self.nodes[row.id] = row
        return row

    def _drop(self, node_id: str) -> None:
        self.nodes.pop(node_id, None)
        self.histories.pop(node_id, None)
        self.news += 1

    def _take_alert(self, value: object) -> None:
        alert = read_alert(value)
        if alert is not None and (alert.id in self.alerts or len(self.alerts) < MAX_ALERTS):
            self.alerts[alert.id] = alert
            self.news += 1

    def _note_change(self, event: Fields, id: str, now_s: float) -> None:
        if "change" in event:
            self._note(event["change"], event.get("alert"), id, now_s)

    def _note(self, change: object, about: object, id: str, now_s: float) -> None:
        """Remember a change. about: the alert it was, if it was one."""
        kind, node_id, cause, actor, at_unix_s = read_change(change)
        if not kind:
            return
        self.news += 1
        alert = fields(about)
        self.events.add(
            kind,
            cause,
            at_unix_s=self.router_now(now_s) if at_unix_s is None else at_unix_s,
            subject=subject_of(kind, node_id, clean(alert.get("subject"))),
            node_id=node_id,
            actor=actor,
            id=clean(id, 40),
            rule=clean(alert.get("rule")),
        )

    def learn_past(self, answer: object, *, upto_id: str, now_s: float) -> None:
        """What ``/v0/events/recent`` answered. upto_id: of the snapshot that the feed began with, "" without a feed."""
        self.events.learn_past(read_past(answer, self.router_now(now_s)), upto_id=upto_id)
        self.news += 1

    # What goes out

    @property
    def totals(self) -> Totals:
        """Counted anew when a node has changed."""
        revision, known = self._totals
        if revision != self.revision:
            known = totals_of(self.nodes.values())
            self._totals = (self.revision, known)
        return known

    @property
    def capacity(self) -> Capacity:
        """Added up anew when a node has changed."""
        revision, known = self._capacity
        if revision != self.revision:
            known = capacity_of(self.nodes.values())
            self._capacity = (self.revision, known)
        return known

    def firing(self, now_s: float) -> list[Alert]:
        """Alerts that fire, those that need somebody first."""
        return [alert for alert in self.all_alerts(now_s) if alert.is_firing]

    def all_alerts(self, now_s: float) -> list[Alert]:
        return ranked(list(self.alerts.values()), self.router_now(now_s))

    def history(self, node_id: str) -> History | None:
        return self.histories.get(node_id)

    def unattended(self, now_s: float) -> int:
        """Alerts that need somebody."""
        now_unix_s = self.router_now(now_s)
        return count(sum(alert.needs_somebody(now_unix_s) for alert in self.alerts.values()))


def _are_alike(one: Status, other: Status) -> bool:
    """Whether a person sees no difference at once."""
    return one is other or (one.mood is other.mood and one.attention == other.attention)
