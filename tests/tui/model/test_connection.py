from __future__ import annotations

import pytest

from llmlb_tui.model.connection import Connection, Standing, short_cause


def test_it_is_live_while_data_comes_and_grows_stale_without() -> None:
    connection = Connection()
    assert connection.standing(0.0) is Standing.CONNECTING
    connection.heard(10.0)
    assert connection.standing(11.0) is Standing.LIVE
    assert connection.standing(13.0) is Standing.SLOW
    assert connection.standing(19.0) is Standing.STALE


def test_a_lost_router_is_unreachable_at_once_and_counts_its_tries() -> None:
    connection = Connection()
    connection.heard(10.0)
    connection.failed(12.0, "connection refused", retry_in_s=0.5)
    connection.failed(13.0, "connection refused", retry_in_s=2.0)
    assert connection.standing(13.0) is Standing.UNREACHABLE
    assert connection.attempt == 2
    assert connection.away_s(14.0) == 2.0
    assert connection.retry_in_s(14.0) == 1.0
    assert "connection refused" in connection.why_not(14.0)


def test_the_first_data_after_an_absence_tells_how_long_it_was() -> None:
    connection = Connection()
    connection.heard(10.0)
    connection.failed(12.0, "x", retry_in_s=1.0)
    assert connection.heard(55.0) == 43.0
    assert connection.heard(56.0) is None
    assert connection.attempt == 0


def test_the_first_data_of_all_is_no_return() -> None:
    connection = Connection()
    connection.failed(1.0, "x", retry_in_s=1.0)
    assert connection.heard(5.0) is None


def test_nothing_can_be_changed_unless_the_data_is_fresh() -> None:
    connection = Connection()
    assert connection.why_not(0.0)
    connection.heard(0.0)
    assert connection.why_not(1.0) == ""
    assert connection.why_not(3.0) == "", "slow is not stale"
    assert connection.why_not(30.0)
    connection.refused(30.0, "expired", expired=True)
    assert connection.standing(30.0) is Standing.EXPIRED
    assert "log in" in connection.why_not(30.0)
    connection.heard(31.0)
    connection.refused(32.0, "not yours", expired=False)
    assert connection.standing(32.0) is Standing.FORBIDDEN
    assert "not yours" in connection.why_not(32.0)


def test_polling_is_not_slow_for_being_polling() -> None:
    connection = Connection(polls=True, interval_s=5.0)
    connection.heard(0.0)
    assert connection.standing(6.0) is Standing.LIVE


@pytest.mark.parametrize(
    ("message", "short"),
    [
        ("cannot reach the router at http://a:1 (connection refused)", "connection refused"),
        ("the router closed the feed", "the router closed the feed"),
    ],
)
def test_the_cause_is_told_without_the_address_that_the_title_has(message: str, short: str) -> None:
    assert short_cause(message) == short
