"""What a policy that reads prompts is told of one: the text in the order in which engines read it, as chain hashes.

Engines put tools and the system prompt before the conversation, whatever order the body has them in. The text here is
not what the engine will make of it: it only has to change where that changes, and nowhere else. Nothing is refused
here; a body of any shape gives a prompt, because whether it makes sense is the engine's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import msgspec

from llmlb.core.choice import Endpoint, Prompt
from llmlb.core.prefix import chain

MEDIA_BYTES = 4096
"""What an image or a recording counts: about a thousand tokens, however many bytes it has."""
_MEDIA = frozenset({"image_url", "input_image", "image", "input_audio", "audio", "input_file", "file", "document"})
_ROLE, _END = "\x1e", "\x1f"


class _Body(msgspec.Struct):
    # Anything may be anywhere in a client's body.
    tools: Any = None
    functions: Any = None
    system: Any = None
    instructions: Any = None
    messages: Any = None
    prompt: Any = None
    input: Any = None


_decode = msgspec.json.Decoder(_Body).decode
_encode = msgspec.json.Encoder().encode


def prompt_of(body: bytes, endpoint: Endpoint) -> Prompt | None:
    """The prompt in a request body; None where there is no telling. Costs a parse: about 1 us per KB.

    body: has passed ``peek``.  Embeddings have a length but no blocks: nothing of them is worth finding again.
    """
    try:
        fields = _decode(body)
        media: list[None] = []
        prompt = chain(_ORDERS[endpoint](fields, media))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError):
        return None
    text_bytes = prompt.text_bytes + len(media) * MEDIA_BYTES
    return replace(prompt, blocks=() if endpoint is Endpoint.EMBEDDINGS else prompt.blocks, text_bytes=text_bytes)


def _chat(body: _Body, media: list[None]) -> Iterator[str]:
    yield from _json(body.tools)
    yield from _json(body.functions)
    yield from _messages(body.messages, media)


def _completions(body: _Body, media: list[None]) -> Iterator[str]:
    yield from _content(body.prompt, media)


def _embeddings(body: _Body, media: list[None]) -> Iterator[str]:
    yield from _content(body.input, media)


def _anthropic(body: _Body, media: list[None]) -> Iterator[str]:
    yield from _json(body.tools)
    yield from _content(body.system, media)
    yield from _messages(body.messages, media)


def _responses(body: _Body, media: list[None]) -> Iterator[str]:
    yield from _json(body.tools)
    yield from _content(body.instructions, media)
    yield from _messages(body.input, media)


_ORDERS: dict[Endpoint, Callable[[_Body, list[None]], Iterator[str]]] = {
    Endpoint.CHAT: _chat,
    Endpoint.COMPLETIONS: _completions,
    Endpoint.EMBEDDINGS: _embeddings,
    Endpoint.MESSAGES: _anthropic,
    Endpoint.RESPONSES: _responses,
}


def _messages(messages: object, media: list[None]) -> Iterator[str]:
    if not isinstance(messages, list):
        yield from _content(messages, media)
        return
    for message in messages:
        if not isinstance(message, dict):
            yield from _content(message, media)
            continue
        yield f"{_ROLE}{message.get('role')}{_END}"
        yield from _content(message.get("content"), media)
        rest = {name: value for name, value in message.items() if name not in ("role", "content") and value is not None}
        yield from _content(rest, media)


def _content(content: object, media: list[None]) -> Iterator[str]:
    """Text as it is, media by their length, everything else piece by piece."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        if isinstance(kind := content.get("type"), str) and kind in _MEDIA:
            media.append(None)
            yield f"{_END}{kind} {len(_encode(content))}"
            return
        for name, value in content.items():
            yield _END + name
            yield from _content(value, media)
    elif isinstance(content, list) and content and not isinstance(content[0], int):
        for part in content:
            yield _END
            yield from _content(part, media)
    else:
        # Ids of tokens instead of text come in lists of thousands of numbers.
        yield from _json(content)


def _json(value: object) -> Iterator[str]:
    if value is not None:
        yield _encode(value).decode()
