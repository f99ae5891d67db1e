"""Journals in a real PostgreSQL, for runs on workers. Workers themselves: :mod:`tests.flow.test_cluster`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL
from tests.kills import EPOCH, dump, settings, watched
from tests.servers.postgres import own_schema, postgres

from preceptor import Project
from preceptor.core.errors import BudgetError, ConfigError, InputError, RunError
from preceptor.project import journals

__all__ = ["postgres"]

TINY = {"learn.dialogues": 2, "learn.scenarios": 2, "learn.max_turns": 2, "learn.teacher_share": (1.0,)}


@pytest.fixture
def place(postgres: URL) -> Iterator[str]:
    with own_schema(postgres) as url:
        yield url


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
