"""``verify`` finds whatever was altered by hand, and names it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.unit.library.made import NOON, library, one_of_each, ticking

from preceptor.core.errors import LibraryError
from preceptor.library.schema import METADATA
from preceptor.library.store import Library

TABLES = ("changes", "head", "strategies", "labels", "touched", "lessons", "scenarios")


@pytest.fixture
def damaged(tmp_path: Path) -> Iterator[tuple[Library, sqlite3.Connection]]:
    with library(tmp_path, *one_of_each()) as made, closing(sqlite3.connect(tmp_path / "library.db")) as raw:
        yield made, raw


def other_values(value: Any) -> list[Any]:
    if isinstance(value, int):
        return [value + 1, -value - 1, "x"]
    text: str = value
    altered = [text + " ", text.encode()]
    if text:
        altered += [text[:-1], chr(ord(text[0]) ^ 1) + text[1:]]
    return altered


@pytest.mark.parametrize("table", TABLES)
def test_any_altered_value_in_any_column_of_any_row(
    damaged: tuple[Library, sqlite3.Connection], table: str
) -> None:
    made, raw = damaged
    columns = [column.name for column in METADATA.tables[table].columns]
    seen = 0
    for rowid, *values in raw.execute(f"SELECT rowid, {', '.join(columns)} FROM {table}").fetchall():
        for column, value in zip(columns, values, strict=True):
            for other in other_values(value):
                try:
                    raw.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (other, rowid))
                except sqlite3.IntegrityError:
                    raw.rollback()
                    continue
                raw.commit()
                found = made.verify()
                assert not found.ok, (table, rowid, column, other)
                if table == "changes":
                    assert found.seq is not None
                else:
                    assert table in found.problem
                # In two tables the first column is the rowid by another name.
                moved = other if table in ("changes", "head") and column == columns[0] else rowid
                raw.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, moved))
                raw.commit()
                seen += 1
    assert seen >= len(columns) * 2
    assert made.verify().ok


@pytest.mark.parametrize("table", TABLES)
def test_any_row_that_is_gone(damaged: tuple[Library, sqlite3.Connection], table: str) -> None:
    made, raw = damaged
    for (rowid,) in raw.execute(f"SELECT rowid FROM {table}").fetchall():
        row = raw.execute(f"SELECT * FROM {table} WHERE rowid = ?", (rowid,)).fetchone()
        raw.execute(f"DELETE FROM {table} WHERE rowid = ?", (rowid,))
        raw.commit()
        assert not made.verify().ok
        raw.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        raw.commit()
    assert made.verify().ok


@pytest.mark.parametrize("table", ["strategies", "lessons", "scenarios", "touched"])
def test_a_row_that_no_change_made(damaged: tuple[Library, sqlite3.Connection], table: str) -> None:
    made, raw = damaged
    row = list(raw.execute(f"SELECT * FROM {table}").fetchone())
    row[0], row[1] = "strategy-7777", 7777
    raw.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    raw.commit()
    assert made.verify().problem.startswith(f"table {table}: row strategy-7777")


def test_the_first_break_is_named(damaged: tuple[Library, sqlite3.Connection]) -> None:
    made, raw = damaged
    good = made.verify()
    assert (good.ok, good.changes, good.seq) == (True, len(one_of_each()), None)
    raw.execute("UPDATE changes SET reason = 'other' WHERE seq IN (4, 6)")
    raw.commit()
    found = made.verify()
    assert (found.seq, found.changes) == (4, 3)
    assert found.problem == "change 4: its content was altered: the hash does not fit"
    assert found.head == raw.execute("SELECT hash FROM changes WHERE seq = 3").fetchone()[0]


def test_a_log_cut_at_its_end_is_noticed_by_the_head(damaged: tuple[Library, sqlite3.Connection]) -> None:
    made, raw = damaged
    last = len(one_of_each())
    raw.execute("DELETE FROM changes WHERE seq = ?", (last,))
    raw.commit()
    assert f"ends at change {last - 1}, and the head tells {last}" in made.verify().problem


def test_damage_met_in_use_is_a_library_error(damaged: tuple[Library, sqlite3.Connection]) -> None:
    made, raw = damaged
    raw.execute("UPDATE strategies SET doc = '{\"strategy\": 3}'")
    raw.execute("UPDATE changes SET payload = '[' WHERE kind = 'recordlesson'")
    raw.execute("UPDATE scenarios SET doc = 'x'")
    raw.commit()
    uses = (made.entries, made.scenarios, lambda: made.lesson("lesson-1"), lambda: list(made.dump()))
    for use in (*uses, lambda: made.as_of(3), lambda: made.as_of(NOON)):
        with pytest.raises(LibraryError, match="damaged") as caught:
            use()
        assert "preceptor library verify" in caught.value.hint


def test_a_library_without_its_head_takes_no_changes(damaged: tuple[Library, sqlite3.Connection]) -> None:
    made, raw = damaged
    raw.execute("DELETE FROM head")
    raw.commit()
    with pytest.raises(LibraryError, match="lost its head"):
        made.apply((), author="ann", reason="")


def test_a_page_of_garbage_is_told(tmp_path: Path) -> None:
    with library(tmp_path, *one_of_each()):
        pass
    path = tmp_path / "library.db"
    raw = bytearray(path.read_bytes())
    raw[4096 * 2 :] = b"\xff" * (len(raw) - 4096 * 2)
    path.write_bytes(raw)
    with pytest.raises(LibraryError, match="damaged") as caught, Library.open(path, clock=ticking()) as made:
        made.verify()
    assert "backup" in caught.value.hint
