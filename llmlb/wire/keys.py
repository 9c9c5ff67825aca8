"""API keys and join tokens: how they are made and listed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field

from llmlb.wire.fields import FROM_OPERATOR, TO_CLIENT, ModelNames, NameText

ScopeName = Literal["api", "metrics", "admin"]
RequestsPerMinute = Annotated[int, Field(ge=1, le=1_000_000)]
Concurrency = Annotated[int, Field(ge=1, le=100_000)]


class ApiKeyCreation(BaseModel):
    """A new key. expires_at: RFC 3339 with a time zone; models null: every model; limits null: none."""

    model_config = FROM_OPERATOR | {
        "json_schema_extra": {"examples": [{"name": "ci", "scopes": ["api"], "requests_per_minute": 600}]},
    }

    name: NameText
    scopes: Annotated[tuple[ScopeName, ...], Field(min_length=1, max_length=3)] = ("api",)
    expires_at: AwareDatetime | None = None
    models: ModelNames | None = None
    requests_per_minute: RequestsPerMinute | None = None
    max_concurrency: Concurrency | None = None


class ApiKeyView(BaseModel):
    """A key as listed. hint: its last characters, by which its owner recognises it."""

    model_config = TO_CLIENT

    id: str
    name: str
    scopes: list[ScopeName]
    created_at: str
    expires_at: str | None
    hint: str
    models: list[str] | None
    requests_per_minute: int | None
    max_concurrency: int | None


class NewApiKey(ApiKeyView):
    """A key just made: the only answer that holds it."""

    key: str


class ApiKeyList(BaseModel):
    model_config = TO_CLIENT

    api_keys: list[ApiKeyView]


class JoinTokenCreation(BaseModel):
    """A new permission to register nodes. max_uses null: any number of times."""

    model_config = FROM_OPERATOR

    name: NameText = "join token"
    expires_at: AwareDatetime | None = None
    max_uses: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class JoinTokenView(BaseModel):
    model_config = TO_CLIENT

    id: str
    name: str
    created_at: str
    expires_at: str | None
    hint: str
    max_uses: int | None
    uses: int


class NewJoinToken(JoinTokenView):
    """A join token just made: the only answer that holds it."""

    token: str


class JoinTokenList(BaseModel):
    model_config = TO_CLIENT

    join_tokens: list[JoinTokenView]
