"""What a request body asks for, whichever API it came through."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from llmlb.errors import LlmlbError

JsonObject = dict[str, object]


class Refusal(LlmlbError):
    """The engine refuses a request: the status and error code of its answer."""

    def __init__(self, message: str, *, status: int = 400, code: str = "invalid_request", param: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param


class Api(StrEnum):
    """The inference APIs, by their path."""

    CHAT = "/v1/chat/completions"
    COMPLETIONS = "/v1/completions"
    EMBEDDINGS = "/v1/embeddings"
    RESPONSES = "/v1/responses"
    MESSAGES = "/v1/messages"


@dataclass(frozen=True, slots=True)
class Order:
    """One inference request, understood.

    prompt: everything the model reads.  inputs: the single texts of an embeddings request, else empty.
    max_tokens: None without a limit.
    """

    api: Api
    model: str
    prompt: bytes
    inputs: tuple[bytes, ...] = ()
    max_tokens: int | None = None
    is_stream: bool = False
    includes_usage: bool = False
    ignores_end: bool = False
    wants_base64: bool = False


def read_order(api: Api, body: bytes) -> Order:
    """Understands a request body. Raises Refusal (400) that names the field that is wrong."""
    fields = _decode(body)
    model = fields.get("model")
    if not isinstance(model, str) or not model:
        raise Refusal("'model' must be the name of a model: a string.", param="model")
    match api:
        case Api.EMBEDDINGS:
            inputs = _embedding_inputs(fields.get("input"))
            wants_base64 = fields.get("encoding_format") == "base64"
            return Order(api=api, model=model, prompt=b"\n".join(inputs), inputs=inputs, wants_base64=wants_base64)
        case Api.CHAT:
            prompt = _conversation(fields, "messages")
            limit = _limit(fields, "max_completion_tokens", "max_tokens")
        case Api.MESSAGES:
            prompt = _text(fields.get("system")) + b"\n" + _conversation(fields, "messages")
            limit = _limit(fields, "max_tokens")
            if limit is None:
                raise Refusal("'max_tokens' is required: a whole number of 1 or more.", param="max_tokens")
        case Api.RESPONSES:
            prompt = _text(fields.get("instructions")) + b"\n" + _response_input(fields)
            limit = _limit(fields, "max_output_tokens")
        case Api.COMPLETIONS:
            prompt = _completion_prompt(fields)
            limit = _limit(fields, "max_tokens")
    options = fields.get("stream_options")
    return Order(
        api=api,
        model=model,
        prompt=prompt,
        max_tokens=limit,
        is_stream=fields.get("stream") is True,
        includes_usage=isinstance(options, dict) and options.get("include_usage") is True,
        ignores_end=fields.get("ignore_eos") is True,
    )


def _decode(body: bytes) -> JsonObject:
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Refusal("The request body is not valid JSON.") from None
    if not isinstance(fields, dict):
        raise Refusal("The request body must be a JSON object.")
    return fields


def _limit(fields: JsonObject, *names: str) -> int | None:
    for name in names:
        value = fields.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise Refusal(f"'{name}' must be a whole number of 1 or more.", param=name)
        return value
    return None


def _conversation(fields: JsonObject, name: str) -> bytes:
    turns = fields.get(name)
    if not isinstance(turns, list) or not turns:
        raise Refusal(f"'{name}' must be a list of at least one message.", param=name)
    lines: list[bytes] = []
    for turn in turns:
        if not isinstance(turn, dict) or not isinstance(turn.get("role"), str):
            raise Refusal(f"Every entry of '{name}' must be an object with a 'role'.", param=name)
        lines.append(turn["role"].encode(errors="replace") + b": " + _text(turn.get("content")))
    return b"\n".join(lines)


def _text(content: object) -> bytes:
    """The text of a content field: a string, a list of parts, or nothing. Other parts count by their JSON."""
    if content is None:
        return b""
    if isinstance(content, str):
        return content.encode(errors="replace")
    if isinstance(content, list):
        return b" ".join(_part_text(part) for part in content)
    raise Refusal("'content' must be a string or a list of parts.", param="content")


def _part_text(part: object) -> bytes:
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        return str(part["text"]).encode(errors="replace")
    return msgspec.json.encode(part)


def _response_input(fields: JsonObject) -> bytes:
    given = fields.get("input")
    if isinstance(given, str):
        return b"user: " + given.encode(errors="replace")
    return _conversation(fields, "input")


def _completion_prompt(fields: JsonObject) -> bytes:
    prompt = fields.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if isinstance(prompt, str):
        return prompt.encode(errors="replace")
    if isinstance(prompt, list) and all(isinstance(token, int) for token in prompt):
        return msgspec.json.encode(prompt)
    raise Refusal("'prompt' must be one text or one list of token numbers.", param="prompt")


def _embedding_inputs(given: object) -> tuple[bytes, ...]:
    match given:
        case str():
            return (given.encode(errors="replace"),)
        case [*items] if items and all(isinstance(item, str) for item in items):
            return tuple(str(item).encode(errors="replace") for item in items)
        case [*items] if items and all(isinstance(item, int) for item in items):
            return (msgspec.json.encode(items),)
        case [*items] if items and all(isinstance(item, list) for item in items):
            return tuple(msgspec.json.encode(item) for item in items)
    raise Refusal("'input' must be a text, a list of texts, or lists of token numbers.", param="input")
