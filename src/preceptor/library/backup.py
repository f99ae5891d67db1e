"""A library as one file, and back, between any two databases.

The file holds all that the rest follows from: the log of changes, the log of releases and the bytes of releases,
as compressed JSON lines. The last line carries a hash of all before it, so that a file that was cut short or
altered is refused. Restoring recomputes every table from the log and verifies all of it before anything is kept.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Table, delete, func, insert, select, update

from preceptor.core.errors import InputError, LibraryError
from preceptor.library import publishing_rows as stored
from preceptor.library.audit import refill, streamed, verify
from preceptor.library.chain import Verification
from preceptor.library.database import Database, open_database
from preceptor.library.schema import CHANGES, HEAD, METADATA, REVISION_TABLE

FORMAT = 1
_PART = 1000
_LONGEST_LINE = 64_000_000
"""Bytes, unpacked: a few packed ones may stand for more than any memory holds."""
_AGAIN = "take another backup file; this one cannot be used"
_TABLES: tuple[Table, ...] = (CHANGES, stored.LOG, stored.PARTS)
"""What a backup holds, in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp:
    """What a backup holds."""

    changes: int
    head: str
    """Hash of the last change."""
    acts: int
    """Lines of the log of releases."""
    size: int
    """Bytes of the file; 0 where it was not asked for."""


def back_up(place: str | Path, target: Path) -> BackedUp:
    """Writes the library at a path or URL into the file ``target``; one that was there is replaced at the end.

    Others may read and write meanwhile: the file holds one moment.

    Raises:
        LibraryError: there is no library, or it does not hold (what cannot be restored is not backed up).
        InputError: the file cannot be written.
    """
    database = open_database(place, create=False)
    try:
        with database.reading() as connection:
            _check(verify(connection), "the library does not hold, and was not backed up")
            head = connection.execute(select(HEAD.c.seq, HEAD.c.hash)).one()
            acts = connection.execute(select(func.count()).select_from(stored.LOG)).scalar_one()
            told = {"preceptor-backup": FORMAT, "changes": head[0], "head": head[1], "acts": acts}
            _write(target, _lines(connection, told))
    finally:
        database.close()
    return BackedUp(changes=head[0], head=head[1], acts=acts, size=target.stat().st_size)


def restore(source: Path, place: str | Path, *, replace: bool = False) -> BackedUp:
    """Makes the library in the backup file ``source`` anew at a path or URL, verified, all or nothing.

    Args:
        source: a file that :func:`back_up` wrote.
        place: where the library shall stand.
        replace: although a library with changes stands there; what it held is gone then.

    Raises:
        InputError: the file is missing, cut short, altered, or no backup.
        LibraryError: a library stands there already, or what is in the file does not hold. Nothing is changed then.
    """
    _look_through(source)
    database = open_database(place, create=True)
    try:
        return _restore(database, source, replace=replace)
    finally:
        database.close()


def _restore(database: Database, source: Path, *, replace: bool) -> BackedUp:
    with database.writing() as connection:
        stored.lock(connection)
        held = connection.execute(select(HEAD.c.seq).with_for_update()).scalar_one_or_none()
        if held != 0 and not replace:
            raise LibraryError(
                f"{database.name} holds a library already ({held} changes)", hint="restore elsewhere, or: --replace"
            )
        for table in METADATA.sorted_tables:
            if table.name not in (REVISION_TABLE, HEAD.name, stored.POINTER.name):
                connection.execute(delete(table))
        with _records(source) as records:
            told = next(records)
            try:
                _fill(connection, records)
                last = _last(connection, CHANGES)
                connection.execute(update(HEAD).values(seq=last[0], hash=last[1]))
                refill(connection)
                _refill_releases(connection)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise InputError(f"{source.name} holds a line that cannot be used", hint=_AGAIN) from error
        found = verify(connection)
        _check(found, "what the backup holds does not hold together, and nothing was restored")
        acts = connection.execute(select(func.count()).select_from(stored.LOG)).scalar_one()
        if (found.changes, found.head, acts) != (told.get("changes"), told.get("head"), told.get("acts")):
            raise InputError(f"{source.name} holds another log than it tells", hint=_AGAIN)
    return BackedUp(changes=found.changes, head=found.head, acts=acts, size=source.stat().st_size)


