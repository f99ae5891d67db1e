"""Looking after a journal in PostgreSQL: measure, check, drop words, remove. As :mod:`keep` does for a file."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, delete, func, literal, select, update

from preceptor.core.errors import RunError
from preceptor.llm.amounts import LedgerRow
from preceptor.llm.journal.keep import Call, JournalStats, in_order
from preceptor.llm.journal.pg_schema import ANSWERS, COLUMNS, LOST, METADATA, RUNS, connect, told
from preceptor.llm.journal.seal import Encrypted, Plain, Seal, checksum, unpack


class DatabaseKeep:
    """The journal of ``run`` in the database at the URL ``place``. Methods raise RunError where that fails.

    Args:
        passphrase: opens its answers; called where one is needed.
    """

    def __init__(self, place: str, run: str, passphrase: Callable[[], str]) -> None:
        self._place = place
        self._run = run
        self._passphrase = passphrase

    def measure(self) -> JournalStats:
        """The journal in numbers."""
        reply, at = ANSWERS.c.reply, ANSWERS.c.at
        sealed = func.substring(reply, 1, 1) == b"\x01"
        query = select(
            func.count().label("answers"),
            func.count().filter(reply.is_(None)).label("dropped"),
            func.count().filter(sealed).label("encrypted"),
            func.coalesce(func.sum(func.octet_length(reply)), 0).label("bytes"),
            func.min(at).label("first"),
            func.max(at).label("last"),
        ).where(ANSWERS.c.run == self._run)
        with self._connected() as connection:
            row = connection.execute(query).one()
            rows = spent_rows(connection, self._run)
        return JournalStats(
            answers=row.answers,
            encrypted=row.encrypted,
            dropped=row.dropped,
            bytes=int(row.bytes),
            first=row.first or "",
            last=row.last or "",
            rows=tuple(sorted(rows, key=lambda r: (r.seat, r.phase, r.lost))),
        )

    def calls_of(self, wanted: Callable[[str, str], bool]) -> tuple[Call, ...]:
        """The calls whose item and key are ``wanted``, in the order in which they were answered."""
        with self._connected() as connection:
            seal = self._seal(connection)
            told = connection.execution_options(yield_per=1000).execute(self._answers())
            rows = [row for row in told if wanted(row.item, row.key)]
        found = [
            Call(
                key=row.key,
                seat=row.seat,
                phase=row.phase,
                item=row.item,
                model=row.spec,
                at=row.at,
                input=row.input,
                output=row.output,
                usd=row.usd,
                text="" if row.reply is None else unpack(seal.open(row.key, row.reply)).text,
            )
            for row in rows
        ]
        return tuple(sorted(found, key=in_order))

    def verify(self) -> tuple[str, ...]:
        """Keys of answers that are damaged, or that the passphrase does not open; empty: all is well."""
        with self._connected() as connection:
            seal = self._seal(connection)
            rows = connection.execution_options(yield_per=1000).execute(self._answers())
            return tuple(sorted(row.key for row in rows if not _sound(row, seal)))

    def drop_words(self, *, before: datetime | None = None, dry_run: bool = False) -> int:
        """Drops the words of answers, older than ``before`` or all; the counts stay. Returns how many."""
        with self._connected() as connection:
            query = self._answers().where(ANSWERS.c.reply.is_not(None))
            if before is not None:
                query = query.where(ANSWERS.c.at < before.isoformat(timespec="seconds"))
            rows = connection.execute(query).all()
            for row in () if dry_run else rows:
                mine = (ANSWERS.c.run == self._run) & (ANSWERS.c.key == row.key)
                empty = checksum(tuple(row)[:-2], None)
                connection.execute(update(ANSWERS).where(mine).values(reply=None, sum=empty))
            return len(rows)

    def remove(self) -> int:
        """Deletes the journal; returns the bytes that its answers had."""
        size = self.measure().bytes
        with self._connected() as connection:
            for table in METADATA.sorted_tables:
                if "run" in table.c:
                    connection.execute(delete(table).where(table.c.run == self._run))
        return size

    def there(self) -> bool:
        """Whether there is such a journal."""
        with self._connected() as connection:
            return connection.execute(select(RUNS.c.run).where(RUNS.c.run == self._run)).first() is not None

    @contextmanager
    def _connected(self) -> Generator[Connection]:
        engine = connect(self._place)
        try:
            with told(self._place), engine.begin() as connection:
                yield connection
        finally:
            engine.dispose()

    def _answers(self) -> Any:
        return select(*COLUMNS, ANSWERS.c.reply, ANSWERS.c.sum).where(ANSWERS.c.run == self._run)

    def _seal(self, connection: Connection) -> Seal:
        row = connection.execute(select(RUNS.c.salt, RUNS.c.proof).where(RUNS.c.run == self._run)).one_or_none()
        if row is None or row.salt is None:
            return Plain()
        seal = Encrypted(self._passphrase(), row.salt)
        seal.require(row.proof)
        return seal


def _sound(row: Row[Any], seal: Seal) -> bool:
    *fields, reply, sum_ = tuple(row)
    if checksum(tuple(fields), reply) != sum_:
        return False
    try:
        if reply is not None:
            unpack(seal.open(row.key, reply))
    except (RunError, ValueError, KeyError, TypeError):
        return False
    return True


def spent_rows(connection: Connection, run: str, session: str = "") -> list[LedgerRow]:
    """What a journal's answers and lost tries took, by seat and phase; of one session, or of all."""
    rows: list[LedgerRow] = []
    for table, calls, lost, rest in (
        (ANSWERS, func.count(), literal(0), (ANSWERS.c.cached, ANSWERS.c.reasoning, ANSWERS.c.estimated)),
        (LOST, func.sum(LOST.c.calls), func.count(), (literal(0), literal(0), literal(1))),
    ):
        columns = table.c
        query = (
            select(
                columns.seat,
                columns.phase,
                calls.label("calls"),
                lost.label("lost"),
                func.sum(columns.input).label("input"),
                func.sum(columns.output).label("output"),
                func.sum(rest[0]).label("cached"),
                func.sum(rest[1]).label("reasoning"),
                func.max(rest[2]).label("estimated"),
                case((func.count(columns.usd) == func.count(), func.sum(columns.usd)), else_=None).label("usd"),
            )
            .where(columns.run == run, *([columns.session == session] if session else []))
            .group_by(columns.seat, columns.phase)
        )
        for row in connection.execute(query).mappings():
            values = {name: int(row[name]) for name in ("calls", "lost", "input", "output", "cached", "reasoning")}
            rows.append(
                LedgerRow(
                    seat=row["seat"],
                    phase=row["phase"],
                    **values,
                    usd=row["usd"],
                    estimated=bool(row["estimated"]),
                )
            )
    return rows
