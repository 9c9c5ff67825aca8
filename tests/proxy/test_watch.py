"""What a stream means does not depend on how its bytes were cut."""

from __future__ import annotations

import json
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.core.choice import Endpoint
from llmlb.core.outcome import Usage
from llmlb.proxy.watch import MAX_EVENT_BYTES, StreamWatch, Verdict, _look_closely, read_answer


def event(data: object, name: str = "", gap: str = "\n\n") -> bytes:
    text = data if isinstance(data, str) else json.dumps(data)
    line = gap[: len(gap) // 2]
    return ((f"event: {name}{line}" if name else "") + f"data: {text}{gap}").encode()


def word(text: str) -> dict[str, object]:
    return {"choices": [{"delta": {"content": text}, "finish_reason": None}]}


FINISH = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
USAGE = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3}}
CHAT = [
    {"choices": [{"delta": {"role": "assistant", "content": ""}}]},
    word("a"),
    word("error [DONE]"),
    word("c"),
    FINISH,
]

MESSAGES = [
    ("message_start", {"type": "message_start", "message": {"usage": {"input_tokens": 4, "output_tokens": 1}}}),
    ("content_block_start", {"type": "content_block_start", "content_block": {"type": "text", "text": ""}}),
    ("content_block_delta", {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hi"}}),
    ("message_delta", {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}),
    ("message_stop", {"type": "message_stop"}),
]
RESPONSES = [
    ("response.created", {"type": "response.created", "response": {}}),
    ("response.output_text.delta", {"type": "response.output_text.delta", "delta": "hi"}),
    (
        "response.completed",
        {"type": "response.completed", "response": {"usage": {"input_tokens": 4, "output_tokens": 9}}},
    ),
]


def feed(watch: StreamWatch, data: bytes, cuts: list[int]) -> Verdict:
    """The worst verdict over all pieces; stops at a failure as the exchange does."""
    worst = Verdict.QUIET
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for start, end in pairwise(edges):
        verdict = watch.feed(data[start:end])
        if verdict is Verdict.FAILURE:
            return verdict
        if verdict is Verdict.CONTENT:
            worst = verdict
    return worst


cuts = st.lists(st.integers(1, 900), max_size=8)


@given(cuts=cuts, gap=st.sampled_from(["\n\n", "\r\n\r\n", "\r\r"]))
def test_a_whole_chat_is_complete_and_counted(cuts: list[int], gap: str) -> None:
    watch = StreamWatch(Endpoint.CHAT)
    data = b"".join(event(item, gap=gap) for item in [*CHAT, USAGE, "[DONE]"])
    assert feed(watch, b":ping\n\n".replace(b"\n\n", gap.encode()) + data, cuts) is Verdict.CONTENT
    assert watch.is_complete
    assert not watch.partial
    assert watch.events == 3
    assert (watch.tokens.prompt, watch.tokens.completion) == (5, 3)


@given(cuts=cuts)
def test_a_whole_message_is_complete(cuts: list[int]) -> None:
    watch = StreamWatch(Endpoint.MESSAGES)
    feed(watch, b"".join(event(data, name) for name, data in MESSAGES), cuts)
    assert watch.is_complete
    assert (watch.tokens.prompt, watch.tokens.completion) == (4, 9)


@given(cuts=cuts)
def test_a_whole_response_is_complete(cuts: list[int]) -> None:
    watch = StreamWatch(Endpoint.RESPONSES)
    feed(watch, b"".join(event(data, name) for name, data in RESPONSES), cuts)
    assert watch.is_complete
    assert (watch.tokens.prompt, watch.tokens.completion) == (4, 9)


@pytest.mark.parametrize("missing", range(len(CHAT) + 1))
def test_a_chat_without_its_finish_or_its_end_is_not_complete(missing: int) -> None:
    watch = StreamWatch(Endpoint.CHAT)
    items: list[object] = [*CHAT, "[DONE]"]
    del items[missing]
    feed(watch, b"".join(event(item) for item in items), [])
    assert watch.is_complete is (missing < len(CHAT) - 1)


@given(cuts=cuts, bad=st.sampled_from(["abort", "error", "cancelled", "eos"]))
def test_an_unknown_finish_reason_is_a_failure_wherever_it_is_cut(cuts: list[int], bad: str) -> None:
    watch = StreamWatch(Endpoint.CHAT)
    finish = {"choices": [{"delta": {}, "finish_reason": bad}]}
    data = event(word("a")) + event(finish) + event("[DONE]")
    assert feed(watch, data, cuts) is Verdict.FAILURE
    assert bad in watch.failure


def test_what_came_before_a_bad_event_in_the_same_read_is_told_apart() -> None:
    watch = StreamWatch(Endpoint.CHAT)
    watch.feed(event(word("a")))
    good = event(word("b"))
    assert watch.feed(good + event({"error": {"message": "dead"}})) is Verdict.FAILURE
    assert watch.sound_bytes == len(good)


def test_a_bad_event_that_began_in_an_earlier_read_cannot_be_cut_off() -> None:
    watch = StreamWatch(Endpoint.CHAT)
    bad = event({"error": {"message": "dead"}})
    watch.feed(event(word("a")) + bad[:10])
    assert watch.feed(bad[10:]) is Verdict.FAILURE
    assert watch.sound_bytes == -1


def test_an_endless_event_is_a_failure() -> None:
    watch = StreamWatch(Endpoint.CHAT)
    assert watch.feed(b"data: " + b"x" * MAX_EVENT_BYTES) is Verdict.FAILURE


@pytest.mark.parametrize("delta", [{"reasoning_content": "x"}, {"reasoning": "x"}, {"tool_calls": [{"index": 0}]}])
def test_reasoning_and_tool_calls_are_content(delta: dict[str, object]) -> None:
    watch = StreamWatch(Endpoint.CHAT)
    assert watch.feed(event({"choices": [{"delta": delta}]})) is Verdict.CONTENT


@given(st.binary(max_size=300))
def test_any_bytes_are_looked_at_without_an_error(noise: bytes) -> None:
    for endpoint in Endpoint:
        watch = StreamWatch(endpoint)
        watch.feed(noise)
        watch.feed(b"data: " + noise + b"\n\n")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b'{"usage":{"prompt_tokens":3,"completion_tokens":5}}', (3, 5)),
        (b'{"usage":{"input_tokens":3,"output_tokens":5}}', (3, 5)),
        (b'{"usage":{"prompt_tokens":"3","completion_tokens":-1}}', (None, None)),
        (b'{"usage":7}', (None, None)),
        (b"not json", (None, None)),
    ],
)
def test_tokens_of_a_plain_answer(answer: bytes, expected: tuple[int | None, int | None]) -> None:
    usage, _ = read_answer(answer)
    assert (usage.prompt, usage.completion) == expected


