"""The few fields of a request body that routing needs. The body itself goes to the node byte for byte."""

from __future__ import annotations

import json

import msgspec

MAX_MODEL_CHARS = 256
LONGEST_NUMBER = 400
"""Digits. Python's own JSON reader gives up at 4,300; no engine means anything beyond a double's 309."""

_DIGITS = b"0123456789"
_DIGIT_RUN = b"0" * LONGEST_NUMBER
_DIGITS_AS_ZERO = bytes(0x30 if 0x30 <= byte <= 0x39 else 0x20 for byte in range(256))


class _Seen:
    """A type that the decoder does not know, so that it hands over each value it meets."""


class _Body(msgspec.Struct):
    model: _Seen
    stream: bool | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None


_seen = _Seen()
_models: list[str] = []
"""Every model that the present body names. A key may be spelt with escapes, so it cannot be counted in the bytes."""


def _note_model(_: type, value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(f"Expected `str`, got `{type(value).__name__}`")
    _models.append(value)
    return _seen


_decode = msgspec.json.Decoder(_Body, dec_hook=_note_model).decode
_decode_keys = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Peek(msgspec.Struct, frozen=True, gc=False):
    """What a body asks for. model: as the client wrote it."""

    model: str
    stream: bool
    max_tokens: int | None


class BadBody(ValueError):
    """The body cannot be read. param: the field at fault, if it is one."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


def peek(body: bytes) -> Peek:
    """Read a body's routing fields. Raises BadBody for anything that two JSON readers could see differently.

    The decoder skips what it is not asked for, so it overlooks bad UTF-8 and endless numbers in other fields; those are
    looked for separately.
    """
    _models.clear()
    try:
        fields = _decode(body)
    except msgspec.ValidationError as error:
        raise BadBody(f"The request body does not fit: {error}.", _param_of(str(error))) from None
    except UnicodeDecodeError:
        raise BadBody("The request body is not UTF-8.") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadBody(f"The request body is not JSON: {_first_line(error)}.") from None
    if len(_models) != 1:
        raise BadBody("model is given twice.", "model")
    if not body.isascii():
        _check_utf8(body)
    if _has_endless_number(body):
        raise BadBody(f"A number in the request body has more than {LONGEST_NUMBER} digits.")
    model = _models[0]
    if not 0 < len(model) <= MAX_MODEL_CHARS or not model.isprintable():
        raise BadBody(f"model must be 1 to {MAX_MODEL_CHARS} printable characters.", "model")
    max_tokens = fields.max_completion_tokens or fields.max_output_tokens or fields.max_tokens
    return Peek(model, bool(fields.stream), max_tokens)


def check_spelling(body: bytes) -> None:
    """Raises BadBody where another key is ``model`` but for its case: engines written in Go would take that one.

    For keys that may not use every model, because it costs a second look at the body. body: has passed ``peek``.
    """
    others = [key for key in _decode_keys(body) if key != "model" and key.lower() == "model"]
    if others:
        raise BadBody(f"model is given twice, the second time as {others[0]!r}.", others[0])


def with_model(body: bytes, model: str) -> bytes:
    """The same body with another model: the only rewrite there is, for aliases. Everything else keeps its bytes.

    body: has passed ``peek``.
    """
    text = body.decode()
    start, end = _model_span(text)
    return (text[:start] + json.dumps(model, ensure_ascii=False) + text[end:]).encode()


def _model_span(text: str) -> tuple[int, int]:
    decoder = json.JSONDecoder()
    position = text.index("{") + 1
    while True:
        position = _skip_blank(text, position)
        key, position = decoder.raw_decode(text, position)
        start = _skip_blank(text, _skip_blank(text, position) + 1)
        _, end = decoder.raw_decode(text, start)
        if key == "model":
            return start, end
        position = _skip_blank(text, end) + 1


def _skip_blank(text: str, position: int) -> int:
    while text[position] in " \t\r\n":
        position += 1
    return position


def _has_endless_number(body: bytes) -> bool:
    # A run of so many digits has one at every place that is a multiple of its length.
    samples = body[LONGEST_NUMBER - 1 :: LONGEST_NUMBER]
    return len(samples.translate(None, _DIGITS)) < len(samples) and _DIGIT_RUN in body.translate(_DIGITS_AS_ZERO)


def _check_utf8(body: bytes) -> None:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise BadBody(f"The request body is not UTF-8 at byte {error.start}.") from None


def _param_of(message: str) -> str | None:
    _, separator, path = message.partition("`$.")
    if separator:
        return path.partition("`")[0]
    return "model" if "`model`" in message else None


def _first_line(error: BaseException) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error).splitlines()[0]