def _check(found: Verification, words: str) -> None:
    if not found.ok:
        raise LibraryError(f"{words}: {found.problem}", hint="restore from an older backup")


def _lines(connection: Connection, told: dict[str, Any]) -> Iterator[bytes]:
    yield _line(told)
    for table in _TABLES:
        with streamed(connection, select(table).order_by(*table.primary_key)) as rows:
            for row in rows:
                yield _line([table.name, {name: _out(value) for name, value in row.items()}])


def _out(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _in(value: Any) -> Any:
    if isinstance(value, dict):
        return base64.b64decode(cast("dict[str, str]", value)["base64"], validate=True)
    return value


def _line(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True, sort_keys=True).encode() + b"\n"


def _write(target: Path, lines: Iterator[bytes]) -> None:
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    digest = hashlib.sha256()
    try:
        with temporary.open("wb") as raw:
            # No name and no time in it: equal libraries give equal files.
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
                for line in lines:
                    digest.update(line)
                    packed.write(line)
                packed.write(_line({"sha256": digest.hexdigest()}))
            raw.flush()
            os.fsync(raw.fileno())
        temporary.replace(target)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{target} cannot be written: {reason}", hint="name another file") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _unpacked(source: Path) -> Generator[Iterator[bytes]]:
    try:
        with gzip.open(source, "rb") as lines:
            yield _short(lines, source.name)
    except FileNotFoundError as error:
        raise InputError(f"there is no file {source.name}", hint="name a backup file") from error
    except (OSError, EOFError) as error:
        raise InputError(f"{source.name} cannot be read, or is no backup ({error})", hint=_AGAIN) from error


def _short(lines: gzip.GzipFile, name: str) -> Iterator[bytes]:
    while line := lines.readline(_LONGEST_LINE + 1):
        if len(line) > _LONGEST_LINE:
            raise InputError(f"{name} holds a line of more than {_LONGEST_LINE} bytes", hint=_AGAIN)
        yield line


def _look_through(source: Path) -> None:
    """InputError where the file is not whole: before anything is touched."""
    digest, before = hashlib.sha256(), b""
    with _unpacked(source) as lines:
        for number, line in enumerate(lines):
            if number == 0 and not line.startswith(b'{"acts":'):
                raise InputError(f"{source.name} is no backup of a library", hint=_AGAIN)
            digest.update(before)
            before = line
    if before != _line({"sha256": digest.hexdigest()}):
        raise InputError(f"{source.name} was cut short or altered", hint=_AGAIN)


@contextmanager
def _records(source: Path) -> Generator[Iterator[Any]]:
    with _unpacked(source) as lines:
        found = (json.loads(line) for line in lines)
        yield found


def _fill(connection: Connection, records: Iterator[Any]) -> None:
    tables = {table.name: table for table in _TABLES}
    waiting: list[dict[str, Any]] = []
    name = ""
    for record in records:
        if isinstance(record, dict):
            break
        kind, row = record
        if kind != name or len(waiting) >= _PART:
            _insert(connection, tables.get(name), waiting)
            name, waiting = kind, []
        waiting.append({column: _in(row[column]) for column in tables[kind].columns.keys()})  # noqa: SIM118
    _insert(connection, tables.get(name), waiting)


def _insert(connection: Connection, table: Table | None, values: list[dict[str, Any]]) -> None:
    if values and table is not None:
        connection.execute(insert(table), values)


def _last(connection: Connection, table: Table) -> tuple[int, str]:
    newest = select(table.c.seq, table.c.hash).order_by(table.c.seq.desc()).limit(1)
    found = connection.execute(newest).one_or_none()
    return (found[0], found[1]) if found else (0, "")


def _refill_releases(connection: Connection) -> None:
    """The rows and the pointer that follow from the log and the bytes of releases."""
    pointed = (0, "")
    for act in stored.acts(connection):
        if act.act == "create":
            release, data = stored.bytes_of(connection, act.digest)
            stored.insert_rows(connection, release, len(data), act.seq)
        else:
            pointed = (act.seq, act.digest)
    values = {"seq": pointed[0], "digest": pointed[1], "hash": _last(connection, stored.LOG)[1]}
    connection.execute(update(stored.POINTER).values(**values))
