"""The prompt in a body: the order in which engines read it, and bodies of any shape."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.core.choice import Endpoint, Prompt
from llmlb.core.prefix import BLOCK_BYTES
from llmlb.proxy.prompt import MEDIA_BYTES, prompt_of

SYSTEM = {"role": "system", "content": "Be brief. " * 500}
QUESTION = {"role": "user", "content": "Why is the sky blue? " * 300}


def read(body: object, endpoint: Endpoint = Endpoint.CHAT) -> Prompt:
    prompt = prompt_of(json.dumps(body).encode(), endpoint)
    assert prompt is not None
    return prompt


def shared(first: Prompt, second: Prompt) -> int:
    count = 0
    for a, b in zip(first.blocks, second.blocks, strict=False):
        if a != b:
            break
        count += 1
    return count


def test_the_next_turn_of_a_conversation_begins_with_the_turns_before() -> None:
    answer = {"role": "assistant", "content": "It scatters.", "tool_calls": [{"id": "1", "type": "function"}]}
    first = read({"messages": [SYSTEM, QUESTION]})
    second = read({"messages": [SYSTEM, QUESTION, answer, {"role": "user", "content": "And red?"}]})
    assert len(first.blocks) == 5
    assert shared(first, second) == 5


def test_the_order_of_the_keys_and_the_blanks_between_them_do_not_matter() -> None:
    tools = [{"type": "function", "function": {"name": "look", "parameters": {}}}] * 80
    body = {"model": "m", "messages": [SYSTEM], "tools": tools}
    turned = dict(reversed(list(body.items())))
    assert prompt_of(json.dumps(turned, indent=4).encode(), Endpoint.CHAT) == read(body)


def test_other_tools_make_another_prompt_from_the_first_block_on() -> None:
    tool = {"type": "function", "function": {"name": "look"}}
    other = {"type": "function", "function": {"name": "hear"}}
    messages = [SYSTEM, QUESTION]
    assert shared(read({"messages": messages, "tools": [tool]}), read({"messages": messages, "tools": [other]})) == 0


def test_who_says_it_is_part_of_the_prompt() -> None:
    said = "x" * BLOCK_BYTES
    roles = [read({"messages": [{"role": role, "content": said}]}).blocks for role in ("user", "assistant")]
    assert roles[0] != roles[1]


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        (Endpoint.COMPLETIONS, {"prompt": "x" * 5000}),
        (Endpoint.MESSAGES, {"system": "x" * 3000, "messages": [{"role": "user", "content": "y" * 2000}]}),
        (Endpoint.RESPONSES, {"instructions": "x" * 3000, "input": "y" * 2000}),
        (Endpoint.RESPONSES, {"instructions": "x" * 3000, "input": [{"role": "user", "content": "y" * 2000}]}),
    ],
)
def test_each_endpoint_keeps_its_prompt_where_it_does(endpoint: Endpoint, body: object) -> None:
    prompt = read(body, endpoint)
    assert len(prompt.blocks) == 2
    assert 5000 <= prompt.text_bytes < 5100


def test_an_image_counts_as_its_tokens_and_not_as_its_bytes() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}}
    prompt = read({"messages": [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, image]}]})
    assert MEDIA_BYTES < prompt.text_bytes < MEDIA_BYTES + 200


def test_an_image_inside_a_tool_result_is_found() -> None:
    image = {"type": "image", "source": {"type": "base64", "data": "A" * 1_000_000}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [image]}
    assert read({"messages": [{"role": "user", "content": [result]}]}, Endpoint.MESSAGES).text_bytes < 10_000


def test_other_images_make_another_prompt() -> None:
    prompts = [
        read(
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "A" * size}}]},
                    QUESTION,
                ]
            }
        )
        for size in (1000, 1001)
    ]
    assert shared(*prompts) == 0


def test_embeddings_have_a_length_and_nothing_to_find_again() -> None:
    prompt = read({"input": ["x" * 3000, "y" * 3000]}, Endpoint.EMBEDDINGS)
    assert prompt.blocks == ()
    assert prompt.text_bytes >= 6000


def test_a_prompt_of_token_ids_is_read_as_well() -> None:
    ids = list(range(1000, 3000))
    longer = read({"prompt": [*ids, 7]}, Endpoint.COMPLETIONS)
    assert shared(read({"prompt": ids}, Endpoint.COMPLETIONS), longer) >= 4


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["role", "content", "type", "text", "image_url", "x"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(
    st.dictionaries(st.sampled_from(["messages", "prompt", "input", "system", "tools", "instructions"]), anything),
    st.sampled_from(list(Endpoint)),
)
def test_a_body_of_any_shape_gives_a_prompt(body: dict[str, object], endpoint: Endpoint) -> None:
    assert prompt_of(json.dumps(body).encode(), endpoint) is not None


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"\xff"])
def test_what_is_no_body_has_no_prompt(body: bytes) -> None:
    assert prompt_of(body, Endpoint.CHAT) is None
