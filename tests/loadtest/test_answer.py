from __future__ import annotations

import json

import pytest

from llmlb.loadtest.answer import MAX_ANSWER_BYTES, AnswerBroken, Reading, Refusal, StreamedAnswer, WholeAnswer
from llmlb.loadtest.taxonomy import Ending


def event(**delta: object) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}).encode() + b"\n\n"


FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"


def read(*parts: bytes, keeps_text: bool = False) -> tuple[Reading, Ending, str]:
    """Feeds one part per nanosecond, from 1 on."""
    reading = Reading()
    answer = StreamedAnswer(reading, keeps_text=keeps_text)
    for now_ns, part in enumerate(parts, 1):
        answer.feed(part, now_ns=now_ns)
    return reading, *answer.finish(now_ns=len(parts) + 1)


def test_the_first_token_is_the_first_content_event_not_the_role_or_a_comment() -> None:
    reading, ending, _ = read(
        b": ping\n\n", event(role="assistant", content=""), event(content="a"), event(content="b"), FINISH, USAGE, DONE
    )
    assert list(reading.content_at_ns) == [3, 4]
    assert ending is Ending.OK
    assert (reading.prompt_tokens, reading.completion_tokens) == (5, 2)


def test_reasoning_is_a_first_token_and_the_answer_after_it_is_told_apart() -> None:
    reading, _, _ = read(event(reasoning="hm"), event(reasoning="so"), event(content="a"), event(content="b"), FINISH)
    assert list(reading.content_at_ns) == [1, 2, 3, 4]
    assert reading.first_answer_at_ns == 3


def test_comments_do_not_count_as_data() -> None:
    reading, _, _ = read(event(content="a"), b": ping\n\n", b": ping\n\n")
    assert reading.last_data_at_ns == 1


@pytest.mark.parametrize(
    ("parts", "ending", "detail"),
    [
        ((event(content="a"), FINISH), Ending.TRUNCATED, "without [DONE]"),
        ((event(content="a"), DONE), Ending.TRUNCATED, "without a finish reason"),
        ((FINISH, DONE), Ending.OK_EMPTY, ""),
        ((event(content="a"), FINISH.replace(b"stop", b"length"), DONE), Ending.OK_LENGTH, ""),
        ((event(content="a"), FINISH.replace(b"stop", b"abort"), DONE), Ending.FINISH_ABORT, "finish_reason abort"),
        ((event(content="a"), FINISH, DONE.rstrip()), Ending.OK, ""),
    ],
)
def test_a_stream_that_ended_is_classed_by_its_end(parts: tuple[bytes, ...], ending: Ending, detail: str) -> None:
    _, found, told = read(*parts)
    assert found is ending
    assert detail in told


@pytest.mark.parametrize(
    ("part", "ending"),
    [
        (b'data: {"error":{"message":"node lost"}}\n\n', Ending.STREAM_ERROR_EVENT),
        (b"data: {broken\n\n", Ending.BAD_JSON),
        (b"<html>\n", Ending.BAD_SSE),
    ],
)
def test_a_stream_that_breaks_is_over_at_once(part: bytes, ending: Ending) -> None:
    with pytest.raises(AnswerBroken) as broken:
        read(event(content="a"), part)
    assert broken.value.ending is ending


def test_text_is_kept_only_where_the_next_turn_needs_it() -> None:
    parts = (event(content="Hello"), event(content=" there"), FINISH, DONE)
    assert read(*parts, keeps_text=True)[0].text() == "Hello there"
    assert read(*parts)[0].text() == ""


def test_a_whole_answer_is_read_at_its_end() -> None:
    body = json.dumps(
        {
            "choices": [{"message": {"content": "hi"}, "finish_reason": "length"}],
            "usage": {"prompt_tokens": 4, "completion_tokens": 1},
        }
    ).encode()
    reading = Reading()
    answer = WholeAnswer(reading, keeps_text=True)
    answer.feed(body[:20], now_ns=1)
    answer.feed(body[20:], now_ns=2)
    assert answer.finish(now_ns=3) == (Ending.OK_LENGTH, "")
    assert (reading.text(), reading.completion_tokens, len(reading.content_at_ns)) == ("hi", 1, 0)


@pytest.mark.parametrize(
    ("body", "ending"), [(b"<html>", Ending.BAD_JSON), (b'{"error":"gone"}', Ending.STREAM_ERROR_EVENT)]
)
def test_a_whole_answer_that_is_none_is_broken(body: bytes, ending: Ending) -> None:
    answer = WholeAnswer(Reading(), keeps_text=False)
    answer.feed(body, now_ns=1)
    with pytest.raises(AnswerBroken) as broken:
        answer.finish(now_ns=2)
    assert broken.value.ending is ending


def test_an_endless_answer_is_refused() -> None:
    answer = WholeAnswer(Reading(), keeps_text=False)
    with pytest.raises(AnswerBroken, match="32 MiB"):
        answer.feed(b"x" * (MAX_ANSWER_BYTES + 1), now_ns=1)


def test_a_refusal_tells_status_and_message_and_keeps_no_more() -> None:
    refusal = Refusal(503)
    refusal.feed(b'{"error":{"message":"no node\\u001b[31m is online"}}', now_ns=1)
    assert refusal.finish(now_ns=2) == (Ending.HTTP_503, "HTTP 503: no node[31m is online")
    page = Refusal(404)
    for _ in range(1000):
        page.feed(b"x" * 1000, now_ns=1)
    ending, detail = page.finish(now_ns=2)
    assert ending is Ending.HTTP_4XX
    assert len(detail) <= 200


@pytest.mark.parametrize(
    ("tokens", "events", "most", "fault"),
    [
        (None, 3, 0, "it is missing"),
        (2, 3, 0, "fewer"),
        (9, 3, 8, "more"),
        (3, 3, 8, ""),
        (5, 3, 0, ""),
    ],
)
def test_usage_is_held_against_the_stream(tokens: int | None, events: int, most: int, fault: str) -> None:
    found = Reading(events=events, completion_tokens=tokens).usage_fault(max_tokens=most)
    assert fault in found if fault else found == ""
