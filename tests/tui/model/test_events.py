from __future__ import annotations

from llmlb.clock import rfc3339
from llmlb.core.change import ChangeKind
from llmlb.telemetry.alert import AlertChangeKind
from llmlb_tui.model.events import _TONES, _UNKNOWN, EventRing, read_past
from llmlb_tui.render.events import event_line
from llmlb_tui.render.glyphs import UNICODE


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


def past(number: int, **fields: object) -> dict[str, object]:
    """An event as ``/v0/events/recent`` lists it; it was ``number`` seconds after the first of all."""
    return {"id": number, "at": rfc3339(float(number)), "type": "node", "kind": "offline", "node_id": "n1", "rule": "",
            "subject": "", "cause": f"past {number}", "actor": "", **fields}  # fmt: skip


def test_the_past_stands_before_what_this_console_saw_itself_and_nothing_comes_twice() -> None:
    ring = EventRing()
    ring.add("done", "mine", at_unix_s=0.0, subject="x")
    ring.add("online", "fed", at_unix_s=0.0, subject="x", id="7")
    # The list was asked for after the feed had told 7 already, and 8 is on its way.
    ring.learn_past(read_past([past(number) for number in (8, 7, 6, 5)], 9.0), upto_id="6")
    ring.add("online", "fed", at_unix_s=0.0, subject="x", id="8")
    ring.add("online", "fed again", at_unix_s=0.0, subject="x", id="6")
    assert [(event.id, event.cause) for event in ring.newest_first()] == [
        ("8", "fed"), ("7", "fed"), ("", "mine"), ("6", "past 6"), ("5", "past 5")
    ]  # fmt: skip
    assert len({event.number for event in ring.newest_first()}) == 5
    assert ring.unread == 3, "nobody has to look at what was before"


def test_the_past_of_a_full_ring_drives_nothing_new_out() -> None:
    ring = EventRing(3)
    ring.add("online", "new", at_unix_s=0.0, subject="x")
    ring.learn_past(read_past([past(number) for number in range(9, 0, -1)], 9.0))
    assert [event.cause for event in ring.newest_first()] == ["new", "past 9", "past 8"]


def test_an_event_of_another_day_shows_its_date() -> None:
    today, before = read_past([past(90_000), past(80_000, kind="fired", rule="queue", subject="m")], 90_001.0)
    assert event_line(today, UNICODE, wide=True).text.startswith(" 01:00:00 ✕ n1")
    assert event_line(before, UNICODE, wide=True).text.startswith(" Jan 01   ✕ n1")
    assert "queue: past 80000" in event_line(before, UNICODE, wide=True).text


def test_whatever_a_router_lists_as_its_past_is_read_or_left_out() -> None:
    odd: list[object] = [None, {}, past(1, at="soon"), past(2, id="2"), past(3, id=-3), past(4, kind=7), {"id": []}]
    assert read_past(odd, 0.0) == []
    assert read_past({"events": 1}, 0.0) == []
    (event,) = read_past([past(5, cause="\x1b[2Jgone", node_id="a\nb")], 0.0)
    assert (event.cause, event.node_id) == ("[2Jgone", "a b")


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
