"""Small named steps from one revision of the schema to the next. Alembic is imported only when one is due."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from preceptor.library.schema import REVISION_TABLE


def upgrade(connection: Connection, to: str = "head") -> None:
    """Brings the schema to the newest revision, or to ``to``, inside the transaction of ``connection``."""
    # Here, since Alembic takes longer to import than all the rest, and is needed once in a library's life.
    from alembic.config import Config  # noqa: PLC0415
    from alembic.runtime.environment import EnvironmentContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    script = ScriptDirectory(str(Path(__file__).parent))

    def steps(revision: Any, context: object) -> Any:
        del context
        return script._upgrade_revs(to, revision)  # pyright: ignore[reportPrivateUsage] (as alembic.command does)

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=connection, version_table=REVISION_TABLE)
        environment.run_migrations()
