"""What strategies are compared by, and their versions, in columns of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Adds them empty; what they hold follows from the log, and is filled in after."""
    op.add_column("strategies", sa.Column("forms", sa.Text, nullable=False, server_default=""))
    op.add_column("strategies", sa.Column("version", sa.Integer, nullable=False, server_default="1"))
