from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from llmlb.loadtest.exchange import Deadlines, Exchange, Expectation
from llmlb.loadtest.taxonomy import Ending

STREAM = {b"content-type": b"text/event-stream; charset=utf-8"}
TOKEN = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
END = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
S = 1_000_000_000
DEADLINES = Deadlines(first_token_s=5, stall_s=2, total_s=20)


def after(*steps: Callable[[Exchange], None], expected: Expectation | None = None) -> Exchange:
    """An exchange sent at 1 s that lived through the steps."""

    async def live() -> Exchange:
        exchange = Exchange(expected or Expectation(), asyncio.get_running_loop().create_future())
        exchange.sent_at_ns = S
        for step in steps:
            step(exchange)
        assert exchange.done.done() == exchange.is_over
        return exchange

    return asyncio.run(live())


def head(status: int = 200, headers: dict[bytes, bytes] | None = None) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.head(status, STREAM if headers is None else headers, now_ns=2 * S)


def body(data: bytes, at_s: int = 3) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.body(data, now_ns=at_s * S)


def complete(exchange: Exchange) -> None:
    exchange.complete(now_ns=9 * S)


def lost(exchange: Exchange) -> None:
    exchange.lost("reset", now_ns=9 * S)


def check(at_s: float) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.check(DEADLINES, now_ns=int(at_s * S))


def test_an_answer_that_ends_well_is_ok_with_its_instants() -> None:
    exchange = after(head(), body(TOKEN), body(TOKEN + END, 4), complete)
    assert (exchange.ending, exchange.ended_at_ns, exchange.head_at_ns) == (Ending.OK, 9 * S, 2 * S)
    assert list(exchange.reading.content_at_ns) == [3 * S, 4 * S]
    assert exchange.reading.events == 2


def test_a_stream_of_another_content_type_is_no_stream() -> None:
    exchange = after(head(headers={b"content-type": b"text/html"}))
    assert (exchange.ending, exchange.detail) == (Ending.BAD_SSE, "content-type is text/html")


def test_a_complete_stream_whose_connection_breaks_before_its_last_chunk_is_truncated() -> None:
    assert after(head(), body(TOKEN + END), lost).ending is Ending.TRUNCATED


def test_an_abort_that_also_breaks_off_is_an_abort() -> None:
    assert after(head(), body(TOKEN + END.replace(b"stop", b"abort")), lost).ending is Ending.FINISH_ABORT


def test_an_error_event_outranks_the_close_that_follows_it() -> None:
    exchange = after(head(), body(TOKEN), body(b'data: {"error":{"message":"m"}}\n\n'), lost)
    assert (exchange.ending, exchange.detail, exchange.ended_at_ns) == (Ending.STREAM_ERROR_EVENT, "m", 3 * S)


def test_a_connection_lost_before_the_head_is_known_as_such() -> None:
    assert after(lost).was_lost_before_head
    assert not after(head(), lost).was_lost_before_head


def test_hanging_up_happens_at_the_first_token() -> None:
    exchange = after(head(), body(TOKEN), expected=Expectation(hangs_up=True))
    assert exchange.ending is Ending.CLIENT_CANCELLED


def test_missing_usage_fails_only_who_checks_it() -> None:
    assert after(head(), body(TOKEN + END), complete).ending is Ending.OK
    checked = after(head(), body(TOKEN + END), complete, expected=Expectation(checks_usage=True))
    assert (checked.ending, checked.detail) == (Ending.WRONG_USAGE, "usage: it is missing")


@pytest.mark.parametrize(
    ("steps", "ending"),
    [
        ([check(6.1)], Ending.FIRST_TOKEN_TIMEOUT),
        ([head(), check(6.1)], Ending.FIRST_TOKEN_TIMEOUT),
        ([head(), body(b": ping\n\n", 5), check(6.1)], Ending.FIRST_TOKEN_TIMEOUT),
        ([head(), body(TOKEN, 3), body(b": ping\n\n", 5), check(5.1)], Ending.STALL),
        ([head(), *(body(TOKEN, at_s) for at_s in range(3, 21)), check(21.1)], Ending.TOTAL_TIMEOUT),
    ],
)
def test_each_deadline_has_its_class(steps: list[Callable[[Exchange], None]], ending: Ending) -> None:
    assert after(*steps).ending is ending


@pytest.mark.parametrize("steps", [[check(5.9)], [head(), body(TOKEN, 4), check(5.9)]])
def test_a_deadline_that_has_not_passed_changes_nothing(steps: list[Callable[[Exchange], None]]) -> None:
    assert not after(*steps).is_over


def test_an_answer_that_is_not_streamed_has_only_the_total_deadline() -> None:
    whole = Expectation(streamed=False)
    assert not after(check(20), expected=whole).is_over
    assert after(check(21.1), expected=whole).ending is Ending.TOTAL_TIMEOUT


def test_what_comes_after_the_end_changes_nothing() -> None:
    exchange = after(head(), body(TOKEN + END), complete, body(TOKEN), lost, check(100))
    assert (exchange.ending, exchange.reading.events) == (Ending.OK, 1)
