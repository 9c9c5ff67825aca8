"""What a policy that reads prompts is told of one: the text in the order in which engines read it, as chain hashes.

Engines put tools and the system prompt before the conversation, whatever order the body has them in. The text here is
not what the engine will make of it: it only has to change where that changes, and nowhere else. Nothing is refused
here; a body of any shape gives a prompt, because whether it makes sense is the engine's affair.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from llmlb.core.choice import Endpoint, Prompt
from llmlb.core.prefix import chain

MEDIA_BYTES = 4096
"""What an image or a recording counts: about a thousand tokens, however many bytes it has."""
_MEDIA = frozenset({"image_url", "input_image", "image", "input_audio", "audio", "input_file", "file", "document"})
_USUAL = frozenset({"role", "content"})
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
    """The prompt in a request body; None where there is no telling. Costs a parse and a hash: about 3 us per KB.

    body: has passed ``peek``.  Embeddings have a length but no blocks: nothing of them is worth finding again.
    """
    text = _Text()
    try:
        _ORDERS[endpoint](_decode(body), text)
        prompt = chain(text.pieces)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError):
        return None
    blocks = () if endpoint is Endpoint.EMBEDDINGS else prompt.blocks
    return Prompt(blocks, prompt.text_bytes + text.media * MEDIA_BYTES)


class _Text:
    """What has been read of a body. pieces: of the text, in order.  media: how many images and the like it has."""

    __slots__ = ("media", "pieces")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.media = 0


def _chat(body: _Body, text: _Text) -> None:
    _json(body.tools, text)
    _json(body.functions, text)
    _messages(body.messages, text)


def _completions(body: _Body, text: _Text) -> None:
    _content(body.prompt, text)


def _embeddings(body: _Body, text: _Text) -> None:
    _content(body.input, text)


def _anthropic(body: _Body, text: _Text) -> None:
    _json(body.tools, text)
    _content(body.system, text)
    _messages(body.messages, text)


def _responses(body: _Body, text: _Text) -> None:
    _json(body.tools, text)
    _content(body.instructions, text)
    _messages(body.input, text)


_ORDERS: dict[Endpoint, Callable[[_Body, _Text], None]] = {
    Endpoint.CHAT: _chat,
    Endpoint.COMPLETIONS: _completions,
    Endpoint.EMBEDDINGS: _embeddings,
    Endpoint.MESSAGES: _anthropic,
    Endpoint.RESPONSES: _responses,
}


def _messages(messages: object, text: _Text) -> None:
    if not isinstance(messages, list):
        _content(messages, text)
        return
    add = text.pieces.append
    for message in messages:
        if not isinstance(message, dict):
            _content(message, text)
            continue
        add(f"{_ROLE}{message.get('role')}{_END}")
        _content(message.get("content"), text)
        if len(message) != 2 or "role" not in message or "content" not in message:
            rest = {name: value for name, value in message.items() if name not in _USUAL and value is not None}
            _content(rest, text)


def _content(content: object, text: _Text) -> None:
    """Text as it is, media by their length, everything else piece by piece."""
    add = text.pieces.append
    if isinstance(content, str):
        add(content)
    elif isinstance(content, dict):
        if isinstance(kind := content.get("type"), str) and kind in _MEDIA:
            text.media += 1
            add(f"{_END}{kind} {len(_encode(content))}")
            return
        for name, value in content.items():
            add(_END + name)
            _content(value, text)
    elif isinstance(content, list) and content and not isinstance(content[0], int):
        for part in content:
            add(_END)
            _content(part, text)
    else:
        # Ids of tokens instead of text come in lists of thousands of numbers.
        _json(content, text)


def _json(value: object, text: _Text) -> None:
    if value is not None:
        text.pieces.append(_encode(value).decode())
