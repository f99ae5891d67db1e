"""Evidence tells whether a strategy is held back."""

from __future__ import annotations

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Nothing here: the documents of strategies follow from the log, and are made again after an upgrade."""
