"""What happens to the fleet, told once: to the log, to the event list, to the store and to every console.

A console reads a snapshot and then differences. Changes that the core announces go out at once, each with its own id;
the ever moving figures of a node go out at most once a second. A console that comes back with the last id it saw gets
the changes it missed and the present view of every node that moved since: enough to be up to date, at a bounded cost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from llmlb.core.change import Change, ChangeKind
from llmlb.core.fleet import Fleet
from llmlb.core.node import Node, NodeId
from llmlb.telemetry.events import FleetEvent, View, log_change
from llmlb.telemetry.subscription import FeedEvent, FeedEventType, Subscription

LISTED_EVENTS = 10_000
BUFFERED_EVENTS = 4_000
"""For one slow reader: the views of 1,000 nodes and plenty of changes. Beyond it a snapshot is smaller."""
VIEWS_PER_FLUSH = 200
"""Node views made in one go, about 2 ms: a fleet in which everything moves must not hold up the streams."""
SCAN_INTERVAL_S = 1.0


class Feed:
    """The one place through which changes leave the router. Synchronous but for the reading of a subscription.

    node_view, settings_view, snapshot_view: make what consoles are shown; the feed knows no wire format.
    first_id: ids begin above it. Microseconds since 1970 at the start keep them growing over restarts, so that an id
    from before a restart is recognised and answered with a snapshot.
    on_events: gets everything that enters the event list; it must not wait.
    """

    def __init__(
        self,
        fleet: Fleet,
        *,
        node_view: Callable[[Node], View],
        settings_view: Callable[[], View],
        snapshot_view: Callable[[], View],
        first_id: int,
        on_events: Callable[[list[FleetEvent]], None] | None = None,
        listed_events: int = LISTED_EVENTS,
        buffered_events: int = BUFFERED_EVENTS,
    ) -> None:
        self.last_id = first_id
        self._fleet = fleet
        self._node_view = node_view
        self._settings_view = settings_view
        self._snapshot_view = snapshot_view
        self._on_events = on_events
        self._listed: deque[FleetEvent] = deque(maxlen=listed_events)
        self._buffered_events = buffered_events
        self._complete_after = first_id
        """Every listed event with a greater id is still listed."""
        self._subscriptions: set[Subscription] = set()
        self._fingerprints: dict[NodeId, object] = {}
        self._moved: dict[NodeId, None] = {}
        self._moved_ids: dict[NodeId, int] = {}
        self._summary: FeedEvent | None = None
        self._scanned_at_s = float("-inf")
        self._is_closed = False

    # Telling

    def announce(self, changes: Iterable[Change], *, actor: str = "", at_unix_s: float) -> None:
        """Tell what the core has changed: log it, list it, wake the consoles. actor: who did it, "" for nobody."""
        events = [self._enter(change, actor, at_unix_s) for change in changes]
        for position, event in enumerate(events):
            log_change(event)
            if event.type is FeedEventType.SETTINGS:
                # Thresholds decide what every node's view says about exclusion.
                self._moved.update(dict.fromkeys(node.id for node in self._fleet))
            has_view = position < VIEWS_PER_FLUSH
            if event.node_id and not has_view:
                self._moved[event.node_id] = None
            if self._subscriptions:
                self._offer(self._published(event, with_view=has_view))
        self._hand_out(events)

    def announce_alert(
        self, alert: View, *, kind: str, node_id: NodeId, cause: str, actor: str, at_unix_s: float
    ) -> None:
        """Tell that an alert fires, is over, or was acknowledged or silenced. kind: which of these.

        The log is told by the alert sinks.
        """
        event = FleetEvent(self._next_id(), at_unix_s, FeedEventType.ALERT, kind, node_id, cause, actor, alert)
        self._list(event)
        self._offer(self._published(event, with_view=True))
        self._hand_out([event])

    def summarise(self, summary: View) -> None:
        """Tell the fleet's rates and counts; only the newest matters. Call it about once a second."""
        data = {"fleet": summary}
        self._summary = FeedEvent(self._next_id(), FeedEventType.FLEET, data, "fleet")
        self._offer(self._summary)

    def flush(self, now_s: float) -> None:
        """Tell which nodes' figures moved: looks once a second, tells at most 200 nodes per call.

        Call it four or five times a second.
        """
        if now_s - self._scanned_at_s >= SCAN_INTERVAL_S:
            self._scanned_at_s = now_s
            self._scan()
        for node_id in list(self._moved)[:VIEWS_PER_FLUSH]:
            del self._moved[node_id]
            node = self._fleet.get(node_id)
            if node is None:
                continue
            self._moved_ids[node_id] = self._next_id()
            if self._subscriptions:
                self._offer(self._moved_event(node))

    # Reading

    def subscribe(self, last_event_id: int | None = None) -> Subscription:
        """A reader. With the last id it saw it gets what it missed, if that is still known; else a snapshot first."""
        subscription = Subscription(
            limit=self._buffered_events,
            missed=None if last_event_id is None else self._missed(last_event_id),
            snapshot=self._snapshot,
            forget=self._subscriptions.discard,
        )
        self._subscriptions.add(subscription)
        if self._is_closed:
            subscription.close()
        return subscription

    @property
    def subscribers(self) -> int:
        return len(self._subscriptions)

    def events(self, limit: int = 100, *, before_id: int | None = None, node_id: str | None = None) -> list[FleetEvent]:
        """The newest listed events that match, newest first."""
        found: list[FleetEvent] = []
        for event in reversed(self._listed):
            if len(found) >= limit:
                break
            if (before_id is None or event.id < before_id) and (node_id is None or event.node_id == node_id):
                found.append(event)
        return found

    def close(self) -> None:
        """End every subscription, and each that comes later: the router goes down."""
        self._is_closed = True
        for subscription in list(self._subscriptions):
            subscription.close()

    # How it is done

    def _next_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def _enter(self, change: Change, actor: str, at_unix_s: float) -> FleetEvent:
        kind = FeedEventType.NODE if change.node_id else FeedEventType.FLEET
        if change.kind is ChangeKind.SETTINGS:
            kind = FeedEventType.SETTINGS
        event = FleetEvent(self._next_id(), at_unix_s, kind, change.kind, change.node_id, change.cause, actor, {})
        self._list(event)
        return event

    def _list(self, event: FleetEvent) -> None:
        if len(self._listed) == self._listed.maxlen:
            self._complete_after = self._listed[0].id
        self._listed.append(event)

    def _hand_out(self, events: list[FleetEvent]) -> None:
        if events and self._on_events is not None:
            self._on_events(events)

    def _offer(self, event: FeedEvent) -> None:
        for subscription in self._subscriptions:
            subscription.offer(event)

    def _published(self, event: FleetEvent, *, with_view: bool) -> FeedEvent:
        """A listed event as consoles get it: with the present view of what it is about."""
        data: dict[str, object] = {"change": _change_view(event)}
        match event.type:
            case FeedEventType.NODE:
                data["node_id"] = event.node_id
                node = self._fleet.get(event.node_id)
                if node is None or with_view:
                    data["node"] = None if node is None else self._node_view(node)
            case FeedEventType.SETTINGS:
                data["settings"] = self._settings_view()
            case FeedEventType.ALERT:
                data["alert"] = event.detail
            case FeedEventType.FLEET | FeedEventType.SNAPSHOT:
                pass
        return FeedEvent(event.id, event.type, data, str(event.id))

    def _moved_event(self, node: Node) -> FeedEvent:
        data = {"node_id": node.id, "node": self._node_view(node)}
        return FeedEvent(self._moved_ids[node.id], FeedEventType.NODE, data, f"node {node.id}")

    def _snapshot(self) -> FeedEvent:
        return FeedEvent(self.last_id, FeedEventType.SNAPSHOT, self._snapshot_view(), "snapshot")

    def _missed(self, last_event_id: int) -> list[FeedEvent] | None:
        """What came after an id, in order; None when that is no longer known or too much."""
        if not self._complete_after <= last_event_id <= self.last_id:
            return None
        changes = [event for event in self._listed if event.id > last_event_id]
        moved = [node_id for node_id, moved_id in self._moved_ids.items() if moved_id > last_event_id]
        if len(changes) + len(moved) >= self._buffered_events:
            return None
        nodes = [node for node in map(self._fleet.get, moved) if node is not None]
        missed = [self._published(event, with_view=False) for event in changes]
        missed += [self._moved_event(node) for node in nodes]
        if self._summary is not None and self._summary.id > last_event_id:
            missed.append(self._summary)
        return sorted(missed, key=lambda event: event.id)

    def _scan(self) -> None:
        fingerprints: dict[NodeId, object] = {}
        for node in self._fleet:
            fingerprint = fingerprints[node.id] = _fingerprint(node)
            if self._fingerprints.get(node.id) != fingerprint:
                self._moved[node.id] = None
        if len(fingerprints) < len(self._moved_ids):
            self._moved_ids = {node_id: at for node_id, at in self._moved_ids.items() if node_id in fingerprints}
        self._fingerprints = fingerprints


def _fingerprint(node: Node) -> object:
    """What a console shows of a node, as far as it can change between heartbeats."""
    return (
        node.heartbeats,
        node.revision,
        node.active,
        node.total_requests,
        node.failed_requests,
        node.state,
        node.late,
        node.draining,
        node.fitness,
        node.ineligibility,
        node.circuit.state,
    )


def _change_view(event: FleetEvent) -> View:
    return {
        "kind": event.kind,
        "node_id": event.node_id,
        "cause": event.cause,
        "actor": event.actor,
        "at_unix_s": event.at_unix_s,
    }
