"""Commands that are killed while they write, and what must hold then: for tests and ``python -m bench.kills``."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from sqlalchemy import create_engine
from tests.killable import start
from tests.kills import EPOCH, SIZE, dump

from preceptor import Project
from preceptor.core.errors import InputError
from preceptor.library import migrations
from preceptor.library.backup import back_up
from preceptor.library.backup import restore as restore_library
from preceptor.library.changes import Approve
from preceptor.library.schema import REVISION_TABLE, REVISIONS
from preceptor.llm.journal import keep, schema
from preceptor.llm.journal.file import opened_seal
from preceptor.llm.journal.seal import checksum, unpack
from preceptor.project.releasing import open_releases

PASSPHRASE = "correct horse battery"
ENVIRON = {**EPOCH, "KILLS_KEY": PASSPHRASE}
JOURNAL = Path("runs/learn-001/journal.db")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One command, the project that it is killed in, and what must hold after a kill and after the next try."""

    name: str
    made: Path
    words: Sequence[str]
    holds: Callable[[Path], bool]
    """After the kill: nothing is lost, nothing is half."""
    ended: Callable[[Path], bool]
    """After the command was given once more."""

    def at(self, folder: Path) -> list[str]:
        """The words for a project in ``folder``."""
        return [word.format(folder=folder) for word in self.words]


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """What came of many kills."""

    kills: int
    broken: int


def kill(kind: Kind, place: Path, rng: random.Random, kills: int) -> Struck:
    """Kills a command at so many random moments, each time on a fresh copy; then it must work."""
    place.mkdir()
    folder = place / "timing"
    for _ in range(2):  # the first one also starts the process that the others are forked from
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(kind.made, folder)
        began = monotonic()
        assert start(folder, kind.at(folder), ENVIRON).wait() == 0, f"{kind.name} does not work"
        whole = monotonic() - began
    struck = broken = tried = 0
    while struck < kills:
        tried += 1
        assert tried < 20 * kills, "it is always too fast"
        folder = place / str(tried)
        shutil.copytree(kind.made, folder)
        until = monotonic() + rng.random() * whole
        if not start(folder, kind.at(folder), ENVIRON).kill_when(lambda until=until: monotonic() >= until):
            shutil.rmtree(folder)
            continue
        struck += 1
        good = kind.holds(folder) and start(folder, kind.at(folder), ENVIRON).wait() == 0 and kind.ended(folder)
        broken += not good
        if good:
            shutil.rmtree(folder)
    return Struck(kills=struck, broken=broken)


def kinds(place: Path) -> tuple[Kind, ...]:
    """Every command that writes what cannot be made anew."""
    made = approved(place / "made")
    state = dump(made.folder)

    def as_before(folder: Path) -> bool:
        return sound(folder / "library.db") and dump(folder) == state

    return (
        _release(made, as_before),
        _publish(made, place, as_before),
        _migration(made, place, as_before),
        *_backups(made, place, as_before),
        *_journals(made, place),
    )


def _release(made: Project, as_before: Callable[[Path], bool]) -> Kind:
    def ended(folder: Path) -> bool:
        with open_releases(Project.open(folder, environ=EPOCH)) as releases:
            return len(releases.list()) == 1

    words = ("release", "create", "--by", "ana")
    return Kind(name="release create", made=made.folder, words=words, holds=as_before, ended=ended)


def _publish(made: Project, place: Path, as_before: Callable[[Path], bool]) -> Kind:
    folder = place / "released"
    shutil.copytree(made.folder, folder)
    assert start(folder, ("release", "create", "--by", "ana"), ENVIRON).wait() == 0
    with open_releases(Project.open(folder, environ=EPOCH)) as releases:
        release = releases.list()[-1].id

    def current(folder: Path) -> str:
        with open_releases(Project.open(folder, environ=EPOCH)) as releases:
            found = releases.current()
            return found.id if found else ""

    return Kind(
        name="release publish",
        made=folder,
        words=("release", "publish", release, "--by", "ana"),
        holds=lambda f: as_before(f) and current(f) in ("", release),
        ended=lambda f: current(f) == release,
    )


def _migration(made: Project, place: Path, as_before: Callable[[Path], bool]) -> Kind:
    folder = place / "older"
    shutil.copytree(made.folder, folder)
    older(folder / "library.db")
    words = ("library", "digest")
    return Kind(name="library migration", made=folder, words=words, holds=as_before, ended=as_before)


def _backups(made: Project, place: Path, as_before: Callable[[Path], bool]) -> tuple[Kind, Kind]:
    """Backing up, and making a library anew from a backup. The file stands outside of the project, one for each
    kill: its name goes by the project's."""
    folder = place / "backed-up"
    shutil.copytree(made.folder, folder)
    kept = place / "kept.backup"
    back_up(folder / "library.db", kept)

    def whole(folder: Path, file: Path) -> bool:
        try:
            restore_library(file, folder / "anew.db")
        except InputError:
            return False
        return True

    new = "{folder}/new.backup"
    return (
        Kind(
            name="library backup",
            made=folder,
            words=("library", "backup", new),
            holds=lambda f: as_before(f) and (not (f / "new.backup").exists() or whole(f, f / "new.backup")),
            ended=lambda f: back_up(f / "library.db", f / "again").head == _head(f / "new.backup", f),
        ),
        Kind(
            name="library restore",
            made=folder,
            words=("library", "restore", str(kept), "--replace"),
            holds=as_before,
            ended=as_before,
        ),
    )


