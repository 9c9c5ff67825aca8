"""``/``: for somebody who opened the address in a browser."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import PlainTextResponse

from llmlb import __version__
from llmlb.api.access import PublicCall

router = APIRouter(tags=["health"])

WELCOME = f"""llmlb {__version__}: one OpenAI-compatible endpoint for a fleet of LLM engines.

Watch the fleet:     llmlb top
Check the router:    llmlb status
Ask a model:         POST /v1/chat/completions with an API key (llmlb keys create NAME)
Read the reference:  docs/api.md beside the source, or GET /openapi.json with an operator's token
"""


@router.get("/", response_class=PlainTextResponse)
async def welcome(call: PublicCall) -> PlainTextResponse:
    """A short text that says where to look."""
    return PlainTextResponse(WELCOME)
