"""The journal: every paid answer, on disk before it is used, so that a call is never paid twice.

One SQLite file. Answers go through one writer thread that commits whatever has queued up, so that many concurrent
answers share one flush to disk.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, cast

from preceptor.core.errors import RunError
from preceptor.core.ids import plain
from preceptor.llm.calls import Paid, Tag
from preceptor.llm.ledger import LedgerRow
from preceptor.llm.model import ChatReply, Usage

_APPLICATION = 0x50726A31
"""Marks the file as a journal in SQLite's header."""
_VERSION = 1
_TABLES = """
CREATE TABLE answers (
    key TEXT PRIMARY KEY, spec TEXT NOT NULL, seat TEXT NOT NULL, phase TEXT NOT NULL, item TEXT NOT NULL,
    reply BLOB NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL, usd REAL, estimated INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE lost (
    seat TEXT NOT NULL, phase TEXT NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL, usd REAL
);
"""
_ANSWER = "INSERT OR IGNORE INTO answers VALUES (?,?,?,?,?,?,?,?,?,?)"
_LOST = "INSERT INTO lost VALUES (?,?,?,?,?)"
_SPENT = """
SELECT seat, phase, count(*), sum(input), sum(output), sum(usd), count(usd) = count(*), max(estimated)
FROM answers GROUP BY seat, phase
UNION ALL
SELECT seat, phase, 0, sum(input), sum(output), sum(usd), count(usd) = count(*), 1 FROM lost GROUP BY seat, phase
"""


class NullJournal:
    """Keeps answers in memory, for as long as the process lives."""

    def __init__(self) -> None:
        self._answers: dict[str, Paid] = {}

    async def get(self, key: str) -> Paid | None:
        """The answer under ``key``, if there is one."""
        return self._answers.get(key)

    async def put(self, key: str, paid: Paid, *, spec: str, tag: Tag) -> None:
        """Keep an answer."""
        del spec, tag
        self._answers.setdefault(key, paid)

    async def lose(self, row: LedgerRow) -> None:
        """Nothing: there is no resume."""
        del row

    def spent(self) -> Sequence[LedgerRow]:
        """Nothing: there was no run before."""
        return ()

    def close(self) -> None:
        """Forget all."""
        self._answers.clear()


@dataclass(slots=True)
class _Write:
    sql: str
    row: tuple[object, ...]
    done: asyncio.Future[None]
    loop: asyncio.AbstractEventLoop


