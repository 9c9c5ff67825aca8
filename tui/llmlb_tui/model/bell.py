"""When to ring: for critical alerts that nobody was told of yet."""

from __future__ import annotations

from llmlb_tui.model.alerts import Alert
from llmlb_tui.model.fleet import FleetState

SHOWN_CAUSES = 3


class Bell:
    """Remembers which alerts it has seen. What fires when a router is looked at first is no news."""

    def __init__(self) -> None:
        self._state: FleetState | None = None
        self._news = -1
        self._seen: set[tuple[str, float]] = set()

    def fresh(self, state: FleetState, now_s: float) -> list[Alert]:
        """Critical alerts that began to fire since the last call and need somebody. now_s: monotonic."""
        if state is self._state and state.news == self._news:
            return []
        firing = {(alert.id, alert.fired_at_unix_s): alert for alert in state.firing(now_s)}
        is_known = state is self._state
        if is_known or state.has_snapshot:
            self._state, self._news = state, state.news
        before, self._seen = self._seen, set(firing)
        if not is_known:
            return []
        now_unix_s = state.router_now(now_s)
        new = [alert for key, alert in firing.items() if key not in before]
        return [alert for alert in new if alert.is_critical and alert.needs_somebody(now_unix_s)]


def notice(alerts: list[Alert], place: str) -> str:
    """What a terminal's notification says. place: what the console calls the router."""
    named = "; ".join(f"{alert.rule} {alert.subject}".strip() for alert in alerts[:SHOWN_CAUSES])
    more = f" and {len(alerts) - SHOWN_CAUSES} more" if len(alerts) > SHOWN_CAUSES else ""
    return f"llmlb {place}: {named}{more}"
