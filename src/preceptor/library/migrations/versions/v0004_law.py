"""The library's law: how many people approve, and until when that holds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds them empty; what they hold follows from the log, and is filled in after."""
    for name in ("approved_at", "until"):
        op.add_column("strategies", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.add_column("strategies", sa.Column("half_approved", sa.Integer, nullable=False, server_default="0"))
    op.create_index("strategies_by_end", "strategies", ["status", "approved_at", "until"])
    op.create_table(
        "law",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("doc", sa.Text, nullable=False),
    )
