"""The kinds of fields that messages are made of, each with its bounds."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from llmlb.wire.text import NODE_ID_PATTERN, clean_names, clean_text

FROM_NODE = ConfigDict(frozen=True, extra="ignore", strict=True, defer_build=True)
"""Messages of nodes: unknown fields are ignored, nothing is converted."""

FROM_OPERATOR = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)
"""Messages of operators: unknown fields are refused, nothing is converted."""

TO_CLIENT = ConfigDict(frozen=True, defer_build=True)
"""Answers of the router."""

LARGEST_INTEGER = 2**53
"""Beyond it, JSON numbers are not the same everywhere."""

MODELS_AT_MOST = 1000
MODEL_NAME_CHARACTERS = 256
GPUS_AT_MOST = 64

NodeIdText = Annotated[str, StringConstraints(pattern=NODE_ID_PATTERN, max_length=63)]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Celsius = Annotated[float, Field(ge=-50, le=150, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]
TokenRate = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
HeartbeatSeconds = Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)]

ShortText = Annotated[str, StringConstraints(max_length=128), AfterValidator(clean_text)]
LongText = Annotated[str, StringConstraints(max_length=2000), AfterValidator(clean_text)]
ModelName = Annotated[str, StringConstraints(max_length=MODEL_NAME_CHARACTERS)]
ModelNames = Annotated[tuple[ModelName, ...], Field(max_length=MODELS_AT_MOST), AfterValidator(clean_names)]


def _engine_key(text: str) -> str:
    key = text.strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("must be printable ASCII without spaces, because it is sent in a header")
    return key


EngineKey = Annotated[str, StringConstraints(max_length=4096), AfterValidator(_engine_key)]
"""The key that a node's engine wants as ``Authorization: Bearer``."""


def _named(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


NameText = Annotated[str, StringConstraints(max_length=128), AfterValidator(clean_text), AfterValidator(_named)]
"""A name that a person gives: cleaned, and not empty afterwards."""
