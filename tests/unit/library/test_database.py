"""Opening: what is there, what is not, and what a person is told."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine
from tests.unit.library.made import apply, library, one_of_each, place, propose, ticking
from tests.unit.library.raw import raw_hands

from preceptor.core.errors import LibraryError
from preceptor.library import database, migrations, schema
from preceptor.library.schema import METADATA, REVISION_TABLE, REVISIONS
from preceptor.library.store import Library


def refused(place: Any, *, create: bool = False) -> str:
    with pytest.raises(LibraryError) as caught:
        Library.open(place, clock=ticking(), create=create)
    assert caught.value.hint
    return str(caught.value)


def test_nothing_there(tmp_path: Path) -> None:
    assert "there is no library at" in refused(tmp_path / "library.db")
    assert not (tmp_path / "library.db").exists()
    assert "does not exist" in refused(tmp_path / "no" / "library.db", create=True)
    assert "is a folder" in refused(tmp_path, create=True)
    assert "needs a file" in refused(":memory:", create=True)
    assert "needs a file" in refused("sqlite://", create=True)


def test_not_a_library(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_text("a shopping list, long enough to be read as a header " * 40)
    assert "is not a library" in refused(path, create=True)
    assert path.read_text().startswith("a shopping list")
    path.write_bytes(b"")
    assert "is empty" in refused(path)
    with Library.open(path, clock=ticking(), create=True) as made:
        assert made.entries() == ()


def test_a_database_of_someone_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE changes (seq INTEGER)")
        raw.commit()
    before = path.read_bytes()
    assert "is a database, but not a library" in refused(path, create=True)
    assert path.read_bytes() == before


@pytest.mark.parametrize("revisions", [("9999",), (), ("0001", "0002")])
def test_newer_than_the_code(tmp_path: Path, revisions: tuple[str, ...]) -> None:
    with library(tmp_path, propose(1)):
        pass
    with closing(sqlite3.connect(tmp_path / "library.db")) as raw:
        raw.execute(f"DELETE FROM {REVISION_TABLE}")
        raw.executemany(f"INSERT INTO {REVISION_TABLE} VALUES (?)", [(r,) for r in revisions])
        raw.commit()
    assert "written by a newer preceptor" in refused(tmp_path / "library.db", create=True)


def test_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.01)
    with library(tmp_path, propose(1)) as made, closing(sqlite3.connect(tmp_path / "library.db")) as raw:
        raw.execute("BEGIN IMMEDIATE")
        with pytest.raises(LibraryError, match="is in use by another process"):
            apply(made, propose(2))
        assert len(made.entries()) == 1, "reading goes on beside a writer"
        raw.rollback()
        assert apply(made, propose(2)) == (2,)


def test_read_only(tmp_path: Path) -> None:
    with library(tmp_path, propose(1)):
        pass
    place = f"sqlite:///file:{tmp_path / 'library.db'}?mode=ro&uri=true"
    with Library.open(place, clock=ticking()) as made:
        assert len(made.entries()) == 1
        with pytest.raises(LibraryError, match="cannot be written") as caught:
            apply(made, propose(2))
        assert "writable" in caught.value.hint


def test_urls(tmp_path: Path) -> None:
    with Library.open(f"sqlite:///{tmp_path}/by-url.db", clock=ticking(), create=True) as made:
        apply(made, propose(1))
    assert (tmp_path / "by-url.db").exists()
    assert "is not a database URL" in refused("://x")
    told = refused("postgresql+nodriver://ann:secret@localhost/x", create=True)
    assert "secret" not in told


def test_full_disk_is_told_and_loses_nothing(tmp_path: Path) -> None:
    with library(tmp_path, propose(1)):
        pass
    with Library.open(tmp_path / "library.db", clock=ticking()) as made:
        with made._database.writing() as connection:  # pyright: ignore[reportPrivateUsage]
            connection.exec_driver_sql("PRAGMA max_page_count=1")
        with pytest.raises(LibraryError, match="disk is full"):
            apply(made, *(propose(n, why="x" * 500) for n in range(2, 200)))
    with Library.open(tmp_path / "library.db", clock=ticking()) as again:
        assert len(again.entries()) == 1
        assert again.verify().ok


def test_migrations_lead_to_the_tables_that_a_new_library_gets(tmp_path: Path) -> None:
    with library(tmp_path):
        pass
    migrated = tmp_path / "migrated.db"
    engine = create_engine(f"sqlite:///{migrated}")
    with engine.begin() as connection:
        migrations.upgrade(connection)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": REVISION_TABLE})
        others = [d for d in compare_metadata(context, METADATA) if REVISION_TABLE not in str(d)]
        assert others == []
    engine.dispose()

    def content(path: Path) -> list[Any]:
        with closing(sqlite3.connect(path)) as raw:
            tables = raw.execute("SELECT name FROM sqlite_master ORDER BY name").fetchall()
            columns = [
                raw.execute(f"SELECT name, type, [notnull], pk FROM pragma_table_info('{t}')").fetchall()
                for (t,) in tables
            ]
            return [
                tables,
                columns,
                raw.execute("SELECT * FROM head").fetchall(),
                raw.execute(f"SELECT * FROM {REVISION_TABLE}").fetchall(),
            ]

    assert content(migrated) == content(tmp_path / "library.db")
    script = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert [r.revision for r in script.walk_revisions()][::-1] == list(REVISIONS)


def revision(path: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(path)) as raw:
        return raw.execute(f"SELECT version_num FROM {REVISION_TABLE}").fetchall()


def old_library(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        migrations.upgrade(connection, REVISIONS[0])
    engine.dispose()


def test_an_older_library_is_brought_up_to_date_when_opened(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    old_library(path)
    assert revision(path) == [(REVISIONS[0],)]
    with Library.open(path, clock=ticking()) as made:
        assert apply(made, propose(1)) == (1,)
        assert made.verify().ok
    assert revision(path) == [(REVISIONS[-1],)]


class Killed(BaseException):
    """Stands for whatever ends a process."""


def test_a_kill_while_the_tables_are_made_or_migrated_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_make, real_upgrade = schema.make, migrations.upgrade

    def make(connection: Connection) -> None:
        real_make(connection)
        raise Killed

    def upgrade(connection: Connection, to: str = "head") -> None:
        real_upgrade(connection, to)
        raise Killed

    new, old = tmp_path / "new.db", tmp_path / "old.db"
    old_library(old)
    with monkeypatch.context() as patch:
        patch.setattr(schema, "make", make)
        patch.setattr(migrations, "upgrade", upgrade)
        patch.setattr(database, "REVISIONS", (*REVISIONS, "later"))
        for path in (new, old):
            with pytest.raises(Killed):
                Library.open(path, clock=ticking(), create=True)
    assert "is empty" in refused(new)
    assert revision(old) == [(REVISIONS[0],)]
    for path in (new, old):
        with Library.open(path, clock=ticking(), create=True) as made:
            assert apply(made, propose(1)) == (1,)


def test_a_driver_error_is_one_line(tmp_path: Path) -> None:
    told = refused(f"sqlite:///file:{tmp_path}/a\n\x1b[31mb.db?mode=ro&uri=true")
    assert "cannot be opened" in told
    assert "\n" not in told


def test_opening_needs_no_alembic_and_the_package_nothing_heavy(tmp_path: Path) -> None:
    with library(tmp_path, propose(1)):
        pass
    code = f"""
