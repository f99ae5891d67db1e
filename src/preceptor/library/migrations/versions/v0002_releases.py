"""Releases: their bytes, what they hold, the log of what was done with them, and the pointer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the tables of releases to a library."""
    op.create_table(
        "releases",
        sa.Column("digest", sa.Text, primary_key=True),
        *(
            sa.Column(name, sa.Integer, nullable=False)
            for name in ("trial", "strategies", "scenarios", "bytes", "seq")
        ),
    )
    op.create_table(
        "release_strategies",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("strategy", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_index("release_strategies_by_strategy", "release_strategies", ["strategy"])
    op.create_table(
        "release_parts",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "release_log",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("act", "digest", "previous", "author", "at", "reason", "hash")
        ),
    )
    op.create_table(
        "release_pointer",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.execute("INSERT INTO release_pointer (id, seq, digest, hash) VALUES (1, 0, '', '')")
