"""``verify`` finds whatever was altered by hand, and names it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError
from tests.unit.library.made import NOON, library, one_of_each, ticking
from tests.unit.library.raw import Raw, raw_hands

from preceptor.core.errors import LibraryError
from preceptor.library.backup import back_up, restore
from preceptor.library.schema import METADATA
from preceptor.library.store import Library

TABLES = ("changes", "head", "strategies", "labels", "touched", "law", "lessons", "scenarios")


@pytest.fixture
def damaged(both: None, tmp_path: Path) -> Iterator[tuple[Library, Raw]]:
    with library(tmp_path, *one_of_each()) as made, raw_hands(tmp_path) as raw:
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
def test_any_altered_value_in_any_column_of_any_row(damaged: tuple[Library, Raw], table: str) -> None:
    made, raw = damaged
    seen = 0
    for row in raw.rows(table):
        for column, value in row.items():
            for other in other_values(value):
                if not raw.takes(table, column, other):
                    continue
                try:
                    raw.update(table, row, **{column: other})
                except DBAPIError:  # the database itself refuses it
                    continue
                found = made.verify()
                assert not found.ok, (table, row, column, other)
                if table == "changes":
                    assert found.seq is not None
                else:
                    assert table in found.problem
                raw.update(table, {**row, column: other}, **{column: value})
                seen += 1
    assert seen >= len(METADATA.tables[table].columns)
    assert made.verify().ok


@pytest.mark.parametrize("table", TABLES)
def test_any_row_that_is_gone(damaged: tuple[Library, Raw], table: str) -> None:
    made, raw = damaged
    for row in raw.rows(table):
        raw.delete(table, row)
        assert not made.verify().ok
        raw.insert(table, row)
    assert made.verify().ok


@pytest.mark.parametrize("table", ["strategies", "lessons", "scenarios", "touched"])
def test_a_row_that_no_change_made(damaged: tuple[Library, Raw], table: str) -> None:
    made, raw = damaged
    row = raw.rows(table)[0]
    seq = "first_seq" if table == "strategies" else "seq"
    name = "strategy" if table == "touched" else "id"
    raw.insert(table, {**row, name: "strategy-7777", seq: 7777})
    assert made.verify().problem.startswith(f"table {table}: row strategy-7777")


def test_the_first_break_is_named(damaged: tuple[Library, Raw]) -> None:
    made, raw = damaged
    good = made.verify()
    assert (good.ok, good.changes, good.seq) == (True, len(one_of_each()), None)
    raw.sql("UPDATE changes SET reason = 'other' WHERE seq IN (4, 6)")
    found = made.verify()
    assert (found.seq, found.changes) == (4, 3)
    assert found.problem == "change 4: its content was altered: the hash does not fit"
    assert found.head == raw.rows("changes")[2]["hash"]


def test_a_log_cut_at_its_end_is_noticed_by_the_head(damaged: tuple[Library, Raw]) -> None:
    made, raw = damaged
    last = len(one_of_each())
    raw.sql("DELETE FROM changes WHERE seq = :last", last=last)
    assert f"ends at change {last - 1}, and the head tells {last}" in made.verify().problem


def test_damage_met_in_use_is_a_library_error(damaged: tuple[Library, Raw]) -> None:
    made, raw = damaged
    raw.sql("UPDATE strategies SET doc = '{\"strategy\": 3}'")
    raw.sql("UPDATE changes SET payload = '[' WHERE kind = 'recordlesson'")
    raw.sql("UPDATE scenarios SET doc = 'x'")
    uses = (made.entries, made.scenarios, lambda: made.lesson("lesson-1"), lambda: list(made.dump()))
    for use in (*uses, lambda: made.as_of(3), lambda: made.as_of(NOON)):
        with pytest.raises(LibraryError, match="damaged") as caught:
            use()
        assert "preceptor library verify" in caught.value.hint


def test_a_library_without_its_head_takes_no_changes(damaged: tuple[Library, Raw]) -> None:
    made, raw = damaged
    raw.sql("DELETE FROM head")
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


def test_a_damaged_page_that_no_change_needs_is_found_and_can_be_mended(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    with library(tmp_path, *one_of_each()) as made:
        assert made.verify().ok
        made.require_whole()
        lines = list(made.dump())
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        query = "SELECT rootpage FROM sqlite_master WHERE type = 'index' AND tbl_name = 'touched' LIMIT 1"
        (page,) = raw.execute(query).fetchone()
        (size,) = raw.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size + 8)
        file.write(b"\x7f" * 200)
    with Library.open(path, clock=ticking()) as made:
        found = made.verify()
        assert not found.ok
        assert "page" in found.problem or "malformed" in found.problem
        with pytest.raises(LibraryError, match="damaged") as caught:
            made.require_whole()
        assert "library backup" in caught.value.hint
    back_up(path, tmp_path / "kept.jsonl")
    path.rename(tmp_path / "damaged.db")
    restore(tmp_path / "kept.jsonl", path)
    with Library.open(path, clock=ticking()) as made:
        assert made.verify().ok
        made.require_whole()
        assert list(made.dump()) == lines
