"""Request bodies: read with a limit, parsed without mercy, refused in words."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Generic, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json

from llmlb.api.answers import ApiRefusal
from llmlb.wire.text import clean_text

M = TypeVar("M", bound=BaseModel)


async def read_body(request: Request, limit_bytes: int, *, key: str) -> bytes:
    """The whole body; refused with 413 as soon as more than ``limit_bytes`` have come. key: the limit's setting."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise body_too_large(limit_bytes, key=key)
    return bytes(body)


def body_too_large(limit_bytes: int, *, key: str) -> ApiRefusal:
    message = f"The request body is larger than {limit_bytes} bytes. Send less, or raise {key}."
    return ApiRefusal(413, "request_too_large", message, headers={"connection": "close"})


def parse(model: type[M], body: bytes) -> M:
    """The message in a body. Refuses with 400 what is not JSON, with 422 what does not fit, naming the field."""
    if not body.strip():
        raise ApiRefusal(400, "missing_body", "The request has no body. Send a JSON object.")
    try:
        # NaN and Infinity are not JSON; the validator would let them pass in fields that nobody reads.
        from_json(body, allow_inf_nan=False, cache_strings="none")
        return model.model_validate_json(body)
    except ValidationError as error:
        raise unfit(error, model) from None
    except ValueError as error:
        raise not_json(str(error)) from None


def not_json(reason: str) -> ApiRefusal:
    """The body is not JSON. reason: the parser's words, which name the place."""
    return ApiRefusal(400, "invalid_json", f"The body is not valid JSON: {reason}. Correct it and send it again.")


def unfit(error: ValidationError, model: type[BaseModel], *, consequence: str = "Nothing was changed.") -> ApiRefusal:
    """The body is JSON but not the message that belongs here: the first field at fault, in words."""
    problems = error.errors(include_url=False, include_input=False)
    first = problems[0]
    param = field_of(first)
    others = sorted({field_of(problem) for problem in problems[1:]} - {param})
    also = f" Also wrong: {', '.join(others[:5])}." if others else ""
    message = f"{complaint(first, param, model)}{also} {consequence}"
    return ApiRefusal(422, "invalid_value", message, param=param or None)


def field_of(problem: ErrorDetails) -> str:
    """The path of a field as a person writes it: ``gpu_metrics.usage``, ``loaded_models[3]``."""
    path = ""
    for part in problem["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return clean_text(path[:200])


def complaint(problem: ErrorDetails, param: str, model: type[BaseModel]) -> str:
    """What is wrong with a field, and what would be right, in one or two sentences."""
    context = problem.get("ctx", {})
    match problem["type"]:
        case "missing":
            return f"The field {param} is missing: send it."
        case "extra_forbidden":
            near = get_close_matches(param, model.model_fields, n=1)
            guess = f"; did you mean {near[0]}?" if near else f": known are {', '.join(model.model_fields)}."
            return f"There is no field {param!r}{guess}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{_subject(param)} must be a JSON object."
        case "greater_than_equal":
            return f"{_subject(param)} must be at least {context.get('ge')}."
        case "greater_than":
            return f"{_subject(param)} must be more than {context.get('gt')}."
        case "less_than_equal":
            return f"{_subject(param)} must be at most {context.get('le')}."
        case "string_pattern_mismatch":
            return f"{_subject(param)} must match {context.get('pattern')}."
        case "value_error":
            return f"{_subject(param)} {context.get('error')}."
        case _:
            said = problem["msg"].removeprefix("Input ").removeprefix("String ").removeprefix("Tuple ")
            return f"{_subject(param)} {said.replace('should', 'must')}."


def _subject(param: str) -> str:
    return f"The field {param}" if param else "The body"


@dataclass(frozen=True, slots=True)
class JsonBody(Generic[M]):
    """The dependency that reads a route's body; it is also what the API's documentation is told of it.

    default: what an empty body stands for, where one may be left out.
    """

    model: type[M]
    default: M | None = None

    async def __call__(self, request: Request) -> M:
        limit_bytes = request.app.state.services.settings.limits.control_body_bytes
        body = await read_body(request, limit_bytes, key="limits.control_body_bytes")
        if self.default is not None and not body.strip():
            return self.default
        return parse(self.model, body)
