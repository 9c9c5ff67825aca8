"""What has to be remembered between two looks at the fleet for the alert rules to judge it."""

from __future__ import annotations

from llmlb.core.fleet import Fleet
from llmlb.core.health import NodeState
from llmlb.core.node import NodeId
from llmlb.telemetry.alert_rules import AlertLimits, AlertView, Evidence

TWIN_MEMORY_S = 600.0
"""A refused twin cannot be seen to stop; ten minutes without another sign of it count as gone."""


class AlertWatch:
    """Remembers who went Offline by a timeout, and who has a twin."""

    def __init__(self) -> None:
        self._timeouts: dict[NodeId, int] = {}
        self._twins: dict[NodeId, tuple[str, float]] = {}

    def look(self, view: AlertView, limits: AlertLimits, now_s: float) -> Evidence:
        quiet = self._quiet(view.fleet)
        twins = self._with_twin(view.fleet, now_s)
        return Evidence(view, limits, now_s, quiet, twins)

    def refused_twin(self, node_id: NodeId, now_s: float) -> None:
        boot_id, _ = self._twins.get(node_id, ("", 0.0))
        self._twins[node_id] = (boot_id, now_s)

    def _quiet(self, fleet: Fleet) -> set[NodeId]:
        known = self._timeouts
        self._timeouts = {}
        quiet: set[NodeId] = set()
        for node in fleet:
            seen = node.timeouts if node.state is not NodeState.OFFLINE else known.get(node.id, node.timeouts)
            self._timeouts[node.id] = seen
            if node.state is NodeState.OFFLINE and node.timeouts <= seen:
                quiet.add(node.id)
        return quiet

    def _with_twin(self, fleet: Fleet, now_s: float) -> set[NodeId]:
        twins: dict[NodeId, tuple[str, float]] = {}
        for node in fleet:
            if not node.refused_boot_id:
                continue
            boot_id, seen_at_s = self._twins.get(node.id, ("", now_s))
            twins[node.id] = (node.refused_boot_id, seen_at_s if boot_id in ("", node.refused_boot_id) else now_s)
        self._twins = twins
        return {node_id for node_id, (_, seen_at_s) in twins.items() if now_s - seen_at_s < TWIN_MEMORY_S}