import sys
import preceptor.library
heavy = {{"sqlalchemy", "alembic", "pydantic", "numpy"}} & sys.modules.keys()
assert not heavy, heavy
from pathlib import Path
from preceptor.core.clock import system_clock
from preceptor.library.store import Library
with Library.open({str(tmp_path / "library.db")!r}, clock=system_clock) as made:
    assert len(made.entries()) == 1
with Library.open({str(tmp_path / "new.db")!r}, clock=system_clock, create=True) as made:
    assert made.entries() == ()
heavy = {{"alembic", "pydantic"}} & sys.modules.keys()
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONWARNINGS": "error"})


def test_a_process_that_dies_in_a_batch_leaves_nothing(tmp_path: Path) -> None:
    with library(tmp_path, propose(1)) as made:
        before = list(made.dump())
    code = f"""
import os
from preceptor.core.clock import system_clock
from preceptor.library.batch import Batch
from preceptor.library.store import Library
from tests.unit.library.made import apply, propose
whole = Batch.write
def write(self):
    whole(self)
    os.kill(os.getpid(), 9)
Batch.write = write
apply(Library.open({str(tmp_path / "library.db")!r}, clock=system_clock), *(propose(n) for n in range(2, 50)))
"""
    path = os.pathsep.join((".", "src"))
    died = subprocess.run([sys.executable, "-c", code], check=False, env={**os.environ, "PYTHONPATH": path})
    assert died.returncode == -9
    with Library.open(tmp_path / "library.db", clock=ticking()) as again:
        assert list(again.dump()) == before
        assert again.verify().ok


