"""The journal's tables, how older files become today's, and what SQLite's refusals mean."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from preceptor.core.errors import UPGRADE, RunError
from preceptor.llm.journal.seal import checksum

APPLICATION = 0x50726A31
"""Marks the file as a journal in SQLite's header."""
VERSION = 2
BUSY_SECONDS = 15.0
"""How long another program may hold the file."""

_TABLES = """
CREATE TABLE answers (
    key TEXT PRIMARY KEY, spec TEXT NOT NULL, seat TEXT NOT NULL, phase TEXT NOT NULL, item TEXT NOT NULL,
    reply BLOB, input INTEGER NOT NULL, output INTEGER NOT NULL, usd REAL, estimated INTEGER NOT NULL,
    cached INTEGER NOT NULL DEFAULT 0, reasoning INTEGER NOT NULL DEFAULT 0, at TEXT NOT NULL DEFAULT '',
    sum BLOB NOT NULL DEFAULT x''
) WITHOUT ROWID;
CREATE TABLE lost (
    seat TEXT NOT NULL, phase TEXT NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL, usd REAL,
    mark TEXT
);
CREATE UNIQUE INDEX lost_mark ON lost (mark);
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""
_FROM_1 = """
CREATE TABLE answers_2 (
    key TEXT PRIMARY KEY, spec TEXT NOT NULL, seat TEXT NOT NULL, phase TEXT NOT NULL, item TEXT NOT NULL,
    reply BLOB, input INTEGER NOT NULL, output INTEGER NOT NULL, usd REAL, estimated INTEGER NOT NULL,
    cached INTEGER NOT NULL DEFAULT 0, reasoning INTEGER NOT NULL DEFAULT 0, at TEXT NOT NULL DEFAULT '',
    sum BLOB NOT NULL DEFAULT x''
) WITHOUT ROWID;
INSERT INTO answers_2 (key, spec, seat, phase, item, reply, input, output, usd, estimated)
SELECT key, spec, seat, phase, item, reply, input, output, usd, estimated FROM answers;
DROP TABLE answers;
ALTER TABLE answers_2 RENAME TO answers;
ALTER TABLE lost ADD COLUMN mark TEXT;
CREATE UNIQUE INDEX lost_mark ON lost (mark);
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""
COLUMNS = "key, spec, seat, phase, item, input, output, usd, estimated, cached, reasoning, at"
"""What a row's checksum covers, beside the reply."""


_REFUSALS = {
    errno.ENOSPC: "SQLITE_FULL",
    errno.EDQUOT: "SQLITE_FULL",
    errno.EFBIG: "SQLITE_FULL",
    errno.EROFS: "SQLITE_READONLY",
    errno.EACCES: "SQLITE_READONLY",
}
"""What the operating system says of the files beside the database, as SQLite would say it."""


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Makes a new file a journal, brings an old one to today's version in one transaction, refuses others.

    Raises:
        RunError: not a journal, from a newer version, or damaged.
        sqlite3.Error: see :func:`broken`.
    """
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if not empty and application != APPLICATION:
        raise RunError(f"{path} is not a journal", hint="name another file, or move this one away")
    if version > VERSION:
        raise RunError(
            f"{path} was written by a newer Preceptor (journal version {version}; this one knows {VERSION})",
            hint=UPGRADE,
        )
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise damaged(path, found)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    if empty:
        connection.executescript(
            f"BEGIN IMMEDIATE; PRAGMA application_id={APPLICATION}; PRAGMA user_version={VERSION};{_TABLES} COMMIT;"
        )
    elif version < VERSION:
        _upgrade(connection)


def _upgrade(connection: sqlite3.Connection) -> None:
    # The connection as a context: commits at its end, rolls back on whatever is raised.
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for statement in _FROM_1.split(";"):
            if statement.strip():
                connection.execute(statement)
        for row in connection.execute(f"SELECT {COLUMNS}, reply FROM answers").fetchall():  # noqa: S608 - our names
            connection.execute("UPDATE answers SET sum=? WHERE key=?", (checksum(row[:-1], row[-1]), row[0]))
        connection.execute(f"PRAGMA user_version={VERSION}")


def damaged(path: Path, why: object) -> RunError:
    """The error for a file whose pages do not hold what was written."""
    return RunError(
        f"{path}: the journal is damaged: {why}",
        hint=f"save what can be read with: preceptor journal repair {path.parent.name}; "
        "only calls whose answers are gone are then paid again",
    )


def broken(path: Path, error: Exception) -> RunError:
    """What SQLite refuses, as an error that says what to do."""
    if isinstance(error, RunError):
        return error
    name = str(getattr(error, "sqlite_errorname", ""))
    if isinstance(error, OSError):
        name = _REFUSALS.get(error.errno or 0, "SQLITE_CANTOPEN")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return damaged(path, error)
    why, hint = f"the journal cannot be used: {error}", "see to space and rights there; what is in it stays"
    if name.startswith("SQLITE_FULL"):
        why, hint = "the disk is full", "free some space there, then resume: every answer until now is kept"
    elif name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        why, hint = "another program holds the journal", "close the program that has the file open, then resume"
    elif name.startswith("SQLITE_READONLY"):
        why, hint = "the journal cannot be written: it is read-only", f"give this user the right to write {path}"
    elif name.startswith("SQLITE_CANTOPEN"):
        hint = f"see whether {path.parent} exists and this user may write there"
    elif name.startswith("SQLITE_IOERR"):
        hint = "the disk gave an error: see to it, then resume; every answer until now is kept"
    return RunError(f"{path}: {why}", hint=hint)
