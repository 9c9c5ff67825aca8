from __future__ import annotations

from llmlb.runtime.rows import body_row
from llmlb.store.rows import BodyRow
from llmlb.telemetry.requests import RecordedBody


def test_what_was_said_is_cut_at_the_limit_and_says_so() -> None:
    row = body_row(RecordedBody("r1", 1.0, b"123456789", b"12345"), 8)
    assert row == BodyRow(request_id="r1", at=1.0, prompt=b"12345678", answer=b"12345", prompt_cut=True)
    assert body_row(RecordedBody("r1", 1.0, None, b""), 8) == BodyRow(request_id="r1", at=1.0, answer=b"")
