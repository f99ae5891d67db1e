"""Workers on a real Ray with a real PostgreSQL: one is killed in the middle of a run, and nothing is different."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL
from tests.kills import EPOCH, dump, settings, watched
from tests.servers.postgres import own_schema, postgres

from preceptor import Project
from preceptor.core.errors import BudgetError, ConfigError, InputError, RunError
from preceptor.core.ids import plain
from preceptor.llm.journal.pg import PostgresJournal
from preceptor.project import journals

__all__ = ["postgres"]

SIZE = {
    "evaluate.profiles": 4,
    "evaluate.arms": ("student", "coached", "guide"),
    "evaluate.pairwise": True,
    "evaluate.aa": 2,
    "budget.calls": 5000,
}
TINY = {"learn.dialogues": 2, "learn.scenarios": 2, "learn.max_turns": 2, "learn.teacher_share": (1.0,)}


@pytest.fixture
def place(postgres: URL) -> Iterator[str]:
    with own_schema(postgres) as url:
        yield url


def workers_of(mark: str) -> list[int]:
    """Processes of workers that were started under the environment variable ``MARK``."""
    found: list[int] = []
    for folder in Path("/proc").iterdir():
        try:
            if (
                b"_Actor" in (folder / "cmdline").read_bytes()
                and mark.encode() in (folder / "environ").read_bytes()
            ):
                found.append(int(folder.name))
        except (OSError, ValueError):
            continue
    return found


def answered(place: str) -> set[str]:
    engine = create_engine(place)
    with engine.connect() as connection:
        found = set(connection.execute(text("SELECT key FROM journal_answers")).scalars())
    engine.dispose()
    return found


def test_a_worker_killed_in_the_middle_changes_nothing_and_costs_only_its_calls_under_way(
    tmp_path: Path, place: str
):
    if find_spec("ray") is None or not Path("/proc").exists():
        pytest.skip("no Ray here: install the extra ray, on Linux")
    mark = secrets.token_hex(8)
    with watched() as server:
        given = {**settings(server.url), **SIZE}
        alone = Project.create(tmp_path / "alone", settings=given, environ=EPOCH)
        alone.learn()
        asked = len(set(server.arrivals))
        whole = alone.evaluate()
        asked_both = len(set(server.arrivals))
        server.arrivals.clear()
        made = {**given, "journal.path": place, "run.executor": "ray", "run.workers": 2}
        many = Project.create(tmp_path / "many", settings=made, environ=EPOCH)
        with subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.ray_run", str(many.folder)],
            env={**os.environ, **EPOCH, "MARK": mark},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            while len(server.arrivals) < asked // 4:
                assert process.poll() is None, process.stderr and process.stderr.read().decode()
                time.sleep(0.002)
            victim = workers_of(mark)[0]
            os.kill(victim, signal.SIGKILL)
            known, began = answered(place), len(server.arrivals)
            _, told = process.communicate(timeout=200)
        assert process.returncode == 0, told.decode()
        assert dump(many.folder) == dump(alone.folder), "the library, byte for byte"
        assert plain(many.evaluation()) == plain(whole.evaluation), "figures, words and what each arm cost"
        assert not known & set(server.arrivals[began:]), "no answered call was made again"
        assert len(set(server.arrivals)) == asked_both, "the same calls"
        learned, evaluated = (many.runs().open(name) for name in ("learn-001", "evaluate-001"))
        for run, exact in ((learned, False), (evaluated, True)):
            name = run.read_result("journal")["name"]
            with PostgresJournal.open(place, name) as journal:
                rows = journal.spent()
            calls, lost = (sum(getattr(r, field) for r in rows) for field in ("calls", "lost"))
            assert calls == sum(int(row["calls"]) for row in run.info.spend), (
                "the table tells what the journal holds"
            )
            assert lost == sum(int(row["lost"]) for row in run.info.spend)
            assert not (exact and lost), "nobody was killed in the evaluation"
        total = sum(int(row["calls"]) + int(row["lost"]) for r in (learned, evaluated) for row in r.info.spend)
        assert total >= len(server.arrivals), "no call of the server's count is missing"
        assert len(server.arrivals) - asked_both <= 2 * 64, "only what was in flight was asked twice"


def test_a_journal_in_the_database_serves_one_process_as_a_file_does(tmp_path: Path, place: str):
    with watched() as server:
        given = settings(server.url)
        alone = Project.create(tmp_path / "alone", settings=given, environ=EPOCH)
        alone.learn()
        server.arrivals.clear()
        made = {**given, "journal.path": place, "budget.calls": 40}
        other = Project.create(tmp_path / "other", settings=made, environ=EPOCH)
        with pytest.raises(BudgetError):
            other.learn()
        assert len(server.arrivals) == 40
        Project.open(other.folder, settings={"budget.calls": 9999}, environ=EPOCH).learn(resume="")
        assert len(server.arrivals) == len(set(server.arrivals)), "nothing is paid twice"
        assert dump(other.folder) == dump(alone.folder)


def test_workers_without_a_shared_journal_are_refused_before_a_run_is_made(tmp_path: Path):
    project = Project.create(tmp_path / "p", settings={"run.executor": "ray"})
    with pytest.raises(ConfigError, match="journal that all workers share"):
        project.learn()
    assert not project.runs().list()


def test_a_run_goes_on_only_where_its_journal_is(tmp_path: Path, place: str):
    tiny = {"budget.calls": 1}
    for name, began, now, told in (
        ("file", "", place, "is the file"),
        ("database", place, "", "stands in a database"),
    ):
        project = Project.create(tmp_path / name, settings={**tiny, "journal.path": began})
        with pytest.raises(BudgetError):
            project.learn()
        with pytest.raises(RunError, match=told):
            Project.open(project.folder, settings={"journal.path": now}).learn(resume="")


def test_journals_in_a_database_are_listed_measured_checked_and_pruned(tmp_path: Path, place: str):
    project = Project.create(tmp_path / "p", settings={**TINY, "journal.path": place})
    project.learn()
    (kept,) = journals.list_journals(project)
    assert kept.stats is not None
    found = journals.stats(project, "learn-001")
    assert found == kept.stats
    assert (found.answers, found.dropped) == (sum(r.calls for r in found.rows), 0)
    assert journals.verify(project, "learn-001") == ()
    with project.library() as library:
        scenario = library.scenarios()[0].id
    calls = journals.calls(project, "learn-001", scenario)
    assert calls
    assert all(c.text for c in calls)
    (pruned,) = journals.prune(project, [], older_than=None, whole=False, dry_run=True)
    assert pruned.answers == found.answers
    (pruned,) = journals.prune(project, [], older_than=None, whole=False, dry_run=False)
    assert journals.stats(project, "learn-001").dropped == found.answers
    assert journals.stats(project, "learn-001").rows == found.rows, "what was spent stays"
    assert journals.verify(project, "learn-001") == ()
    assert not any(c.text for c in journals.calls(project, "learn-001", scenario))
    with pytest.raises(InputError, match="stands in a database"):
        journals.repair(project, "learn-001")
    journals.prune(project, ["learn-001"], older_than=None, whole=True, dry_run=False)
    assert journals.list_journals(project) == ()
