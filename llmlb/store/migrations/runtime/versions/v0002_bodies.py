"""Prompts and completions in a table of their own, and what each candidate of a choice would have cost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "runtime_0002"
down_revision = "runtime_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nothing was ever written to these two.
    op.drop_column("requests", "request_body")
    op.drop_column("requests", "response_body")
    op.add_column("requests", sa.Column("costs_json", sa.Text(), nullable=False, server_default="[]"))
    op.create_table(
        "bodies",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("request_id", sa.Text(), nullable=False, unique=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("prompt_cut", sa.Boolean(), nullable=False),
        sa.Column("answer_cut", sa.Boolean(), nullable=False),
        sa.Column("prompt", sa.LargeBinary()),
        sa.Column("answer", sa.LargeBinary()),
        sqlite_autoincrement=True,
    )
    op.create_index("bodies_by_time", "bodies", ["at", "size_bytes"])
