"""Request records in packs: many in one row, as MessagePack, and their times in seconds."""

# Alembic loads this file by its path: the names in annotations must be objects, since msgspec could not look texts up.

from typing import TypeVar

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "runtime_0004"
down_revision = "runtime_0003"
branch_labels = None
depends_on = None

RECORDS_PER_PACK = 256
T = TypeVar("T")

OUTCOMES = ("answered", "failed", "cancelled", "refused")
PHASES = ("queued", "connecting", "waiting", "streaming")


class Row(msgspec.Struct):
    """The columns of a row of ``requests``."""

    number: int
    id: str
    at: float
    model: str
    node_id: str
    key_id: str
    status: int
    outcome: str
    stream: int
    queue_ms: float
    ttft_ms: float | None
    total_ms: float
    prompt_tokens: int | None
    completion_tokens: int | None
    estimated: int
    attempts_json: str
    reason: str
    error: str
    client_request_id: str
    costs_json: str
    details_json: str


class Attempt(msgspec.Struct, omit_defaults=True):
    node_id: str = ""
    reason: str = ""
    cause: str = ""
    status: int = 0
    seconds: float = 0.0


class Cost(msgspec.Struct):
    node_id: str
    total_s: float
    terms: dict[str, float]


class LeftOut(msgspec.Struct, frozen=True, omit_defaults=True):
    node_ids: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    counts: dict[str, int] = {}


class Lineup(msgspec.Struct, omit_defaults=True):
    eligible: int
    serving: LeftOut = LeftOut()
    others: LeftOut = LeftOut()


class Details(msgspec.Struct):
    key_name: str = ""
    endpoint: str = ""
    address: str = ""
    cancelled_phase: str | None = None
    queue_position: int = 0
    overhead_ms: float | None = None
    events: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    lineup: Lineup | None = None


class Record(msgspec.Struct, omit_defaults=True):
    id: str
    at_unix_s: float
    endpoint: str = ""
    model: str = ""
    stream: bool = False
    key_id: str = ""
    key_name: str = ""
    address: str = ""
    client_request_id: str = ""
    node_id: str = ""
    reason: str = ""
    status: int = 0
    outcome: str = "failed"
    cancelled_phase: str | None = None
    error: str = ""
    queue_s: float = 0.0
    queue_position: int = 0
    ttft_s: float | None = None
    total_s: float = 0.0
    overhead_s: float = 0.0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    tokens_estimated: bool = False
    events: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    attempts: list[Attempt] = []
    costs: list[Cost] = []
    lineup: Lineup | None = None


read_attempts = msgspec.json.Decoder(list[Attempt])
read_costs = msgspec.json.Decoder(list[Cost])
read_details = msgspec.json.Decoder(Details)


def upgrade() -> None:
    op.create_table(
        "request_packs",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("from_at", sa.Float(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("records", sa.LargeBinary(), nullable=False),
    )
    op.create_index("request_packs_by_time", "request_packs", ["at"])
    _pack_all(op.get_bind())
    op.drop_table("requests")


def _pack_all(connection: sa.Connection) -> None:
    columns = ", ".join(Row.__struct_fields__)
    query = f"SELECT {columns} FROM requests WHERE number > ? ORDER BY number LIMIT {RECORDS_PER_PACK}"
    number = last = 0
    while rows := [Row(*values) for values in connection.exec_driver_sql(query, (last,))]:
        last = rows[-1].number
        number += len(rows)
        records = [_record(row) for row in rows]
        arrivals = [record.at_unix_s for record in records]
        failed = [record.outcome for record in records].count("failed")
        values = (number, max(arrivals), min(arrivals), failed, msgspec.msgpack.encode(records))
        connection.exec_driver_sql("INSERT INTO request_packs VALUES (?, ?, ?, ?, ?)", values)


def _record(row: Row) -> Record:
    details = _read(read_details, row.details_json, Details())
    return Record(
        id=row.id,
        at_unix_s=row.at,
        endpoint=details.endpoint,
        model=row.model,
        stream=bool(row.stream),
        key_id=row.key_id,
        key_name=details.key_name,
        address=details.address,
        client_request_id=row.client_request_id,
        node_id=row.node_id,
        reason=row.reason,
        status=row.status,
        outcome=row.outcome if row.outcome in OUTCOMES else "failed",
        cancelled_phase=details.cancelled_phase if details.cancelled_phase in PHASES else None,
        error=row.error,
        queue_s=row.queue_ms / 1000,
        queue_position=details.queue_position,
        ttft_s=None if row.ttft_ms is None else row.ttft_ms / 1000,
        total_s=row.total_ms / 1000,
        overhead_s=(details.overhead_ms or 0.0) / 1000,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        tokens_estimated=bool(row.estimated),
        events=details.events,
        bytes_in=details.bytes_in,
        bytes_out=details.bytes_out,
        attempts=_read(read_attempts, row.attempts_json, []),
        costs=_read(read_costs, row.costs_json, []),
        lineup=details.lineup,
    )


def _read(decoder: msgspec.json.Decoder[T], text: str, otherwise: T) -> T:
    """What cannot be read any more is unknown, and the rest of its record is worth keeping."""
    try:
        return decoder.decode(text)
    except msgspec.DecodeError:
        return otherwise
