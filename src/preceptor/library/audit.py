"""Whether what is stored is what the log says."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, Table, delete, insert, select

from preceptor.core.errors import LibraryError
from preceptor.core.untrusted import one_line
from preceptor.library import rows
from preceptor.library.chain import BrokenError, Verification, replay
from preceptor.library.entry import Record, State
from preceptor.library.schema import CHANGES, HEAD
from preceptor.library.state import touched

Row = RowMapping

_PART = 1000
"""Rows written at once."""
_ANEW = "back it up (preceptor library backup FILE), move it away, then: preceptor library restore FILE"


@contextmanager
def streamed(connection: Connection, query: Select[Any]) -> Generator[Iterable[Row]]:
    """Rows as they come, a few hundred in memory at a time."""
    with connection.execute(query, execution_options={"yield_per": 500}) as result:
        yield result.mappings()


def verify_whole(connection: Connection) -> Verification:
    """:func:`verify`, and every page of the file: what the log does not need may be damaged too."""
    found = verify(connection)
    page = damaged_page(connection, "integrity_check") if found.ok else ""
    if not page:
        return found
    problem = f"every change holds, but the file is damaged ({page}); {_ANEW}"
    return replace(found, problem=problem)


def damaged_page(connection: Connection, check: str = "quick_check") -> str:
    """What SQLite says of the first damaged page; empty: none, or the database is no file of ours."""
    if connection.dialect.name != "sqlite":
        return ""
    told = str(connection.exec_driver_sql(f"PRAGMA {check}(1)").scalar_one())
    return "" if told == "ok" else one_line(told, 200)


def require_whole(connection: Connection, name: str) -> None:
    """LibraryError where a page of the file is damaged: before anything is paid for that could not be kept."""
    page = damaged_page(connection)
    if page:
        raise LibraryError(f"{name} is damaged ({page})", hint=f"see: preceptor library verify; {_ANEW}")


def verify(connection: Connection) -> Verification:
    """Recomputes chain and state from the log and compares every row of every table."""
    state, touches, good = State(), list[tuple[str, int]](), list[str]()

    def watch(told: Record) -> None:
        good.append(told.hash)
        touches.extend((strategy, told.seq) for strategy in touched(told.change))

    try:
        with streamed(connection, select(CHANGES).order_by(CHANGES.c.seq)) as log:
            seq, head = replay(log, state, watch)
    except BrokenError as error:
        last = good[-1] if good else ""
        return Verification(changes=len(good), head=last, problem=str(error), seq=error.seq)
    heads = list(connection.execute(select(HEAD)).mappings())
    if [dict(row) for row in heads] != [{"id": 1, "seq": seq, "hash": head}]:
        told = heads[0]["seq"] if heads else "none"
        problem = f"the log ends at change {seq}, and the head tells {told}: changes were removed or altered"
        return Verification(changes=seq, head=head, problem=problem)
    # Here, since only a full check reads the bytes of releases.
    from preceptor.library.publishing_audit import problem as problem_of_releases  # noqa: PLC0415

    found = _difference(connection, rows.expected(state, touches)) or problem_of_releases(connection)
    return Verification(changes=seq, head=head, problem=found)


def _difference(connection: Connection, expected: Iterable[tuple[Table, list[dict[str, Any]]]]) -> str:
    """The first row that is not what it must be, in words; empty when there is none."""
    for table, must in expected:
        keys = [column.name for column in table.primary_key]
        missing = {tuple(row[key] for key in keys): row for row in must}
        with streamed(connection, select(table)) as found:
            for row in found:
                key = tuple(row[name] for name in keys)
                right = missing.pop(key, None)
                if right is None:
                    return f"table {table.name}: row {_named(key)} does not follow from the log"
                for name, value in row.items():
                    if type(value) is not type(right[name]) or value != right[name]:
                        return f"table {table.name}: column {name} of row {_named(key)} is not what the log says"
        if missing:
            return f"table {table.name}: row {_named(min(missing))} is missing"
    return ""


def _named(key: tuple[Any, ...]) -> str:
    return " ".join(str(part) for part in key)


def refill(connection: Connection) -> None:
    """Writes every table that follows from the log anew: after a migration.

    Raises:
        LibraryError: the log is broken.
    """
    state, touches = State(), list[tuple[str, int]]()

    def watch(told: Record) -> None:
        touches.extend((strategy, told.seq) for strategy in touched(told.change))

    try:
        with streamed(connection, select(CHANGES).order_by(CHANGES.c.seq)) as log:
            replay(log, state, watch)
    except BrokenError as error:
        raise LibraryError(f"the library is damaged at {error}", hint="restore it from a backup") from error
    for table, must in rows.expected(state, touches):
        connection.execute(delete(table))
        for start in range(0, len(must), _PART):
            connection.execute(insert(table), must[start : start + _PART])
