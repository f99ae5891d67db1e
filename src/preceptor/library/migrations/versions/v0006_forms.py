"""What strategies are compared by, in a table of its own; lists read an index and no document."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_BEFORE = ("strategies_by_rank", "strategies_by_kind", "strategies_by_end")
_LISTED = ("status", "rank", "first_seq", "id", "severity", "scope", "verdict", "tainted", "flagged", "usable")


def upgrade() -> None:
    """Adds them empty; what they hold follows from the log, and is filled in after."""
    op.add_column("strategies", sa.Column("version", sa.Integer, nullable=False, server_default="1"))
    for name in _BEFORE:
        op.drop_index(name, "strategies")
    listed = [*_LISTED, "half_approved", "approved_at", "until", "version"]
    op.create_index("strategies_by_list", "strategies", listed)
    op.create_index("changes_by_kind", "changes", ["kind", "seq"])
    op.create_index("touched_by_seq", "touched", ["seq"])
    op.create_table(
        "forms",
        sa.Column("strategy", sa.Text, primary_key=True),
        sa.Column("first_seq", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("forms", sa.Text, nullable=False),
    )
