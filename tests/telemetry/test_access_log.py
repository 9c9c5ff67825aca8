from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmlb.core.record import AttemptRecord, ExchangeOutcome, ExchangeRecord, Phase
from llmlb.telemetry.access_log import AccessLog, access_line, access_text


def record(**fields: object) -> ExchangeRecord:
    made = ExchangeRecord("req_1", 1_800_000_000.0, endpoint="/v1/chat/completions", model="llama", status=200)
    made.outcome, made.total_s = ExchangeOutcome.ANSWERED, 1.5
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_a_line_says_what_went_where_and_how_long_it_took() -> None:
    made = access_line(
        record(
            node_id="node-1",
            reason="least_active",
            key_name="team-a",
            queue_s=0.25,
            ttft_s=0.5,
            prompt_tokens=3,
            completion_tokens=9,
            bytes_out=812,
            attempts=(AttemptRecord("node-2", "least_active", "refused"),),
        )
    )
    assert made.message == "/v1/chat/completions 200 answered"
    assert made.at_unix_s == 1_800_000_001.5
    assert made.fields == {
        "id": "req_1",
        "model": "llama",
        "node_id": "node-1",
        "reason": "least_active",
        "key": "team-a",
        "total_ms": 1500.0,
        "queue_ms": 250.0,
        "ttft_ms": 500.0,
        "prompt_tokens": 3,
        "completion_tokens": 9,
        "failed_attempts": 1,
        "bytes_out": 812,
    }


def test_a_client_that_left_is_shown_with_what_it_left() -> None:
    gone = record(outcome=ExchangeOutcome.CANCELLED, cancelled_phase=Phase.QUEUED, status=0)
    assert access_line(gone).message == "/v1/chat/completions - cancelled while queued"


def test_what_a_client_sends_cannot_forge_or_reveal() -> None:
    made = access_line(record(model="a\nb", client_request_id="sk-abcdefghijklmnop", error="\x1b[2J"))
    assert made.fields["model"] == "a\\nb"
    assert made.fields["client_request_id"] == "sk-***"
    assert made.fields["error"] == "\\x1b[2J"


def test_lines_come_together_and_none_is_lost() -> None:
    batches: list[str] = []
    log = AccessLog(batches.append, lambda record: record.id, batch=3)
    for number in range(7):
        log.take([record(id=f"req_{number}")])
    log.flush()
    log.flush()
    assert batches == ["req_0\nreq_1\nreq_2\n", "req_3\nreq_4\nreq_5\n", "req_6\n"]


@given(
    names=st.lists(st.text(max_size=8), min_size=4, max_size=4),
    seconds=st.lists(st.floats(0, 3600), min_size=3, max_size=3),
    tokens=st.none() | st.integers(0, 10**6),
    outcome=st.sampled_from(ExchangeOutcome),
    error=st.sampled_from(["", "", "the node was lost"]),
)
def test_the_quick_way_writes_the_same_line(
    names: list[str], seconds: list[float], tokens: int | None, outcome: ExchangeOutcome, error: str
) -> None:
    made = record(
        model=names[0] or "m",
        node_id=names[1] or "n",
        reason="least_active",
        key_name=names[2],
        address=names[3],
        total_s=seconds[0],
        queue_s=seconds[1],
        ttft_s=seconds[2] or None,
        prompt_tokens=tokens,
        completion_tokens=tokens,
        outcome=outcome,
        error=error,
    )
    assert access_text(made) == access_line(made).text(coloured=False)
