"""The journal's tables on PostgreSQL, and what its refusals mean. One database holds many runs' journals.

The columns of an answer are those of the SQLite file, so that one checksum covers both. All tables are named
``journal_*``: the library may stand in the same database.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Engine,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    create_engine,
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from preceptor.core.errors import UPGRADE, ConfigError, RunError, install
from preceptor.core.untrusted import one_line

REVISION = "1"
_MAKING = 0x70726A31
"""Names the lock that who makes the tables holds."""


def _key(name: str) -> Column[str]:
    return Column(name, Text, primary_key=True)


def _text(*names: str) -> list[Column[str]]:
    return [Column(name, Text, nullable=False) for name in names]


def _counts(*names: str) -> list[Column[int]]:
    return [Column(name, BigInteger, nullable=False, server_default="0") for name in names]


def _tables() -> MetaData:
    metadata = MetaData()
    _of_sessions(metadata)
    _of_calls(metadata)
    Table("journal_revision", metadata, _key("revision"))
    return metadata


def _of_sessions(metadata: MetaData) -> None:
    Table(
        "journal_runs",
        metadata,
        _key("run"),
        Column("salt", LargeBinary),
        Column("proof", LargeBinary),
        Column("wanted", DateTime(timezone=True)),
    )
    Table(
        "journal_sessions",
        metadata,
        _key("run"),
        _key("session"),
        Column("ended", Integer, nullable=False),
        Column("until", DateTime(timezone=True), nullable=False),
    )
    Table(
        "journal_leases",
        metadata,
        _key("run"),
        _key("session"),
        _key("seat"),
        *_counts("lent_calls", "lent_tokens"),
        Column("lent_usd", Float(53), nullable=False, server_default="0"),
        *_counts("spent_calls", "spent_tokens"),
        Column("spent_usd", Float(53), nullable=False, server_default="0"),
    )


def _of_calls(metadata: MetaData) -> None:
    Table(
        "journal_answers",
        metadata,
        _key("run"),
        _key("key"),
        *_text("spec", "seat", "phase", "item"),
        Column("reply", LargeBinary),
        *_counts("input", "output"),
        Column("usd", Float(53)),
        *_counts("estimated", "cached", "reasoning"),
        *_text("at"),
        Column("sum", LargeBinary, nullable=False),
        *_text("session", "mark"),
        Index("journal_answers_by_item", "run", "item"),
    )
    Table(
        "journal_lost",
        metadata,
        _key("run"),
        _key("mark"),
        *_text("session", "seat", "phase"),
        *_counts("calls", "input", "output"),
        Column("usd", Float(53)),
    )
    Table(
        "journal_begun",
        metadata,
        _key("run"),
        _key("mark"),
        *_text("key", "session", "seat", "phase"),
        *_counts("input", "output"),
        Column("usd", Float(53)),
        Index("journal_begun_by_session", "run", "session"),
    )
    Table("journal_claims", metadata, _key("run"), _key("key"), *_text("session"))


METADATA = _tables()
RUNS = METADATA.tables["journal_runs"]
SESSIONS = METADATA.tables["journal_sessions"]
LEASES = METADATA.tables["journal_leases"]
ANSWERS = METADATA.tables["journal_answers"]
LOST = METADATA.tables["journal_lost"]
BEGUN = METADATA.tables["journal_begun"]
CLAIMS = METADATA.tables["journal_claims"]
REVISIONS = METADATA.tables["journal_revision"]
COLUMNS = tuple(
    ANSWERS.c[name]
    for name in (
        "key",
        "spec",
        "seat",
        "phase",
        "item",
        "input",
        "output",
        "usd",
        "estimated",
        "cached",
        "reasoning",
        "at",
    )
)
"""What a row's checksum covers, beside the reply: as in the SQLite file."""


def shown(place: str) -> str:
    """A database's URL for messages, without a password."""
    return one_line(_url(place).render_as_string(), 200)


def connect(place: str) -> Engine:
    """The database at a URL, with the journal's tables in it.

    Raises:
        ConfigError: the URL is none of PostgreSQL's, or the driver is not installed.
        RunError: it cannot be reached, or was written by a newer version.
    """
    url = _url(place)
    try:
        # A connection for the thread that writes, one for who reads; more is a sign of a mistake.
        engine = create_engine(url, pool_size=2, max_overflow=1)
    except ImportError as error:
        raise ConfigError(
            f"journal.path: the driver is not installed ({error})", hint=install("postgresql")
        ) from error
    with ExitStack() as opened:
        opened.callback(engine.dispose)
        with told(place), engine.begin() as connection:
            _make(connection, place)
        opened.pop_all()
    return engine


def _url(place: str) -> URL:
    try:
        url = make_url(place)
    except ArgumentError as error:
        raise _no_url(place.rpartition("@")[2]) from error
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "postgresql":
        raise _no_url(url.render_as_string())
    return url


def _no_url(name: str) -> ConfigError:
    return ConfigError(
        f"journal.path: {one_line(name, 120)} is no URL of PostgreSQL",
        hint="write postgresql://user@host/database, or leave it empty: a file in the run's folder",
    )


def _make(connection: Connection, place: str) -> None:
    if not inspect(connection).has_table(REVISIONS.name):
        connection.execute(select(func.pg_advisory_xact_lock(_MAKING)))
        if not inspect(connection).has_table(REVISIONS.name):  # another process may have been first
            METADATA.create_all(connection)
            connection.execute(insert(REVISIONS).values(revision=REVISION))
    found = connection.execute(select(REVISIONS.c.revision)).scalars().all()
    if list(found) != [REVISION]:
        raise RunError(
            f"{shown(place)}: its journals were written by a newer Preceptor (revision {', '.join(found)})",
            hint=UPGRADE,
        )


@contextmanager
def told(place: str) -> Generator[None]:
    """What the database refuses, as an error that says what to do."""
    try:
        yield
    except DBAPIError as error:
        raise broken(place, one_line(str(error.orig), 300)) from error
    except SQLAlchemyError as error:
        raise broken(place, one_line(str(error), 300)) from error


def broken(place: str, reason: str) -> RunError:
    """The error for a database that does not answer as it should."""
    for words, meaning, hint in (
        ("connection", "cannot be reached", "see whether the server runs and the URL is right, then resume"),
        ("No space left", "has no room left: its disk is full", "free some space there, then resume"),
        ("permission denied", "refuses this user", "grant the right to create and write tables there"),
        ("read-only", "cannot be written", "name the primary server, not a replica"),
    ):
        if words in reason:
            return RunError(f"the journal's database {shown(place)} {meaning} ({reason})", hint=hint)
    return RunError(
        f"the journal's database {shown(place)}: {reason}", hint="see to it, then resume: what is in it stays"
    )
