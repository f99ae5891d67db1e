"""How many strategies of each kind there are stands beside the law: lists tell their length without counting. An
index leads to those of one severity."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Adds it empty; what it holds follows from the log, and is filled in after."""
    op.add_column("law", sa.Column("tally", sa.Text, nullable=False, server_default="[]"))
    listed = ["status", "severity", "rank", "first_seq", "half_approved", "id"]
    op.create_index("strategies_by_severity", "strategies", listed)
