"""Looking after journals that no run has open: measure, check, drop words, encrypt, save what is readable."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from preceptor.core.errors import RunError
from preceptor.llm.amounts import LedgerRow
from preceptor.llm.journal.file import begun_path, note_seal, opened_seal, spent_rows
from preceptor.llm.journal.schema import BUSY_SECONDS, COLUMNS, VERSION, broken, prepare
from preceptor.llm.journal.seal import SALT_BYTES, Encrypted, Seal, checksum, is_encrypted, unpack

_IN_ORDER = ("primer", "generate", "probe", "teach", "consolidate", "screen")
_PLACES = ",".join("?" * 14)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalStats:
    """A journal in numbers."""

    answers: int
    encrypted: int
    dropped: int
    """Answers whose words were dropped; their counts stay."""
    bytes: int
    """On disk, with the files beside it."""
    first: str
    """When the first answer came, ISO 8601; empty where nobody noted it."""
    last: str
    rows: tuple[LedgerRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """What was saved of a damaged journal."""

    kept: int
    damaged: int
    """Rows that were found and are not what was written; rows that could not be found at all are not known."""
    aside: Path
    """Where the damaged file is now."""


def measure(path: Path) -> JournalStats:
    """The journal in numbers; may be called while a run writes to it. RunError where it cannot be read."""
    with _reading(path) as connection:
        if connection.execute("PRAGMA user_version").fetchone()[0] < VERSION:
            answers = connection.execute("SELECT count(*) FROM answers").fetchone()[0]
            return JournalStats(
                answers=answers, encrypted=0, dropped=0, bytes=_size(path), first="", last="", rows=()
            )
        answers, dropped, first, last = connection.execute(
            "SELECT count(*), count(*) - count(reply), min(nullif(at, '')), max(at) FROM answers"
        ).fetchone()
        closed = connection.execute("SELECT count(*) FROM answers WHERE substr(reply, 1, 1) = x'01'").fetchone()[0]
        return JournalStats(
            answers=answers,
            encrypted=closed,
            dropped=dropped,
            bytes=_size(path),
            first=first or "",
            last=last or "",
            rows=tuple(sorted(spent_rows(connection), key=lambda r: (r.seat, r.phase, r.lost))),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One answered call of a run."""

    key: str
    seat: str
    phase: str
    item: str
    model: str
    at: str
    input: int
    output: int
    usd: float | None
    text: str
    """Untrusted; empty where the words were dropped."""


def calls_of(path: Path, wanted: Callable[[str, str], bool], *, passphrase: str = "") -> tuple[Call, ...]:
    """The answered calls of a run whose item and key are wanted, in the order in which they were answered."""
    with _reading(path) as connection:
        seal = opened_seal(connection, passphrase)
        rows = [r for r in _answers(connection) if wanted(str(r[4]), str(r[0]))]
    found = [
        Call(
            key=str(key),
            seat=str(seat),
            phase=str(phase),
            item=str(item),
            model=str(spec),
            at=str(at),
            input=int(str(sent)),
            output=int(str(got)),
            usd=usd if isinstance(usd, float) else None,
            text="" if reply is None else unpack(seal.open(str(key), _bytes(reply))).text,
        )
        for key, spec, seat, phase, item, sent, got, usd, _, _, _, at, reply, _ in rows
    ]
    return tuple(sorted(found, key=in_order))


def in_order(call: Call) -> tuple[str, tuple[int, str], str]:
    """By what calls are sorted."""
    return call.at, _rank(call.phase), call.key


def _rank(phase: str) -> tuple[int, str]:
    """Where a phase stands in a stage: calls of one second are told apart by it."""
    return (_IN_ORDER.index(phase) if phase in _IN_ORDER else len(_IN_ORDER), phase)


def verify(path: Path, *, passphrase: str = "") -> tuple[str, ...]:
    """Keys of answers that are not what was written, or that the passphrase does not open; empty: all is well."""
    with _writing(path) as connection:
        seal = opened_seal(connection, passphrase)
        return tuple(str(row[0]) for row in _answers(connection) if not _sound(row, seal))


def drop_words(path: Path, *, before: datetime | None = None, unknown: str = "", dry_run: bool = False) -> int:
    """Drops the words of answers, and wipes them from the file; the counts stay. Returns how many were dropped.

    Args:
        before: only of answers older than this.
        unknown: when answers came whose time nobody noted (journals of the first version), ISO 8601.
        dry_run: only count them.
    """
    moment = None if before is None else before.isoformat(timespec="seconds")

    def old(at: str) -> bool:
        return moment is None or (at or unknown) < moment

    def goes(row: tuple[object, ...]) -> bool:
        return row[-2] is not None and old(str(row[11]))

    if dry_run:
        with _reading(path) as connection:
            return sum(goes(row) for row in _answers(connection))
    return _rewritten(path, goes, lambda _: None)


def encrypt(path: Path, passphrase: str) -> int:
    """Encrypts every answer that is not, and wipes the plain ones from the file. Returns how many."""
    with _writing(path) as connection:
        meta = dict(connection.execute("SELECT name, value FROM meta").fetchall())
        salt = meta.get("salt") or secrets.token_bytes(SALT_BYTES)
        seal = Encrypted(passphrase, salt)
        if meta:
            seal.require(meta["proof"])
        else:
            note_seal(connection, seal, salt)
    return _rewritten(
        path,
        lambda row: isinstance(row[-2], bytes) and not is_encrypted(row[-2]),
        lambda row: seal.close(str(row[0]), _bytes(row[-2])),
    )


