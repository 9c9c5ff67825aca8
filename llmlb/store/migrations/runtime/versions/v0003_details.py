"""Of a request, what only its own page shows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "runtime_0003"
down_revision = "runtime_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("requests", sa.Column("details_json", sa.Text(), nullable=False, server_default="{}"))
