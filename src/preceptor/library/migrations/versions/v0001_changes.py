"""The log of changes and the state that follows from it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes all tables of a new library."""
    op.create_table(
        "changes",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("id", "previous", "kind", "payload", "author", "at", "reason", "token", "hash")
        ),
    )
    op.create_index("changes_by_token", "changes", ["token"])
    op.create_index("changes_by_time", "changes", ["at"])
    op.create_table(
        "head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_table(
        "strategies",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("first_seq", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("usable", sa.Integer, nullable=False),
        sa.Column("lesson", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("doc", sa.Text, nullable=False),
    )
    op.create_index("strategies_by_order", "strategies", ["first_seq"], unique=True)
    op.create_index("strategies_by_status", "strategies", ["status", "first_seq"])
    op.create_table(
        "touched",
        sa.Column("strategy", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    )
    op.create_table(
        "lessons",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("stage", sa.Integer, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("scenario", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
    )
    op.create_index("lessons_by_order", "lessons", ["seq"], unique=True)
    op.create_index("lessons_by_run", "lessons", ["run", "seq"])
    op.create_index("lessons_by_scenario", "lessons", ["scenario"])
    op.create_table(
        "scenarios",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("stage", sa.Integer, nullable=False),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("doc", sa.Text, nullable=False),
    )
    op.create_index("scenarios_by_order", "scenarios", ["seq"])
    op.execute("INSERT INTO head (id, seq, hash) VALUES (1, 0, '')")
