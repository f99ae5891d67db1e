"""The tables. ``changes`` is the truth; all others follow from it and can be recomputed.

One schema for SQLite and PostgreSQL. Text that others wrote sits in JSON columns (plain text, canonical
JSON), where NUL and lone surrogates are escapes, so that any database takes them.
"""

from __future__ import annotations

from sqlalchemy import Column, Connection, Index, Integer, MetaData, String, Table, Text, insert

from preceptor.library.release_schema import POINTER_TABLE, release_tables

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""Every revision of the schema, oldest first, by the name of its migration."""

REVISION_TABLE = "library_revision"
"""Holds the revision of the schema, as Alembic writes it."""


FIRST_LAW = '{"asked":null,"law":{"people":1,"valid_days":0}}'
"""The law of a new library, as ``rows.law_row`` writes it."""


_LISTED = (
    *("status", "rank", "first_seq", "id", "severity", "scope", "verdict", "tainted", "flagged", "usable"),
    *("half_approved", "approved_at", "until", "version"),
)
"""All that lists ask for but words and labels: they read this index, and documents of the page alone."""


def _tables() -> MetaData:
    metadata = MetaData()
    Table(
        "changes",
        metadata,
        Column("seq", Integer, primary_key=True, autoincrement=False),
        Column("id", Text, nullable=False),
        Column("previous", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("payload", Text, nullable=False),
        Column("author", Text, nullable=False),
        Column("at", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("token", Text, nullable=False),
        Column("hash", Text, nullable=False),
        Index("changes_by_token", "token"),
        Index("changes_by_time", "at"),
        Index("changes_by_kind", "kind", "seq"),
    )
    Table(
        "head",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("seq", Integer, nullable=False),
        Column("hash", Text, nullable=False),
    )
    Table(
        "strategies",
        metadata,
        Column("id", Text, primary_key=True),
        Column("first_seq", Integer, nullable=False),
        Column("status", Text, nullable=False),
        Column("scope", Text, nullable=False),
        Column("usable", Integer, nullable=False),
        Column("lesson", Text, nullable=False),
        Column("words", Text, nullable=False),
        Column("doc", Text, nullable=False),
        Column("severity", Text, nullable=False),
        Column("verdict", Text, nullable=False),
        Column("tainted", Integer, nullable=False),
        Column("flagged", Integer, nullable=False),
        Column("rank", Integer, nullable=False),
        Column("approved_at", Text, nullable=False),
        Column("until", Text, nullable=False),
        Column("half_approved", Integer, nullable=False),
        Column("version", Integer, nullable=False),
        Index("strategies_by_order", "first_seq", unique=True),
        Index("strategies_by_status", "status", "first_seq"),
        Index("strategies_by_list", *_LISTED),
        Index("strategies_by_severity", "status", "severity", "rank", "first_seq", "half_approved", "id"),
    )
    Table(
        "forms",
        metadata,
        Column("strategy", Text, primary_key=True),
        Column("first_seq", Integer, nullable=False),
        Column("status", Text, nullable=False),
        Column("forms", Text, nullable=False),
    )
    Table(
        "law",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("doc", Text, nullable=False),
        Column("tally", Text, nullable=False),
    )
    Table(
        "labels",
        metadata,
        Column("kind", Text, primary_key=True),
        Column("value", Text, primary_key=True),
        Column("strategy", Text, primary_key=True),
        Index("labels_by_strategy", "strategy"),
    )
    Table(
        "touched",
        metadata,
        Column("strategy", Text, primary_key=True),
        Column("seq", Integer, primary_key=True, autoincrement=False),
        Index("touched_by_seq", "seq"),
    )
    Table(
        "lessons",
        metadata,
        Column("id", Text, primary_key=True),
        Column("seq", Integer, nullable=False),
        Column("run", Text, nullable=False),
        Column("stage", Integer, nullable=False),
        Column("outcome", Text, nullable=False),
        Column("scenario", Text, nullable=False),
        Column("digest", Text, nullable=False),
        Index("lessons_by_order", "seq", unique=True),
        Index("lessons_by_run", "run", "seq"),
        Index("lessons_by_scenario", "scenario"),
    )
    Table(
        "scenarios",
        metadata,
        Column("id", Text, primary_key=True),
        Column("seq", Integer, nullable=False),
        Column("stage", Integer, nullable=False),
        Column("profile", Text, nullable=False),
        Column("doc", Text, nullable=False),
        Index("scenarios_by_order", "seq"),
    )
    release_tables(metadata)
    Table(
        REVISION_TABLE,
        metadata,
        Column("version_num", String(32), primary_key=True),
    )
    return metadata


METADATA = _tables()
CHANGES = METADATA.tables["changes"]
HEAD = METADATA.tables["head"]
STRATEGIES = METADATA.tables["strategies"]
LAW = METADATA.tables["law"]
LABELS = METADATA.tables["labels"]
FORMS = METADATA.tables["forms"]
TOUCHED = METADATA.tables["touched"]
LESSONS = METADATA.tables["lessons"]
SCENARIOS = METADATA.tables["scenarios"]
REVISION = METADATA.tables[REVISION_TABLE]


def make(connection: Connection) -> None:
    """All tables of a new library: what the migrations lead to (a test compares them), without Alembic."""
    METADATA.create_all(connection)
    connection.execute(insert(HEAD).values(id=1, seq=0, hash=""))
    connection.execute(insert(LAW).values(id=1, doc=FIRST_LAW, tally="[]"))
    connection.execute(insert(METADATA.tables[POINTER_TABLE]).values(id=1, seq=0, digest="", hash=""))
    connection.execute(insert(REVISION).values(version_num=REVISIONS[-1]))
