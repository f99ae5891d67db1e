"""Opening the database behind a library, and what its failures mean to a person."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import local
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from preceptor.core.errors import UPGRADE, LibraryError, install
from preceptor.core.untrusted import one_line
from preceptor.library import migrations, schema
from preceptor.library.audit import refill
from preceptor.library.schema import REVISION, REVISION_TABLE, REVISIONS

BUSY_SECONDS = 10
"""How long a writer waits for another one."""

_DRIVER = "postgresql+psycopg"
"""Of PostgreSQL, where the URL names none."""
_MAKING = 0x7072656365
"""Names the lock that who makes or upgrades the tables on PostgreSQL holds."""
_WRITES = "preceptor_writes"


class Database:
    """An engine that opens transactions: to read, or to write with the write lock held from the start."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{_WRITES: True})
        one_view = engine.dialect.name == "sqlite"  # there by itself, elsewhere by asking
        self._reader = engine if one_view else engine.execution_options(isolation_level="REPEATABLE READ")
        self._mine = local()
        self.name = name
        """Path or URL (without password), for messages."""

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """One consistent view; inside :meth:`one_view` that one. LibraryError where the database fails."""
        shared: Connection | None = getattr(self._mine, "connection", None)
        if shared is not None:
            yield shared
            return
        with told(self.name), self._reader.connect() as connection, connection.begin():
            yield connection

    def known(self) -> dict[Any, Any]:
        """What was read of this moment already, inside :meth:`one_view`; outside it nothing is kept."""
        known: dict[Any, Any] | None = getattr(self._mine, "known", None)
        return {} if known is None else known

    @contextmanager
    def one_view(self) -> Generator[Connection]:
        """All that this thread reads inside is of one moment, and costs one transaction."""
        with self.reading() as connection:
            if getattr(self._mine, "connection", None) is not None:
                yield connection
                return
            self._mine.connection, self._mine.known = connection, {}
            try:
                yield connection
            finally:
                self._mine.connection = self._mine.known = None

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """All or nothing, alone among writers. LibraryError where the database fails."""
        with told(self.name), self._writer.connect() as connection, connection.begin():
            yield connection

    def set_write_ahead(self) -> None:
        """Readers beside a writer. SQLite keeps it in the file, and takes it outside a transaction only."""
        if self._engine.dialect.name != "sqlite":
            return
        with told(self.name):
            connection = self._engine.raw_connection()
            try:
                connection.cursor().execute("PRAGMA journal_mode=WAL")
            finally:
                connection.close()

    def close(self) -> None:
        """Gives all connections back."""
        self._engine.dispose()


def open_database(place: str | Path, *, create: bool) -> Database:
    """The database at a path or URL, with its schema brought up to date.

    Raises:
        LibraryError: nothing there (and not ``create``), not a library, a newer one, locked or read-only.
    """
    url = _url(place)
    name = url.database or "" if url.get_backend_name() == "sqlite" else url.render_as_string()
    if url.get_backend_name() == "sqlite":
        _check_path(name, create=create)
    name = one_line(name)
    with told(name):
        try:
            engine = _engine(url)
        except ImportError as error:
            raise LibraryError(
                f"{name}: the driver is not installed ({error})", hint=install("postgresql")
            ) from error
    with ExitStack() as unless_good:
        database = Database(engine, name)
        unless_good.callback(database.close)
        _bring_up_to_date(database, create=create)
        unless_good.pop_all()
    return database


@contextmanager
def told(name: str) -> Generator[None]:
    """What the database raises, as a LibraryError that names the library and the next step."""
    try:
        yield
    except DBAPIError as error:
        raise _explained(name, str(error.orig)) from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise _explained(name, str(error)) from error


_MEANINGS = (
    ("locked", "is in use by another process", "wait for it to end, or stop it, and try again"),
    ("busy", "is in use by another process", "wait for it to end, or stop it, and try again"),
    ("not a database", "is not a library", "name a library file, or another path to make one"),
    ("malformed", "is damaged", "restore it from a backup; then run: preceptor library verify"),
    ("readonly", "cannot be written", "make the file and its folder writable"),
    ("unable to open", "cannot be opened", "see whether folder and file are there and may be read and written"),
    ("connection", "cannot be reached", "see whether the database server runs, and whether the URL is right"),
    ("full", "cannot grow: the disk is full", "free some space and try again; nothing was lost"),
)


def _explained(name: str, reason: str) -> LibraryError:
    reason = one_line(reason, 300)
    for words, meaning, hint in _MEANINGS:
        if words in reason:
            return LibraryError(f"{name} {meaning} ({reason})", hint=hint)
    return LibraryError(f"{name}: {reason}", hint="run: preceptor library verify")


def _url(place: str | Path) -> URL:
    text = str(place)
    if "://" not in text:
        return URL.create("sqlite", database=text)
    try:
        url = make_url(text)
        return url.set(drivername=_DRIVER) if url.drivername in ("postgresql", "postgres") else url
    except ArgumentError as error:
        raise LibraryError(
            f"{text.rpartition('@')[2]} is not a database URL", hint="for instance sqlite:///library.db"
        ) from error


def _check_path(name: str, *, create: bool) -> None:
    if not name or name == ":memory:":
        raise LibraryError("a library needs a file", hint="give a path, for instance library.db")
    if name.startswith("file:"):
        return
    path, shown = Path(name), one_line(name)
    if path.is_dir():
        raise LibraryError(f"{shown} is a folder, not a library", hint="name a file in it, for instance library.db")
    if not path.exists() and not create:
        raise LibraryError(f"there is no library at {shown}", hint="learn one with: preceptor learn")
    if not path.parent.is_dir():
        raise LibraryError(f"{shown}: its folder does not exist", hint="make it first")


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "isolation_level": None})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: object) -> None:
        del record
        # FULL: a stage that was said to be committed survives a loss of power.
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    # The driver would take the write lock at the first write only, when it may be too late to wait for it.
    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        # By the driver itself: half of a short reading would be spent on the way there.
        connection.connection.cursor().execute("BEGIN IMMEDIATE" if writes else "BEGIN")

    del prepare, begin
    return engine


def _bring_up_to_date(database: Database, *, create: bool) -> None:
    with database.reading() as connection:
        revision = _revision(connection, database.name, create=create)
    if revision == REVISIONS[-1]:
        return
    if revision is None:
        database.set_write_ahead()
    with database.writing() as connection:
        if connection.dialect.name == "postgresql":  # elsewhere a writer is alone from the start
            connection.execute(select(func.pg_advisory_xact_lock(_MAKING)))
        revision = _revision(connection, database.name, create=create)  # another process may have been first
        if revision is None:
            schema.make(connection)
        elif revision != REVISIONS[-1]:
            migrations.upgrade(connection)
            refill(connection)


def _revision(connection: Connection, name: str, *, create: bool) -> str | None:
    """The stored revision; None for an empty database that may become a library."""
    if not inspect(connection).has_table(REVISION_TABLE):
        # A journal may stand in the same database, and may have been there first.
        if any(not name.startswith("journal_") for name in inspect(connection).get_table_names()):
            raise LibraryError(f"{name} is a database, but not a library", hint="name another path")
        if not create:
            raise LibraryError(f"{name} is empty, not a library", hint="learn one with: preceptor learn")
        return None
    found = list(connection.execute(select(REVISION.c.version_num)).scalars())
    if len(found) != 1 or found[0] not in REVISIONS:
        raise LibraryError(
            f"{name} was written by a newer preceptor (revision {', '.join(map(str, found)) or 'none'})",
            hint=UPGRADE,
        )
    return found[0]
