"""Disks that are full, files that are read-only, locked, damaged or old, clocks that go back: nothing is lost."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from preceptor.core.errors import ConfigError, RunError
from preceptor.llm import ChatReply, Journal, Usage
from preceptor.llm.amounts import Amount, LedgerRow, Reservation
from preceptor.llm.calls import Paid, Tag
from preceptor.llm.journal import file as journal_file
from preceptor.llm.journal import keep, schema

TAG = Tag(seat="student", phase="teach", item="one")
HELD = Reservation(seat="student", most=Amount(calls=1, tokens=30), input=20, output=10)


def paid(text: str = "Hello") -> Paid:
    return Paid(reply=ChatReply(text=text, finish="stop", usage=Usage(input=10, output=5), model="m"), usd=0.5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "learn-001").mkdir()
    return tmp_path / "learn-001" / "journal.db"


async def put(journal: Journal, *keys: str, text: str = "Hello") -> None:
    for key in keys:
        await journal.put(key, paid(text), spec="s", tag=TAG)


async def kept(path: Path, passphrase: str = "") -> set[str]:
    with Journal.open(path, passphrase=passphrase) as journal:
        found: set[str] = set()
        for key in ("a", "b", "c", "d"):
            if await journal.get(key) is not None:
                found.add(key)
        return found


def small(journal: Journal, pages: int) -> None:
    """Lets the file grow no further, as a full disk would."""
    journal._queue.put(None)
    journal._thread.join()
    writer = sqlite3.connect(journal._path, isolation_level=None, check_same_thread=False)
    writer.execute(f"PRAGMA max_page_count={pages}")
    journal._thread = threading.Thread(target=journal._write_all, args=(writer,), daemon=True)
    journal._thread.start()


async def test_a_full_disk_is_told_and_what_was_kept_stays(path: Path) -> None:
    with Journal.open(path) as journal:
        await put(journal, "a")
        small(journal, 12)
        with pytest.raises(RunError, match="the disk is full") as caught:
            await put(journal, "b", text="x" * 200_000)
        assert "resume" in caught.value.hint
        with pytest.raises(RunError, match="the disk is full"):
            journal.begin("c", TAG, HELD, None)
    assert await kept(path) == {"a"}


async def test_room_kept_free_takes_the_answers_under_way_when_the_disk_is_full(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = path.with_name("journal.db-room")
    real = journal_file._committed

    def committed(connection: sqlite3.Connection, batch: object) -> sqlite3.Error | None:
        if room.exists():  # the disk is full for as long as the room is kept
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorname = "SQLITE_FULL"
            return error
        return real(connection, batch)  # type: ignore[arg-type]

    with Journal.open(path) as journal:
        assert room.stat().st_size > 2**20
        monkeypatch.setattr(journal_file, "_committed", committed)
        await put(journal, "a", "b")
        with pytest.raises(RunError, match="the disk is full"):
            journal.begin("c", TAG, HELD, None)
    assert await kept(path) == {"a", "b"}
    assert not room.exists()


async def test_a_file_that_cannot_be_written_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal.open(path) as journal:
        await put(journal, "a")

    real = sqlite3.connect

    def read_only(database: Path, **named: object) -> sqlite3.Connection:
        return real(f"file:{database}?mode=ro", uri=True, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(journal_file.sqlite3, "connect", read_only)
    with pytest.raises(RunError, match="read-only") as caught:
        Journal.open(path)
    assert str(path) in caught.value.hint
    monkeypatch.undo()
    assert await kept(path) == {"a"}


async def test_a_file_that_another_program_holds_is_waited_for_and_then_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_file, "BUSY_SECONDS", 0.05)
    with Journal.open(path) as journal:
        await put(journal, "a")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RunError, match="another program holds") as caught:
            await put(journal, "b")
        assert "close the program" in caught.value.hint
        other.execute("ROLLBACK")
        other.close()
        await put(journal, "c")
    assert await kept(path) == {"a", "c"}


async def test_a_row_that_was_changed_behind_our_back_is_never_used(path: Path) -> None:
    with Journal.open(path) as journal:
        await put(journal, "a", "b", text="the price is 100")
    raw = path.read_bytes()
    assert raw.count(b"price is 100") == 2
    path.write_bytes(raw.replace(b"price is 100", b"price is 900", 1))
    changed = ""
    with Journal.open(path) as journal:
        for key in ("a", "b"):
            if (await text_of(journal, key)) == "the price is 100":
                changed = "b" if key == "a" else "a"
        with pytest.raises(RunError, match="damaged") as caught:
            await journal.get(changed)
    assert "preceptor journal repair learn-001" in caught.value.hint


async def test_whatever_page_is_corrupt_no_wrong_answer_is_given_and_the_others_are_saved(path: Path) -> None:
    """Each page in turn is overwritten with rubbish, as a bad disk does."""
    keys = [f"{n:03}" for n in range(60)]
    with Journal.open(path) as journal:
        for key in keys:
            await put(journal, key, text=f"the answer {key} " * 30)
    raw = path.read_bytes()
    size = int.from_bytes(raw[16:18], "big")
    rng = random.Random(1)
    told = saved = 0
    refused: list[RunError] = []
    for page in range(len(raw) // size):
        path.write_bytes(raw[: page * size] + rng.randbytes(size) + raw[(page + 1) * size :])
        for suffix in ("-wal", "-shm"):
            path.with_name(f"journal.db{suffix}").unlink(missing_ok=True)
        lost: list[str] = []
        try:
            with Journal.open(path) as journal:
                for key in keys:
                    try:
                        known = await journal.get(key)
                    except RunError:
                        lost.append(key)
                        continue
                    assert known is None or known.reply.text == f"the answer {key} " * 30
        except RunError as error:
            lost = keys
            refused.append(error)
        told += bool(lost)
        if page:  # without its first page a file is no database
            saved += keep.repair(path).kept
            assert keep.verify(path) == ()
            path.with_name("journal.db.damaged-1").unlink()
    assert refused
    assert all(("damaged" in str(e) or "not a journal" in str(e)) and e.hint for e in refused)
    assert told >= len(raw) // size // 2
    assert saved > len(keys) * (len(raw) // size - 1) // 2, "more than half of the answers, whatever page is gone"


async def test_a_journal_of_the_first_version_is_brought_up_to_date_with_all_in_it(path: Path) -> None:
    first(path)
    with Journal.open(path) as journal:
        assert await journal.get("a") == paid("from before")
        (answered, lost) = sorted(journal.spent(), key=lambda r: r.lost)
        assert (answered.calls, answered.input, lost.lost, lost.output) == (1, 10, 1, 3)
        await put(journal, "b")
    assert await kept(path) == {"a", "b"}


async def text_of(journal: Journal, key: str) -> str:
    with contextlib.suppress(RunError):
        known = await journal.get(key)
        return known.reply.text if known else ""
    return ""


def first(path: Path) -> None:
    """A journal as version 1 wrote it."""
    old = sqlite3.connect(path)
    old.executescript(
        f"PRAGMA application_id={schema.APPLICATION}; PRAGMA user_version=1;"
        "CREATE TABLE answers (key TEXT PRIMARY KEY, spec TEXT NOT NULL, seat TEXT NOT NULL, phase TEXT NOT NULL,"
        "item TEXT NOT NULL, reply BLOB NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL, usd REAL,"
        "estimated INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE lost (seat TEXT NOT NULL, phase TEXT NOT NULL, input INTEGER NOT NULL,"
        "output INTEGER NOT NULL, usd REAL);"
        "INSERT INTO lost VALUES ('student', 'teach', 7, 3, 0.1);"
    )
    usage = '{"input":10,"output":5,"cached":0,"reasoning":0,"estimated":false}'
    reply = f'{{"text":"from before","finish":"stop","usage":{usage},"model":"m"}}'.encode()
    old.execute("INSERT INTO answers VALUES ('a','s','student','teach','one',?,10,5,0.5,0)", (reply,))
    old.commit()
    old.close()


async def test_a_clock_that_goes_back_changes_nothing_that_was_kept(path: Path) -> None:
    moments = iter(datetime(2026, 1, 9, tzinfo=UTC) - timedelta(days=n) for n in range(9))
    with Journal.open(path, clock=lambda: next(moments)) as journal:
        await put(journal, "a", "b")
    with Journal.open(path, clock=lambda: datetime(1999, 1, 1, tzinfo=UTC)) as journal:
        await put(journal, "c")
    assert await kept(path) == {"a", "b", "c"}


async def test_calls_that_a_killed_process_left_under_way_count_at_their_worst(path: Path) -> None:
    with Journal.open(path) as journal:
        await journal.put("a", paid(), spec="s", tag=TAG, mark=journal.begin("a", TAG, HELD, 0.1))
        journal.begin("b", TAG, HELD, 0.2)
        journal.end(journal.begin("c", TAG, HELD, 0.3))
        dead = path.parent.parent / "dead"
        shutil.copytree(path.parent, dead)
    torn = dead / "journal.db-begun"
    torn.write_bytes(torn.read_bytes() + b'["half a li')
    for _ in range(2):  # opened twice, they count once
        with Journal.open(dead / "journal.db") as journal:
            rows = {r.lost: (r.calls, r.input, r.output, r.usd) for r in journal.spent()}
        assert rows == {0: (1, 10, 5, 0.5), 1: (0, 20, 10, 0.2)}


async def test_a_lost_try_counts_once_however_the_process_ends(path: Path) -> None:
    with Journal.open(path) as journal:
        mark = journal.begin("a", TAG, HELD, 0.1)
        await journal.lose(mark, LedgerRow(seat="student", phase="teach", input=20, output=10, usd=0.1))
        begun = path.with_name("journal.db-begun")
        lines = begun.read_bytes().splitlines(keepends=True)
        copy = path.parent.parent / "copy"
        shutil.copytree(path.parent, copy)
    (copy / "journal.db-begun").write_bytes(lines[0])  # killed between the write and the end of its mark
    with Journal.open(copy / "journal.db") as journal:
        assert [r.lost for r in journal.spent()] == [1]


async def test_power_loss_at_any_byte_keeps_what_was_acknowledged(path: Path) -> None:
    """What was acknowledged was forced to the disk before: a log that is cut anywhere after it still holds it."""
    wal = path.with_name("journal.db-wal")
    sizes: list[int] = []
    with Journal.open(path) as journal:
        for key in ("a", "b", "c", "d"):
            await put(journal, key, text=key * 300)
            sizes.append(wal.stat().st_size)
        whole, log = path.read_bytes(), wal.read_bytes()
    for cut in range(sizes[0], len(log) + 1, 997):
        folder = path.parent.parent / f"cut-{cut}"
        folder.mkdir()
        (folder / "journal.db").write_bytes(whole)
        (folder / "journal.db-wal").write_bytes(log[:cut])
        safe = {key for key, size in zip("abcd", sizes, strict=True) if size <= cut}
        assert safe <= await kept(folder / "journal.db")


async def test_encrypted_answers_are_not_in_the_file_and_need_their_passphrase(path: Path) -> None:
    with Journal.open(path, passphrase="correct horse") as journal:
        await put(journal, "a", text="the customer's secret")
    raw = b"".join(p.read_bytes() for p in path.parent.iterdir())
    assert b"secret" not in raw
    assert await kept(path, passphrase="correct horse") == {"a"}
    for wrong in ("", "battery staple"):
        with pytest.raises(RunError, match=r"encrypted|decrypted") as caught:
            Journal.open(path, passphrase=wrong)
        assert "journal.key_env" in caught.value.hint


async def test_an_encrypted_row_cannot_stand_for_another(path: Path) -> None:
    with Journal.open(path, passphrase="x") as journal:
        await put(journal, "a", text="yes")
        await put(journal, "b", text="no")
    raw = sqlite3.connect(path)
    (reply,) = raw.execute("SELECT reply FROM answers WHERE key='b'").fetchone()
    row = raw.execute(f"SELECT {schema.COLUMNS} FROM answers WHERE key='a'").fetchone()
    raw.execute("UPDATE answers SET reply=?, sum=? WHERE key='a'", (reply, journal_file.checksum(row, reply)))
    raw.commit()
    raw.close()
    with Journal.open(path, passphrase="x") as journal, pytest.raises(RunError, match="decrypted"):
        await journal.get("a")


def test_encryption_without_its_package_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys  # noqa: PLC0415

    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(ConfigError, match="not installed") as caught:
        Journal.open(path, passphrase="x")
    assert "pip install -e '.[journal]'" in caught.value.hint


async def test_a_write_that_nobody_waits_for_is_made_all_the_same(path: Path) -> None:
    with Journal.open(path) as journal:
        journal.lose(
            journal.begin("a", TAG, HELD, None), LedgerRow(seat="student", phase="teach", input=1, output=2)
        )
        await asyncio.sleep(0)
    with Journal.open(path) as journal:
        assert [(r.lost, r.input) for r in journal.spent()] == [(1, 1)]
    assert path.with_name("journal.db-begun").read_bytes() == b"", "no call is left open"
