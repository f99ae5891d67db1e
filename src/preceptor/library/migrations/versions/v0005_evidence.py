"""Evidence tells its measure and its student, and harm can be overridden."""

from __future__ import annotations

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Nothing here: the documents of strategies follow from the log, and are made again after an upgrade."""