@pytest.mark.parametrize(
    ("answer", "flaw"),
    [
        (b'{"choices":[{"finish_reason":"stop"}],"error":null}', ""),
        (b'{"choices":[{"finish_reason":null},{}]}', ""),
        (b'{"choices":{"odd":1},"usage":{"prompt_tokens":3}}', ""),
        (b'{"stop_reason":"end_turn"}', ""),
        (b"[1]", ""),
        (b'{"choices":[{"finish_reason":"stop"},{"finish_reason":"abort"}]}', "finish_reason 'abort'"),
        (b'{"choices":[{"finish_reason":["stop"]}]}', "error"),
        (b'{"error":{"message":"out of memory"}}', "out of memory"),
        (b'{"error":"x"}', "error"),
        (b'{"stop_reason":"abort"}', "stop_reason 'abort'"),
    ],
)
def test_a_whole_answer_that_is_none_is_told_by_its_words(answer: bytes, flaw: str) -> None:
    found = read_answer(answer)[1]
    assert flaw in found
    assert bool(found) is bool(flaw)


def test_choices_of_another_shape_do_not_hide_the_usage() -> None:
    usage, _ = read_answer(b'{"choices":{"odd":1},"usage":{"prompt_tokens":3}}')
    assert usage.prompt == 3


def test_a_finish_that_is_no_text_is_a_failure() -> None:
    watch = StreamWatch(Endpoint.CHAT)
    assert watch.feed(b'data: {"choices":[{"finish_reason":["stop"]}]}\n\n') is Verdict.FAILURE


_ODD: st.SearchStrategy[object] = st.sampled_from(
    [None, 0, 1, -1, 7, 1.5, True, "x", [], {}, 1 << 53, (1 << 53) - 1, 1e9, 5e8]
)
_FINISHES = st.sampled_from([None, "stop", "length", "abort", "", 3, ["stop"]])
_USAGES = st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": _ODD | st.integers(0, 99),
        "completion_tokens": _ODD | st.integers(0, 99),
        "input_tokens": _ODD,
        "prompt_tokens_details": _ODD | st.fixed_dictionaries({}, optional={"cached_tokens": _ODD}),
        "input_tokens_details": _ODD | st.just({"cached_tokens": 5}),
        "cache_read_input_tokens": _ODD,
        "total_tokens": _ODD,
    },
)
_ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "choices": _ODD | st.lists(st.fixed_dictionaries({}, optional={"finish_reason": _FINISHES}), max_size=2),
        "usage": _ODD | _USAGES,
        "timings": _ODD | st.fixed_dictionaries({}, optional={"prompt_ms": _ODD, "predicted_ms": _ODD}),
        "error": _ODD,
        "stop_reason": _ODD | st.just("abort"),
        "id": _ODD,
    },
)


@given(_ANSWERS)
def test_the_quick_look_sees_what_the_close_one_sees(answer: dict[str, object]) -> None:
    text = msgspec.json.encode(answer)
    assert read_answer(text) == _look_closely(text)


def test_the_quick_look_is_enough_for_what_engines_usually_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("llmlb.proxy.watch._look_closely")
    choices = [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11, "prompt_tokens_details": None}
    timings = {"cache_n": 0, "prompt_n": 9, "prompt_ms": 12.5, "predicted_ms": 7}
    plain = msgspec.json.encode({"id": "c", "choices": choices, "usage": usage})
    assert read_answer(plain) == (Usage(prompt=9, completion=2), "")
    llama_cpp = msgspec.json.encode({"choices": choices, "usage": usage, "timings": timings})
    assert read_answer(llama_cpp) == (Usage(prompt=9, completion=2, prefill_s=0.0125, decode_s=0.007), "")
