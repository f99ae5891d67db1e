"""Columns and labels by which lists of strategies are ordered, filtered and counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds them empty; what they hold follows from each strategy's document, and is filled in after."""
    for name in ("severity", "verdict"):
        op.add_column("strategies", sa.Column(name, sa.Text, nullable=False, server_default=""))
    for name in ("tainted", "flagged", "rank"):
        op.add_column("strategies", sa.Column(name, sa.Integer, nullable=False, server_default="0"))
    op.create_index("strategies_by_rank", "strategies", ["status", "rank", "first_seq", "id"])
    kinds = ["status", "severity", "scope", "verdict", "tainted", "flagged"]
    op.create_index("strategies_by_kind", "strategies", kinds)
    op.create_table(
        "labels", *(sa.Column(name, sa.Text, primary_key=True) for name in ("kind", "value", "strategy"))
    )
    op.create_index("labels_by_strategy", "labels", ["strategy"])
