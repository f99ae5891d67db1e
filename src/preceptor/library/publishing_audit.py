"""Whether what is stored of releases is what their log and their bytes say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Table, select

from preceptor.core.errors import LibraryError
from preceptor.core.ids import digest as digest_of
from preceptor.library.publishing_rows import (
    LOG,
    PARTS,
    POINTER,
    RELEASES,
    STRATEGIES,
    Row,
    bytes_of,
    held_rows,
    release_row,
)


def problem(connection: Connection) -> str:
    """The first thing that does not hold, in words; empty when all does."""
    return next(_problems(connection), "")


def _problems(connection: Connection) -> Iterator[str]:
    previous, pointed, made = "", (0, ""), dict[str, int]()
    for seq, row in enumerate(_rows(connection, LOG), 1):
        stored = row.pop("hash")
        if row["seq"] != seq or row["previous"] != previous or stored != _hash(row):
            yield f"table {LOG.name}: broken at act {seq}: its content was altered, or an act is missing"
            return
        previous = stored
        if row["act"] == "create":
            made[row["digest"]] = seq
        else:
            pointed = (seq, row["digest"])
    expected = [{"id": 1, "seq": pointed[0], "digest": pointed[1], "hash": previous}]
    if not _same(_rows(connection, POINTER), expected):
        yield f"table {POINTER.name}: is not what the log of releases says"
    rows, held = list[Row](), list[Row]()
    for digest, seq in made.items():
        try:
            release, data = bytes_of(connection, digest)
        except LibraryError as error:
            yield f"table {PARTS.name}: {error.message}"
            return
        rows.append(release_row(release, len(data), seq))
        held += held_rows(release)
    if any(digest not in made for digest in connection.execute(select(PARTS.c.digest).distinct()).scalars()):
        yield f"table {PARTS.name}: holds bytes of a release that was never made"
    for table, must in ((RELEASES, rows), (STRATEGIES, held)):
        if not _same(_rows(connection, table), must):
            yield f"table {table.name}: is not what the bytes of the releases say"


def _rows(connection: Connection, table: Table) -> list[Row]:
    found = connection.execute(select(table).order_by(*table.primary_key)).mappings()
    return [dict(row) for row in found]


def _same(found: Sequence[Row], expected: Sequence[Row]) -> bool:
    """Whether the rows are equal, in any order, and of the same types (to SQLite, 1 may be "1")."""
    return sorted(map(_typed, found)) == sorted(map(_typed, expected))


def _typed(row: Row) -> list[tuple[str, str, str]]:
    return sorted((name, type(value).__name__, repr(value)) for name, value in row.items())


def _hash(row: Row) -> str:
    try:
        return digest_of("release-act", row)
    except TypeError:  # bytes where text should be
        return ""
