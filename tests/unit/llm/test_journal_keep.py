"""Journals looked after: measured, checked, pruned, encrypted, repaired."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from preceptor.core.errors import RunError
from preceptor.llm import ChatReply, Journal, Usage
from preceptor.llm.amounts import LedgerRow
from preceptor.llm.calls import Paid, Tag
from preceptor.llm.journal import keep

TAG = Tag(seat="student", phase="teach", item="one")
DAY = datetime(2026, 1, 1, tzinfo=UTC)


def paid(text: str) -> Paid:
    return Paid(
        reply=ChatReply(text=text, finish="stop", usage=Usage(input=10, output=5, cached=4), model="m"), usd=0.5
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Sixty answers, one a day, with a secret in each, and a lost try."""
    path = tmp_path / "journal.db"
    days = (DAY + timedelta(days=n) for n in range(99))

    async def fill() -> None:
        with Journal.open(path, clock=lambda: next(days)) as journal:
            for n in range(60):
                await journal.put(f"k{n:02}", paid(f"secret-{n} " + "x" * 900), spec="s", tag=TAG)
            await journal.lose("", LedgerRow(seat="student", phase="teach", input=7, output=3, usd=None))

    asyncio.run(fill())
    return path


async def texts(path: Path, passphrase: str = "") -> list[str]:
    found: list[str] = []
    with Journal.open(path, passphrase=passphrase) as journal:
        for n in range(60):
            known = await journal.get(f"k{n:02}")
            if known is not None:
                found.append(known.reply.text.split()[0])
    return found


def raw(path: Path) -> bytes:
    return b"".join(p.read_bytes() for p in path.parent.iterdir())


def test_a_journal_is_measured(path: Path) -> None:
    found = keep.measure(path)
    assert (found.answers, found.encrypted, found.dropped) == (60, 0, 0)
    assert (found.first[:10], found.last[:10]) == ("2026-01-01", "2026-03-01")
    assert found.bytes >= 60 * 900
    answered, lost = found.rows
    assert (answered.calls, answered.input, answered.cached, answered.usd) == (60, 600, 240, 30.0)
    assert (lost.lost, lost.input, lost.usd) == (1, 7, None)


def test_words_are_dropped_by_age_and_wiped_and_the_counts_stay(path: Path) -> None:
    before = DAY + timedelta(days=30)
    assert keep.drop_words(path, before=before, dry_run=True) == 30
    assert keep.measure(path).dropped == 0
    assert keep.drop_words(path, before=before) == 30
    assert keep.drop_words(path, before=before) == 0
    found = keep.measure(path)
    assert (found.answers, found.dropped, found.rows[0].input) == (60, 30, 600)
    assert b"secret-29" not in raw(path)
    assert b"secret-30" in raw(path)
    assert keep.verify(path) == ()


async def test_a_run_whose_words_are_gone_does_not_pay_again(path: Path) -> None:
    keep.drop_words(path)
    with Journal.open(path) as journal, pytest.raises(RunError, match="were dropped") as caught:
        await journal.get("k01")
    assert "start a new run" in caught.value.hint


def test_answers_whose_time_nobody_noted_are_as_old_as_their_run(path: Path) -> None:
    import sqlite3  # noqa: PLC0415

    from preceptor.llm.journal.schema import COLUMNS  # noqa: PLC0415
    from preceptor.llm.journal.seal import checksum  # noqa: PLC0415

    old = sqlite3.connect(path)
    old.execute("UPDATE answers SET at=''")
    for row in old.execute(f"SELECT {COLUMNS}, reply FROM answers").fetchall():
        old.execute("UPDATE answers SET sum=? WHERE key=?", (checksum(row[:-1], row[-1]), row[0]))
    old.commit()
    old.close()
    assert keep.drop_words(path, before=DAY, unknown="2026-06-01T00:00:00+00:00", dry_run=True) == 0
    assert keep.drop_words(path, before=DAY, unknown="2025-06-01T00:00:00+00:00", dry_run=True) == 60


async def test_encrypted_and_decrypted_again(path: Path) -> None:
    before = await texts(path)
    assert keep.encrypt(path, "horse") == 60
    assert keep.encrypt(path, "horse") == 0
    assert b"secret" not in raw(path), "nothing readable is left in the file or beside it"
    assert keep.measure(path).encrypted == 60
    assert keep.verify(path, passphrase="horse") == ()
    with pytest.raises(RunError, match="decrypted"):
        keep.encrypt(path, "another")
    assert await texts(path, "horse") == before
    assert keep.decrypt(path, "horse") == 60
    assert await texts(path) == before


async def test_what_can_be_read_of_a_damaged_file_is_saved_and_the_file_kept(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2 // 4096 * 4096
    whole[middle : middle + 8192] = b"\xa5" * 8192
    path.write_bytes(whole)
    with pytest.raises(RunError, match="damaged"):
        Journal.open(path)
    found = keep.repair(path)
    assert 30 <= found.kept < 60
    assert found.aside.read_bytes() == bytes(whole)
    assert len(await texts(path)) == found.kept
    assert keep.measure(path).rows[-1].lost == 1


def test_a_changed_answer_is_found_and_left_behind_by_repair(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"secret-7 ", b"secret-8 "))
    assert keep.verify(path) == ("k07",)
    found = keep.repair(path)
    assert (found.kept, found.damaged) == (59, 2), "it is met from both ends"
    assert keep.verify(path) == ()


def test_a_journal_that_is_not_there_is_told(tmp_path: Path) -> None:
    for look in (keep.measure, keep.verify):
        with pytest.raises(RunError, match="there is no journal"):
            look(tmp_path / "journal.db")
