"""One SQLite file a run. Answers go through one writer thread that commits whatever has queued up, so that many
concurrent answers share one flush to disk."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType

from preceptor.core.clock import Clock, system_clock
from preceptor.core.errors import RunError
from preceptor.llm.amounts import LedgerRow, Reservation
from preceptor.llm.calls import Paid, Tag
from preceptor.llm.journal.begun import BegunFile, left_open
from preceptor.llm.journal.known import Known
from preceptor.llm.journal.room import Ballast
from preceptor.llm.journal.schema import BUSY_SECONDS, COLUMNS, VERSION, broken, damaged, prepare
from preceptor.llm.journal.seal import SALT_BYTES, Encrypted, Plain, Seal, checksum, pack, unpack

_ANSWER = "INSERT OR IGNORE INTO answers VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_LOST = "INSERT OR IGNORE INTO lost VALUES (?,?,?,?,?,?)"
_GET = f"SELECT {COLUMNS}, reply, sum FROM answers WHERE key=?"  # noqa: S608 - our own names
_SPENT = """
SELECT seat, phase, count(*), 0, sum(input), sum(output), sum(cached), sum(reasoning), sum(usd),
    count(usd) = count(*), max(estimated)
FROM answers GROUP BY seat, phase
UNION ALL
SELECT seat, phase, 0, count(*), sum(input), sum(output), 0, 0, sum(usd), count(usd) = count(*), 1
FROM lost GROUP BY seat, phase
"""


@dataclass(slots=True)
class _Write:
    sql: str
    row: tuple[object, ...]
    mark: str
    done: asyncio.Future[None]
    loop: asyncio.AbstractEventLoop


class Journal:
    """A run's answers in a file. Open it with :meth:`open`, close it with :meth:`close` or ``with``."""

    def __init__(
        self, path: Path, reader: sqlite3.Connection, writer: sqlite3.Connection, seal: Seal, clock: Clock
    ) -> None:
        self._path = path
        self._reader = reader
        self._seal = seal
        self._clock = clock
        self._begun = BegunFile(begun_path(path), secrets.token_hex(6))
        self._ballast = Ballast(path)
        self._full: RunError | None = None
        self._known = Known(key for (key,) in reader.execute("SELECT key FROM answers"))
        self._queue: SimpleQueue[_Write | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, args=(writer,), name="journal", daemon=True)
        self._thread.start()
        self._open = True

    @classmethod
    def open(cls, path: Path, *, passphrase: str = "", clock: Clock = system_clock) -> Journal:
        """The journal at ``path``, made when there is none.

        Args:
            passphrase: answers are encrypted under it; empty: they are not.

        Raises:
            RunError: the file is no journal, is damaged, cannot be written, was made by a newer version, or is
                encrypted under another passphrase.
            ConfigError: the extra for encryption is not installed.
        """
        with ExitStack() as opened:
            try:
                reader, writer = (opened.enter_context(closing(_connect(path))) for _ in range(2))
                prepare(reader, path)
                writer.execute("PRAGMA synchronous=FULL")
                # A file that cannot be written is told now, not when the first answer is paid for.
                writer.executescript(f"BEGIN IMMEDIATE; PRAGMA user_version={VERSION}; ROLLBACK;")
                seal = opened_seal(reader, passphrase)
                _charge_left_open(reader, begun_path(path))
                journal = cls(path, reader, writer, seal, clock)
            except (sqlite3.Error, OSError) as error:
                raise broken(path, error) from error
            opened.pop_all()
        return journal

    async def get(self, key: str) -> Paid | None:
        """The answer under ``key``, if there is one.

        Raises:
            RunError: it is damaged, or its words were dropped.
        """
        if key not in self._known:
            return None
        try:
            row = self._reader.execute(_GET, (key,)).fetchone()
            if row is None:
                return None
            *fields, kept, told = row
            if checksum(tuple(fields), kept) != told:
                raise damaged(self._path, f"the answer {key[:12]} is not what was written")
            if kept is None:
                raise dropped(self._path)
            return Paid(reply=unpack(self._seal.open(key, kept)), usd=fields[7])
        except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
            raise broken(self._path, error) from error

    def leave(self, key: str) -> None:
        """Nothing: no other process shares the journal."""
        del key

    def begin(self, key: str, tag: Tag, held: Reservation, usd: float | None) -> str:
        """See :class:`~preceptor.llm.journal.seam.AnyJournal`."""
        self._require_open()
        if self._full is not None:
            raise self._full
        try:
            return self._begun.begin(key, tag.seat, tag.phase, (held.input, held.output, usd))
        except OSError as error:
            raise self._unwritable(error) from error

    async def begun(self, mark: str) -> None:
        """Nothing: the operating system has the note already."""
        del mark

    def end(self, mark: str) -> None:
        """See :class:`~preceptor.llm.journal.seam.AnyJournal`."""
        try:
            self._begun.end(mark)
        except OSError as error:
            raise self._unwritable(error) from error

    def put(self, key: str, paid: Paid, *, spec: str, tag: Tag, mark: str = "") -> asyncio.Future[None]:
        """See :class:`~preceptor.llm.journal.seam.AnyJournal`."""
        usage = paid.reply.usage
        at = self._clock().isoformat(timespec="seconds")
        counts = (usage.input, usage.output, paid.usd, int(usage.estimated), usage.cached, usage.reasoning, at)
        fields = (key, spec, tag.seat, tag.phase, tag.item, *counts)
        kept = self._seal.close(key, pack(paid.reply))
        row = (*fields[:5], kept, *counts, checksum(fields, kept))
        self._known.add(key)
        return self._enqueue(_ANSWER, row, mark)

    def lose(self, mark: str, row: LedgerRow) -> asyncio.Future[None]:
        """See :class:`~preceptor.llm.journal.seam.AnyJournal`."""
        return self._enqueue(_LOST, (row.seat, row.phase, row.input, row.output, row.usd, mark or None), mark)

    def spent(self) -> Sequence[LedgerRow]:
        """What all answers and lost tries took, by seat and phase."""
        try:
            return spent_rows(self._reader)
        except sqlite3.Error as error:
            raise broken(self._path, error) from error

    def close(self) -> None:
        """Commit what is queued and close the file. May be called twice."""
        if not self._open:
            return
        self._open = False
        self._queue.put(None)
        self._thread.join()
        self._begun.close()
        self._ballast.drop()
        self._reader.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _require_open(self) -> None:
        if not self._open:
            raise RunError(f"{self._path}: the journal is closed", hint="open the run again")

    def _unwritable(self, error: OSError) -> RunError:
        return RunError(
            f"{begun_path(self._path)} cannot be written ({error.strerror})",
            hint="see to space and rights there, then resume: every answer until now is kept",
        )

    def _enqueue(self, sql: str, row: tuple[object, ...], mark: str) -> asyncio.Future[None]:
        self._require_open()
        loop = asyncio.get_running_loop()
        write = _Write(sql=sql, row=row, mark=mark, done=loop.create_future(), loop=loop)
        write.done.add_done_callback(_heard)
        self._queue.put(write)
        return write.done

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
        error = _committed(connection, batch)
        if error is not None and _is_full(error) and self._ballast.drop():
            # What was kept free for this moment takes the answers that are paid for already; see :meth:`begin`.
            self._full = broken(self._path, error)
            error = _committed(connection, batch)
        if error is not None:
            return broken(self._path, error)
        self._begun.end(*(write.mark for write in batch))
        return None


