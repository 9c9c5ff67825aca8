from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.sim.order import Api, Refusal, read_order

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("messages", "prompt", "input", "max_tokens", "max_output_tokens", "system", "instructions", "stream")


def read(api: Api, **fields: object) -> object:
    return read_order(api, json.dumps({"model": "m", **fields}).encode())


@given(st.sampled_from(list(Api)), st.dictionaries(st.sampled_from([*FIELDS, "model"]), JSON_VALUES))
def test_hostile_body_is_understood_or_refused(api: Api, fields: dict[str, object]) -> None:
    with contextlib.suppress(Refusal):
        read_order(api, json.dumps(fields).encode())


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'{"model": 5}', b"nul"])
def test_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    for api in Api:
        with pytest.raises(Refusal):
            read_order(api, body)


@pytest.mark.parametrize(
    ("api", "fields", "param"),
    [
        (Api.CHAT, {}, "messages"),
        (Api.CHAT, {"messages": []}, "messages"),
        (Api.CHAT, {"messages": ["hi"]}, "messages"),
        (Api.CHAT, {"messages": [{"role": "user", "content": 5}]}, "content"),
        (Api.CHAT, {"messages": [{"role": "user"}], "max_tokens": 0}, "max_tokens"),
        (Api.CHAT, {"messages": [{"role": "user"}], "max_tokens": True}, "max_tokens"),
        (Api.MESSAGES, {"messages": [{"role": "user", "content": "hi"}]}, "max_tokens"),
        (Api.COMPLETIONS, {"prompt": ["a", "b"]}, "prompt"),
        (Api.RESPONSES, {"input": 3}, "input"),
        (Api.EMBEDDINGS, {"input": []}, "input"),
    ],
)
def test_refusal_names_the_field(api: Api, fields: dict[str, object], param: str) -> None:
    with pytest.raises(Refusal) as refused:
        read(api, **fields)
    assert refused.value.param == param


def test_parts_and_plain_text_are_the_same_prompt() -> None:
    plain = read_order(Api.CHAT, b'{"model": "m", "messages": [{"role": "user", "content": "hi there"}]}')
    parts = read_order(
        Api.CHAT,
        b'{"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "hi there"}]}]}',
    )
    assert plain.prompt == parts.prompt


def test_both_names_of_the_limit_are_known_and_null_is_no_limit() -> None:
    turns = [{"role": "user", "content": "x"}]
    body = {"model": "m", "messages": turns, "max_tokens": None, "max_completion_tokens": 7}
    assert read_order(Api.CHAT, json.dumps(body).encode()).max_tokens == 7
    del body["max_completion_tokens"]
    assert read_order(Api.CHAT, json.dumps(body).encode()).max_tokens is None
