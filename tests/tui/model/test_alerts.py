from __future__ import annotations

from typing import Any

from hypothesis import given
from tui.fake_router import START_UNIX_S, FakeRouter
from tui.model.test_reading import JSON

from llmlb_tui.model.alerts import Alert, ranked, read_alert


def alert_json(alert_id: str, **fields: object) -> dict[str, Any]:
    """An alert as the router lists it."""
    router = FakeRouter(0)
    router.alert(alert_id, **fields)
    return router.alerts[alert_id]


def alert(alert_id: str, **fields: object) -> Alert:
    found = read_alert(alert_json(alert_id, **fields))
    assert found is not None
    return found


def test_the_oldest_critical_alert_that_nobody_has_taken_comes_first() -> None:
    alerts = [
        alert("over", resolved_at_unix_s=START_UNIX_S),
        alert("acked", acknowledged_by="user:bob"),
        alert("warning", severity="warning"),
        alert("young"),
        alert("old", fired_at_unix_s=START_UNIX_S - 900),
        alert("silent", silenced_until_unix_s=START_UNIX_S + 60),
    ]
    found = [each.id for each in ranked(alerts, START_UNIX_S)]
    assert found == ["old", "young", "warning", "acked", "silent", "over"]


def test_a_silence_ends_by_itself() -> None:
    quiet = alert("a", silenced_until_unix_s=START_UNIX_S + 60)
    assert not quiet.needs_somebody(START_UNIX_S)
    assert quiet.needs_somebody(START_UNIX_S + 61)


@given(JSON)
def test_an_alert_of_any_shape_is_read_or_left_out(value: object) -> None:
    read_alert(value)
    read_alert({"id": "a", "subject": value, "fired_at_unix_s": value, "resolved_at_unix_s": value})
