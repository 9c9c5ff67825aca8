"""The shape of every refusal."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from llmlb.wire.fields import TO_CLIENT


class ErrorDetail(BaseModel):
    """Why a request was refused.

    message: the cause and what to do next, for people.  code: for programs.  param: the field at fault, if one is.
    """

    model_config = TO_CLIENT

    message: str
    type: str
    code: str
    param: str | None = None


class ErrorReply(BaseModel):
    """Every 4xx and 5xx answer except those of ``/v1/messages``."""

    model_config = TO_CLIENT | {
        "json_schema_extra": {
            "examples": [
                {
                    "error": {
                        "message": "No node is called node-9; list the nodes with llmlb nodes list.",
                        "type": "invalid_request_error",
                        "code": "node_not_found",
                        "param": None,
                    }
                }
            ]
        }
    }

    error: ErrorDetail


class MessagesErrorDetail(BaseModel):
    model_config = TO_CLIENT

    type: str
    message: str


class MessagesErrorReply(BaseModel):
    """The shape of a refusal on ``/v1/messages``."""

    model_config = TO_CLIENT

    type: Literal["error"] = "error"
    error: MessagesErrorDetail
