from __future__ import annotations

from llmlb.core.change import ChangeKind
from llmlb.telemetry.alert import AlertChangeKind
from llmlb_tui.model.events import _TONES, _UNKNOWN, EventRing


def ring_of(count: int, listed: int = 10_000) -> EventRing:
    ring = EventRing(listed)
    for number in range(count):
        ring.add(
            "online", f"cause {number}", at_unix_s=float(number), subject=f"n{number % 3}", node_id=f"n{number % 3}"
        )
    return ring


def test_the_oldest_events_fall_out_and_the_count_goes_on() -> None:
    ring = ring_of(25, listed=10)
    assert len(ring) == 10
    assert ring.newest == 25
    assert [event.cause for event in ring.last(2)] == ["cause 24", "cause 23"]
    assert [event.cause for event in ring.last(2, skipped=1)] == ["cause 23", "cause 22"]


def test_unread_counts_until_somebody_looks() -> None:
    ring = ring_of(4)
    assert ring.unread == 4
    ring.mark_read()
    ring.add("offline", "", at_unix_s=0.0, subject="x")
    assert ring.unread == 1


def test_events_of_one_node() -> None:
    assert [event.cause for event in ring_of(9).of_node("n1", 2)] == ["cause 7", "cause 4"]


def test_every_change_the_router_can_announce_has_its_words() -> None:
    for kind in (*ChangeKind, *AlertChangeKind):
        assert kind.value in _TONES, kind
        assert _TONES[kind.value] is not _UNKNOWN


def test_trouble_says_what_to_do() -> None:
    for kind, tone in _TONES.items():
        if tone.sign in ("trouble", "warning") and kind not in ("failed",):
            assert tone.fix, kind