def older_library(path: Path, source: Path) -> None:
    """A library as revision 0002 made it, with the log of ``source``."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        migrations.upgrade(connection, "0002")
        connection.exec_driver_sql(f"ATTACH '{source}' AS new")
        for table in ("changes", "head", "strategies", "touched", "lessons", "scenarios"):
            found = connection.exec_driver_sql(f"SELECT name FROM pragma_table_info('{table}', 'main')")
            columns = ", ".join(found.scalars())
            connection.exec_driver_sql(f"INSERT OR REPLACE INTO {table} SELECT {columns} FROM new.{table}")
    engine.dispose()


def test_an_older_library_is_brought_up_to_date_and_holds(tmp_path: Path) -> None:
    with library(tmp_path, *one_of_each()) as made:
        wanted = (made.entries(), made.counts(), made.head())
    older_library(tmp_path / "old.db", tmp_path / "library.db")
    with Library.open(tmp_path / "old.db", clock=ticking()) as upgraded:
        assert (upgraded.entries(), upgraded.counts(), upgraded.head()) == wanted
        assert upgraded.verify().ok
        apply(upgraded, propose(77))


def test_a_broken_older_library_is_left_as_it_was(tmp_path: Path) -> None:
    with library(tmp_path, *one_of_each()):
        pass
    older_library(tmp_path / "old.db", tmp_path / "library.db")
    with closing(sqlite3.connect(tmp_path / "old.db")) as raw:
        raw.execute("UPDATE changes SET reason = 'other' WHERE seq = 3")
        raw.commit()
        before = list(raw.iterdump())
        with pytest.raises(LibraryError, match="damaged at change 3"):
            Library.open(tmp_path / "old.db", clock=ticking())
        assert list(raw.iterdump()) == before


def test_a_library_of_the_revision_before_is_brought_up_to_date(both: None, tmp_path: Path) -> None:
    """On either database, with all that stood in it."""
    with library(tmp_path, *one_of_each()) as made:
        wanted = (made.entries(), made.page(), made.waiting(), made.counts())
    with raw_hands(tmp_path) as raw:
        now = raw.content()
        raw.sql("DROP INDEX strategies_by_severity")
        raw.sql("ALTER TABLE law DROP COLUMN tally")
        raw.sql(f"UPDATE {REVISION_TABLE} SET version_num = :old", old="0007")
    with Library.open(place(tmp_path), clock=ticking()) as upgraded, raw_hands(tmp_path) as raw:
        assert raw.content() == now
        assert upgraded.verify().ok
        again = (upgraded.entries(), upgraded.page(), upgraded.waiting(), upgraded.counts())
        assert [again[0], again[2:]] == [wanted[0], wanted[2:]]
        assert (again[1].entries, again[1].total) == (wanted[1].entries, wanted[1].total)
        apply(upgraded, propose(77))
        assert upgraded.waiting() == wanted[2] + 1