def begun_path(journal: Path) -> Path:
    """The file beside a journal that holds its calls under way."""
    return journal.with_name(f"{journal.name}-begun")


def opened_seal(connection: sqlite3.Connection, passphrase: str) -> Seal:
    """How this journal's answers are put away. RunError where it is encrypted and the passphrase does not fit."""
    meta = dict(connection.execute("SELECT name, value FROM meta WHERE name IN ('salt', 'proof')").fetchall())
    if not passphrase:
        if meta:
            raise RunError(
                "the journal's answers are encrypted",
                hint="set journal.key_env to the environment variable that holds the passphrase",
            )
        return Plain()
    salt = meta.get("salt") or secrets.token_bytes(SALT_BYTES)
    seal = Encrypted(passphrase, salt)
    if meta:
        seal.require(meta["proof"])
    else:
        note_seal(connection, seal, salt)
    return seal


def note_seal(connection: sqlite3.Connection, seal: Encrypted, salt: bytes) -> None:
    """Note how a journal's answers are encrypted, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO meta VALUES (?,?)", (("salt", salt), ("proof", seal.proof())))
    connection.execute("COMMIT")


def spent_rows(connection: sqlite3.Connection) -> list[LedgerRow]:
    """What a journal's answers and lost tries took, by seat and phase."""
    return [
        LedgerRow(
            seat=seat,
            phase=phase,
            calls=calls,
            lost=lost,
            input=sent,
            output=got,
            cached=cached,
            reasoning=reasoning,
            usd=(usd or 0.0) if priced else None,
            estimated=bool(estimated),
        )
        for seat, phase, calls, lost, sent, got, cached, reasoning, usd, priced, estimated in connection.execute(
            _SPENT
        ).fetchall()
    ]


def dropped(path: Path) -> RunError:
    """The error for an answer whose words are gone."""
    return RunError(
        f"{path}: the words of this run's answers were dropped",
        hint="start a new run; journal.keep_days tells how long answers are kept",
    )


def _charge_left_open(connection: sqlite3.Connection, begun: Path) -> None:
    """Calls that a killed process left under way may have been charged: what is not among the answers is lost."""
    left = left_open(begun)
    if left:
        connection.execute("BEGIN IMMEDIATE")
        for call in left:
            if connection.execute("SELECT 1 FROM answers WHERE key=?", (call.key,)).fetchone() is None:
                connection.execute(_LOST, (call.seat, call.phase, call.input, call.output, call.usd, call.mark))
        connection.execute("COMMIT")
    begun.unlink(missing_ok=True)


def _committed(connection: sqlite3.Connection, batch: Sequence[_Write]) -> sqlite3.Error | None:
    try:
        connection.execute("BEGIN IMMEDIATE")
        for write in batch:
            connection.execute(write.sql, write.row)
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return error
    return None


def _is_full(error: sqlite3.Error) -> bool:
    return str(getattr(error, "sqlite_errorname", "")).startswith(("SQLITE_FULL", "SQLITE_IOERR"))


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)


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


def _heard(done: asyncio.Future[None]) -> None:
    """A write that nobody awaits may fail without a complaint of asyncio's: the next one fails too and is heard."""
    if not done.cancelled():
        done.exception()
