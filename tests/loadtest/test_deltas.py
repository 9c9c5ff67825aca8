from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.loadtest.deltas import Delta, decode, is_plain_content


def event(delta: object, **choice: object) -> bytes:
    return json.dumps({"choices": [{"index": 0, "delta": delta, **choice}]}).encode()


CONTENT = [
    {"content": "a"},
    {"content": '"'},
    {"reasoning": "hm"},
    {"reasoning_content": "hm"},
    {"tool_calls": [{"index": 0}]},
]
NOTHING: list[object] = [{}, {"role": "assistant", "content": ""}, {"content": None}, {"tool_calls": []}]


@pytest.mark.parametrize("delta", CONTENT)
def test_content_events_are_told_from_their_bytes_as_from_their_json(delta: object) -> None:
    for payload in (event(delta, finish_reason=None), event(delta).replace(b": ", b":")):
        assert is_plain_content(payload)
        assert decode(payload).has_content


@pytest.mark.parametrize("delta", NOTHING)
def test_role_only_and_empty_events_are_no_content(delta: object) -> None:
    assert not is_plain_content(event(delta))
    assert not decode(event(delta)).has_content


def test_text_of_a_completion_is_content() -> None:
    payload = b'{"choices":[{"index":0,"text":"a","finish_reason":null}]}'
    assert is_plain_content(payload)
    assert decode(payload).text == "a"


def test_usage_that_comes_with_the_content_is_read() -> None:
    usage = b',"usage":{"prompt_tokens":7,"completion_tokens":3}}'
    payload = event({"content": "a"})[:-1] + usage
    assert not is_plain_content(payload)
    assert decode(payload) == Delta(text="a", prompt_tokens=7, completion_tokens=3)
    assert is_plain_content(event({"content": "a"})[:-1] + b',"usage":null}')


def test_a_content_event_that_also_finishes_is_read_in_full() -> None:
    payload = event({"content": "a"}, finish_reason="stop")
    assert not is_plain_content(payload)
    assert decode(payload) == Delta(text="a", finish_reason="stop")


def test_content_that_quotes_an_event_is_still_one_event() -> None:
    payload = event({"content": ""}, note='"content":"x"')
    assert not is_plain_content(payload)


def test_usage_and_cached_tokens_are_read() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 8}}
    delta = decode(json.dumps({"choices": [], "usage": usage}).encode())
    assert (delta.prompt_tokens, delta.completion_tokens, delta.cached_tokens) == (9, 3, 8)


@pytest.mark.parametrize("error", [{"message": "gone"}, {"code": "gone"}, "gone"])
def test_an_error_event_tells_its_message(error: object) -> None:
    assert decode(json.dumps({"error": error}).encode()).error == "gone"


@pytest.mark.parametrize("payload", [b"", b"[1]", b"{", b'{"a":', b"[" * 100_000, b'{"a":' + b"9" * 5000 + b"}"])
def test_what_is_no_json_object_is_a_value_error(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        decode(payload)


def test_half_a_surrogate_pair_is_no_broken_json() -> None:
    assert decode(b'{"choices":[{"delta":{"content":"\\ud83d"}}]}').has_content


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda each: (
        st.lists(each, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "delta", "content", "usage", "error", "finish_reason", "tool_calls", "x"]), each
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["choices", "usage", "error", "x"]), junk))
def test_no_json_object_of_any_shape_breaks_the_reader(value: dict[str, object]) -> None:
    assert isinstance(decode(json.dumps(value).encode()), Delta)
