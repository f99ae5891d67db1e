"""The journal: what is acknowledged is on disk, and is told back as it was."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.core.errors import RunError
from preceptor.llm import ChatReply, Journal, NullJournal, Usage
from preceptor.llm.amounts import LedgerRow
from preceptor.llm.calls import Paid, Tag
from preceptor.llm.journal.seal import pack, unpack

TAG = Tag(seat="student", phase="teach", item="one")


def paid(text: str = "Hello", usd: float | None = 0.25, *, sent: int = 10, got: int = 5) -> Paid:
    usage = Usage(input=sent, output=got, cached=2, reasoning=1)
    return Paid(reply=ChatReply(text=text, finish="length", usage=usage, model="m-1"), usd=usd)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


async def test_an_answer_comes_back_as_it_was_after_reopening(path: Path) -> None:
    with Journal.open(path) as journal:
        assert await journal.get("k") is None
        await journal.put("k", paid(), spec="s", tag=TAG)
        assert await journal.get("k") == paid()
    with Journal.open(path) as journal:
        assert await journal.get("k") == paid()


@given(st.text(alphabet=st.characters(), max_size=50))
def test_any_text_survives_even_half_surrogates(text: str) -> None:
    reply = paid(text + "\ud800").reply
    assert unpack(pack(reply)) == reply


async def test_the_first_answer_under_a_key_stays(path: Path) -> None:
    with Journal.open(path) as journal:
        await journal.put("k", paid("first"), spec="s", tag=TAG)
        await journal.put("k", paid("second"), spec="s", tag=TAG)
        known = await journal.get("k")
    assert known is not None
    assert known.reply.text == "first"


async def test_spent_sums_answers_and_lost_tries_by_seat_and_phase(path: Path) -> None:
    with Journal.open(path) as journal:
        await journal.put("a", paid(usd=0.25), spec="s", tag=TAG)
        await journal.put("b", paid(usd=0.5), spec="s", tag=TAG)
        await journal.put("c", paid(usd=None), spec="s", tag=Tag(seat="judge", phase="rate", item="x"))
        await journal.lose("", LedgerRow(seat="student", phase="teach", input=7, output=3, usd=1.0))
        rows = {(r.seat, r.calls): (r.input, r.output, r.usd, r.estimated) for r in journal.spent()}
    assert rows == {
        ("student", 2): (20, 10, 0.75, False),
        ("judge", 1): (10, 5, None, False),
        ("student", 0): (7, 3, 1.0, True),
    }


async def test_many_at_once_share_commits(path: Path) -> None:
    with Journal.open(path) as journal:
        commits: list[int] = []
        real = journal._commit

        def counted(connection: sqlite3.Connection, batch: Sequence[Any]) -> RunError | None:
            commits.append(len(batch))
            return real(connection, batch)

        journal._commit = counted  # type: ignore[method-assign]
        await asyncio.gather(*(journal.put(f"k{i}", paid(), spec="s", tag=TAG) for i in range(500)))
        assert sum(commits) == 500
        assert len(commits) < 100
        assert sum(r.calls for r in journal.spent()) == 500


async def test_an_answer_is_committed_though_its_caller_is_cancelled(path: Path) -> None:
    with Journal.open(path) as journal:

        async def keep() -> None:
            await journal.put("k", paid(), spec="s", tag=TAG)

        task = asyncio.create_task(keep())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    with Journal.open(path) as journal:
        assert await journal.get("k") == paid()


def test_what_was_acknowledged_survives_a_kill(path: Path) -> None:
    """The process dies without closing anything, right after the first acknowledged answers."""
    script = f"""
import asyncio, os
from pathlib import Path
from preceptor.llm import Journal, ChatReply, Usage
from preceptor.llm.calls import Paid, Tag
async def main():
    journal = Journal.open(Path({str(path)!r}))
    reply = ChatReply(text="x", finish="stop", usage=Usage(input=1, output=1), model="")
    for i in range(40):
        await journal.put(f"k{{i}}", Paid(reply=reply, usd=0.0), spec="s", tag=Tag(seat="a", phase="b", item="c"))
    os._exit(9)
asyncio.run(main())
"""
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 9
    with Journal.open(path) as journal:
        assert sum(r.calls for r in journal.spent()) == 40


async def test_a_failing_disk_fails_the_call_and_says_so(path: Path) -> None:
    with Journal.open(path) as journal:
        blocker = sqlite3.connect(path)
        blocker.execute("DROP TABLE answers")
        blocker.commit()
        blocker.close()
        with pytest.raises(RunError, match="the journal cannot be used: no such table"):
            await journal.put("k", paid(), spec="s", tag=TAG)


@pytest.mark.parametrize("damage", ["text", "head", "middle"])
def test_a_damaged_file_is_told(path: Path, damage: str) -> None:
    async def fill() -> None:
        with Journal.open(path) as journal:
            for i in range(200):
                await journal.put(f"k{i}", paid("x" * 900), spec="s", tag=TAG)

    if damage == "text":
        path.write_text("this is no database at all, though it has the name of one" * 20)
    else:
        asyncio.run(fill())
        whole = bytearray(path.read_bytes())
        start = 0 if damage == "head" else len(whole) // 2
        whole[start : start + 9000] = b"\xa5" * 9000
        path.write_bytes(whole)
    with pytest.raises(RunError, match=r"journal\.db") as caught:
        Journal.open(path)
    assert caught.value.hint


def test_another_database_is_refused_and_left_alone(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE mine (x)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(RunError, match="is not a journal"):
        Journal.open(path)
    assert path.read_bytes() == before


def test_a_newer_journal_is_refused(path: Path) -> None:
    Journal.open(path).close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version=99")
    newer.close()
    with pytest.raises(RunError, match="newer Preceptor") as caught:
        Journal.open(path)
    assert "upgrade" in caught.value.hint


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be used"):
        Journal.open(tmp_path / "no" / "journal.db")


async def test_a_closed_journal_takes_nothing(path: Path) -> None:
    journal = Journal.open(path)
    journal.close()
    journal.close()
    with pytest.raises(RunError, match="closed"):
        await journal.put("k", paid(), spec="s", tag=TAG)


async def test_the_journal_in_memory_keeps_and_forgets() -> None:
    journal = NullJournal()
    await journal.put("k", paid(), spec="s", tag=TAG)
    await journal.lose("", LedgerRow(seat="a", phase="b"))
    assert await journal.get("k") == paid()
    assert journal.spent() == ()
    journal.close()
    assert await journal.get("k") is None