def _head(file: Path, folder: Path) -> str:
    (folder / "anew.db").unlink(missing_ok=True)
    return restore_library(file, folder / "anew.db").head


def _journals(made: Project, place: Path) -> tuple[Kind, Kind]:
    """An older journal brought up to date, and one encrypted."""
    path = made.folder / JOURNAL
    _grown(path)
    answers = _answers(path)
    old = place / "older-journal"
    shutil.copytree(made.folder, old)
    older_journal(old / JOURNAL)

    def all_there(folder: Path) -> bool:
        if not sound(folder / JOURNAL):
            return False
        with closing(sqlite3.connect(folder / JOURNAL)) as raw:
            return raw.execute("SELECT count(*) FROM answers").fetchone()[0] == len(answers)

    def up_to_date(folder: Path) -> bool:
        return not keep.verify(folder / JOURNAL) and _answers(folder / JOURNAL) == answers

    def readable(folder: Path) -> bool:
        return sound(folder / JOURNAL) and _answers(folder / JOURNAL, PASSPHRASE) == answers

    def encrypted(folder: Path) -> bool:
        return readable(folder) and keep.measure(folder / JOURNAL).encrypted == len(answers)

    return (
        Kind(
            name="journal upgrade",
            made=old,
            words=("journal", "verify", "learn-001"),
            holds=all_there,
            ended=up_to_date,
        ),
        Kind(
            name="journal encrypt",
            made=made.folder,
            words=("journal", "encrypt", "--set", "journal.key_env=KILLS_KEY"),
            holds=readable,
            ended=encrypted,
        ),
    )


def _grown(path: Path, copies: int = 20) -> None:
    """Every answer many times, so that what is done to all takes a while."""
    columns = f"{schema.COLUMNS}, reply"
    with closing(sqlite3.connect(path)) as raw:
        rows = raw.execute(f"SELECT {columns} FROM answers").fetchall()
        for number in range(copies):
            for key, *fields, reply in rows:
                new = (f"{number:04}{key[4:]}", *fields)
                raw.execute(
                    "INSERT INTO answers VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                    (*new[:5], reply, *new[5:], checksum(new, reply)),
                )
        raw.commit()


def _answers(path: Path, passphrase: str = "") -> dict[str, str]:
    """The words under every key."""
    with closing(sqlite3.connect(path)) as raw:
        seal = opened_seal(raw, passphrase if raw.execute("SELECT count(*) FROM meta").fetchone()[0] else "")
        return {
            key: unpack(seal.open(key, reply)).text for key, reply in raw.execute("SELECT key, reply FROM answers")
        }


def sound(path: Path) -> bool:
    """Whether SQLite finds no page amiss."""
    with closing(sqlite3.connect(path)) as raw:
        return raw.execute("PRAGMA quick_check").fetchone() == ("ok",)


def approved(folder: Path) -> Project:
    """A project with a small library whose strategies a person approved."""
    project = Project.create(folder, settings={**SIZE, "learn.teacher_share": (1.0,)}, environ=EPOCH)
    project.learn()
    with project.library() as library:
        changes = [Approve(strategy_id=e.strategy.id) for e in library.entries() if e.status == "proposed"]
        library.apply(changes, author="ana", reason="read them")
    return project


def older(path: Path) -> None:
    """Turns a library into what the first revision of its tables held: the log of changes, without the rest."""
    new = path.with_name("newer.db")
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("-wal", "-shm"):
        path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)
    path.replace(new)
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        migrations.upgrade(connection, REVISIONS[0])
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ATTACH ? AS new", (str(new),))
        tables = {t for (t,) in connection.execute("SELECT name FROM main.sqlite_master WHERE type='table'")}
        ours = {t for (t,) in connection.execute("SELECT name FROM new.sqlite_master WHERE type='table'")}
        for table in sorted(t for t in tables & ours if t != REVISION_TABLE and not t.startswith("sqlite_")):
            there = {c[1] for c in connection.execute(f"PRAGMA main.table_info({table})")}
            columns = [c[1] for c in connection.execute(f"PRAGMA new.table_info({table})") if c[1] in there]
            names = ", ".join(columns)
            connection.execute(f"INSERT OR REPLACE INTO main.{table} ({names}) SELECT {names} FROM new.{table}")
        connection.commit()
    new.unlink()


def older_journal(path: Path) -> None:
    """Turns a journal into what the first version held."""
    names = "key, spec, seat, phase, item, reply, input, output, usd, estimated"
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.executescript(
            "BEGIN; CREATE TABLE was (key TEXT PRIMARY KEY, spec TEXT NOT NULL, seat TEXT NOT NULL,"
            "phase TEXT NOT NULL, item TEXT NOT NULL, reply BLOB NOT NULL, input INTEGER NOT NULL,"
            "output INTEGER NOT NULL, usd REAL, estimated INTEGER NOT NULL) WITHOUT ROWID;"
            f"INSERT INTO was SELECT {names} FROM answers; DROP TABLE answers; ALTER TABLE was RENAME TO answers;"
            "DROP TABLE lost; DROP TABLE meta; CREATE TABLE lost (seat TEXT NOT NULL, phase TEXT NOT NULL,"
            "input INTEGER NOT NULL, output INTEGER NOT NULL, usd REAL); PRAGMA user_version=1; COMMIT;"
        )
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