class Journal:
    """A run's answers in a file. Open it with :meth:`open`, close it with :meth:`close` or ``with``."""

    def __init__(self, path: Path, reader: sqlite3.Connection, writer: sqlite3.Connection) -> None:
        self._path = path
        self._reader = reader
        self._queue: SimpleQueue[_Write | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, args=(writer,), name="journal", daemon=True)
        self._thread.start()
        self._open = True

    @classmethod
    def open(cls, path: Path) -> Journal:
        """The journal at ``path``, made when there is none.

        Raises:
            RunError: the file is no journal, is damaged, cannot be written, or was made by a newer version.
        """
        connections: list[sqlite3.Connection] = []
        try:
            for _ in range(2):
                connections.append(sqlite3.connect(path, isolation_level=None, check_same_thread=False))
            _prepare(connections[0], path)
            connections[1].execute("PRAGMA synchronous=FULL")
        except (sqlite3.Error, RunError) as error:
            for connection in connections:
                connection.close()
            if isinstance(error, RunError):
                raise
            raise _broken(path, error) from error
        return cls(path, connections[0], connections[1])

    async def get(self, key: str) -> Paid | None:
        """The answer under ``key``, if there is one."""
        try:
            row = self._reader.execute("SELECT reply, usd FROM answers WHERE key=?", (key,)).fetchone()
            return None if row is None else Paid(reply=_unpack(row[0]), usd=row[1])
        except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
            raise _broken(self._path, error) from error

    async def put(self, key: str, paid: Paid, *, spec: str, tag: Tag) -> None:
        """Keep an answer; returns when it is safe on disk. An answer already under ``key`` stays.

        The write goes on even when the caller is cancelled while waiting.
        """
        usage = paid.reply.usage
        counts = (usage.input, usage.output, paid.usd, int(usage.estimated))
        await self._enqueue(_ANSWER, (key, spec, tag.seat, tag.phase, tag.item, _pack(paid.reply), *counts))

    async def lose(self, row: LedgerRow) -> None:
        """Note what a try without an answer may have cost."""
        await self._enqueue(_LOST, (row.seat, row.phase, row.input, row.output, row.usd))

    def spent(self) -> Sequence[LedgerRow]:
        """What all answers and lost tries took, by seat and phase."""
        try:
            rows = self._reader.execute(_SPENT).fetchall()
        except sqlite3.Error as error:
            raise _broken(self._path, error) from error
        return [
            LedgerRow(
                seat=seat,
                phase=phase,
                calls=calls,
                input=sent,
                output=got,
                usd=(usd or 0.0) if priced else None,
                estimated=bool(estimated),
            )
            for seat, phase, calls, sent, got, usd, priced, estimated in rows
        ]

    def close(self) -> None:
        """Commit what is queued and close the file. May be called twice."""
        if not self._open:
            return
        self._open = False
        self._queue.put(None)
        self._thread.join()
        self._reader.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _enqueue(self, sql: str, row: tuple[object, ...]) -> None:
        if not self._open:
            raise RunError(f"{self._path}: the journal is closed", hint="open the run again")
        loop = asyncio.get_running_loop()
        write = _Write(sql=sql, row=row, done=loop.create_future(), loop=loop)
        self._queue.put(write)
        await write.done

    def _write_all(self, connection: sqlite3.Connection) -> None:
        last = False
        while not last:
            first = self._queue.get()
            batch = [first] if first is not None else []
            last = first is None
            while not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    last = True
                else:
                    batch.append(following)
            if batch:
                _report(batch, self._commit(connection, batch))
        connection.close()

    def _commit(self, connection: sqlite3.Connection, batch: Sequence[_Write]) -> RunError | None:
        try:
            connection.execute("BEGIN IMMEDIATE")
            for write in batch:
                connection.execute(write.sql, write.row)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return _broken(self._path, error)
        return None


AnyJournal = Journal | NullJournal


def _report(batch: Sequence[_Write], error: RunError | None) -> None:
    """Wake the callers, with one wake-up for each event loop (in practice: one)."""
    for loop in {write.loop for write in batch}:
        waiting = [write.done for write in batch if write.loop is loop]
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, waiting, error)


def _resolve(waiting: Sequence[asyncio.Future[None]], error: RunError | None) -> None:
    for done in waiting:
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if not empty and application != _APPLICATION:
        raise RunError(f"{path} is not a journal", hint="name another file, or move this one away")
    if version > _VERSION:
        raise RunError(
            f"{path} was written by a newer Preceptor (journal version {version}; this one knows {_VERSION})",
            hint="upgrade: pip install -U preceptor",
        )
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise _broken(path, found)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    if empty:
        connection.executescript(
            f"BEGIN IMMEDIATE; PRAGMA application_id={_APPLICATION}; PRAGMA user_version={_VERSION};"
            f"{_TABLES} COMMIT;"
        )


def _broken(path: Path, why: object) -> RunError:
    return RunError(
        f"{path}: the journal cannot be used: {why}",
        hint="free disk space or restore the file; to begin anew, move it away (calls are then paid again)",
    )


def _pack(reply: ChatReply) -> bytes:
    # Bytes, and surrogates let through: a model may answer with half a surrogate pair, which SQLite's text refuses.
    return json.dumps(plain(reply), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _unpack(blob: bytes) -> ChatReply:
    value = cast("dict[str, Any]", json.loads(blob.decode("utf-8", "surrogatepass")))
    return ChatReply(
        text=value["text"], finish=value["finish"], usage=Usage(**value["usage"]), model=value["model"]
    )
