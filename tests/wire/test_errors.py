from __future__ import annotations

from llmlb.wire.errors import ErrorDetail, ErrorReply, MessagesErrorDetail, MessagesErrorReply


def test_both_dialects_of_a_refusal_have_their_shapes() -> None:
    openai = ErrorReply(error=ErrorDetail(message="m", type="t", code="c"))
    assert openai.model_dump() == {"error": {"message": "m", "type": "t", "code": "c", "param": None}}
    anthropic = MessagesErrorReply(error=MessagesErrorDetail(type="t", message="m"))
    assert anthropic.model_dump() == {"type": "error", "error": {"type": "t", "message": "m"}}
