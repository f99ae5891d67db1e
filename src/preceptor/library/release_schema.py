"""The tables of releases: bytes that never change, a log of what was done with them, and the pointer."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Table, Text

RELEASE_TABLE = "releases"
STRATEGY_TABLE = "release_strategies"
PART_TABLE = "release_parts"
LOG_TABLE = "release_log"
POINTER_TABLE = "release_pointer"


def release_tables(metadata: MetaData) -> None:
    """Adds the tables to ``metadata``."""
    Table(
        RELEASE_TABLE,
        metadata,
        Column("digest", Text, primary_key=True),
        Column("trial", Integer, nullable=False),
        Column("strategies", Integer, nullable=False),
        Column("scenarios", Integer, nullable=False),
        Column("bytes", Integer, nullable=False),
        Column("seq", Integer, nullable=False),
    )
    Table(
        STRATEGY_TABLE,
        metadata,
        Column("digest", Text, primary_key=True),
        Column("strategy", Text, primary_key=True),
        Column("version", Integer, nullable=False),
        Index("release_strategies_by_strategy", "strategy"),
    )
    Table(
        PART_TABLE,
        metadata,
        Column("digest", Text, primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("data", LargeBinary, nullable=False),
    )
    Table(
        LOG_TABLE,
        metadata,
        Column("seq", Integer, primary_key=True, autoincrement=False),
        Column("act", Text, nullable=False),
        Column("digest", Text, nullable=False),
        Column("previous", Text, nullable=False),
        Column("author", Text, nullable=False),
        Column("at", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("hash", Text, nullable=False),
    )
    Table(
        POINTER_TABLE,
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("seq", Integer, nullable=False),
        Column("digest", Text, nullable=False),
        Column("hash", Text, nullable=False),
    )