def decrypt(path: Path, passphrase: str) -> int:
    """The opposite of :func:`encrypt`."""
    with _writing(path) as connection:
        seal = opened_seal(connection, passphrase)
    count = _rewritten(
        path,
        lambda row: isinstance(row[-2], bytes) and is_encrypted(row[-2]),
        lambda row: seal.open(str(row[0]), _bytes(row[-2])),
    )
    with _writing(path) as connection:
        connection.execute("DELETE FROM meta")
    return count


def repair(path: Path, *, passphrase: str = "") -> Repaired:
    """Saves every answer that can be read into a new file; the damaged one is moved aside, never deleted."""
    new = path.with_name(f"{path.name}.saved")
    new.unlink(missing_ok=True)
    target = sqlite3.connect(new, isolation_level=None)
    prepare(target, new)
    source = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    kept = damaged = 0
    try:
        with suppress(sqlite3.Error):
            target.executemany(
                "INSERT INTO meta VALUES (?,?)", source.execute("SELECT name, value FROM meta").fetchall()
            )
        seal = opened_seal(target, passphrase)
        target.execute("BEGIN IMMEDIATE")
        for row in _readable(source):
            if not _sound(row, seal):
                damaged += 1
                continue
            *fields, reply, told = row
            kept += target.execute(
                f"INSERT OR IGNORE INTO answers VALUES ({_PLACES})",  # noqa: S608 - question marks
                (*fields[:5], reply, *fields[5:], told),
            ).rowcount
        with suppress(sqlite3.Error):
            target.executemany(
                "INSERT OR IGNORE INTO lost VALUES (?,?,?,?,?,?)", source.execute("SELECT * FROM lost")
            )
        target.execute("COMMIT")
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise broken(path, error) from error
    finally:
        target.close()
        source.close()
    aside = _moved_aside(path)
    new.replace(path)
    return Repaired(kept=kept, damaged=damaged, aside=aside)


def remove(path: Path) -> int:
    """Deletes a journal with the files beside it; returns the bytes that came free."""
    size = _size(path)
    for one in _files(path):
        one.unlink(missing_ok=True)
    return size


def _rewritten(
    path: Path, wanted: Callable[[tuple[object, ...]], bool], change: Callable[[tuple[object, ...]], bytes | None]
) -> int:
    """Changes the replies of the wanted rows in one transaction; what was there is wiped from the file."""
    with _writing(path) as connection:
        connection.execute("PRAGMA secure_delete=ON")
        changed = 0
        connection.execute("BEGIN IMMEDIATE")
        for row in [r for r in _answers(connection) if wanted(r)]:
            reply = change(row)
            connection.execute(
                "UPDATE answers SET reply=?, sum=? WHERE key=?", (reply, checksum(row[:-2], reply), row[0])
            )
            changed += 1
        connection.execute("COMMIT")
        if changed:
            connection.execute("VACUUM")
        # The write-ahead log holds pages as they were, too.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return changed


def _answers(connection: sqlite3.Connection) -> Iterator[tuple[object, ...]]:
    yield from connection.execute(f"SELECT {COLUMNS}, reply, sum FROM answers ORDER BY key")  # noqa: S608 - our names


def _readable(source: sqlite3.Connection) -> Iterator[tuple[object, ...]]:
    """Rows from both ends: what stands before and what stands behind a page that cannot be read."""
    for order in ("ASC", "DESC"):
        with suppress(sqlite3.Error):
            yield from source.execute(
                f"SELECT {COLUMNS}, reply, sum FROM answers ORDER BY key {order}"  # noqa: S608 - our names
            )


def _sound(row: tuple[object, ...], seal: Seal) -> bool:
    *fields, reply, told = row
    if not isinstance(reply, bytes | None) or checksum(tuple(fields), reply) != told:
        return False
    if reply is None:
        return True
    try:
        unpack(seal.open(str(fields[0]), reply))
    except (RunError, ValueError, KeyError, TypeError):
        return False
    return True


@contextmanager
def _writing(path: Path) -> Generator[sqlite3.Connection]:
    if not path.exists():
        raise RunError(f"there is no journal {path}", hint="see: preceptor journal list")
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
    try:
        prepare(connection, path)
        yield connection
    except sqlite3.Error as error:
        raise broken(path, error) from error
    finally:
        connection.close()


@contextmanager
def _reading(path: Path) -> Generator[sqlite3.Connection]:
    if not path.exists():
        raise RunError(f"there is no journal {path}", hint="see: preceptor journal list")
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_SECONDS)
    try:
        yield connection
    except sqlite3.Error as error:
        raise broken(path, error) from error
    finally:
        connection.close()


def _files(path: Path) -> tuple[Path, ...]:
    beside = [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm", "-room")]
    return (path, *beside, begun_path(path))


def _size(path: Path) -> int:
    return sum(one.stat().st_size for one in _files(path) if one.exists())


def _moved_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    os.replace(path, aside)  # noqa: PTH105 - the pair of a rename below
    for suffix in ("-wal", "-shm"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.replace(aside.with_name(aside.name + suffix))
    return aside


def _bytes(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value
