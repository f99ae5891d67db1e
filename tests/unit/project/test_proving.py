"""Proving a project's library, on the practice airline, and what a release makes of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from preceptor.core.errors import BudgetError, InputError, LibraryError
from preceptor.library.changes import Approve, Edit, Evidence
from preceptor.project import Project
from preceptor.project.releasing import open_releases, override, recipe

SETTINGS = {"prove.calls": 160, "prove.dialogues": 4, "prove.max_turns": 3}


def copy(learned: Project, folder: Path, **settings: object) -> Project:
    shutil.copytree(learned.folder, folder / "p")
    return Project.open(folder / "p", settings={**SETTINGS, **settings}, environ={})


def test_evidence_ends_up_in_the_library(learned: Project, tmp_path: Path):
    project = copy(learned, tmp_path)
    done = project.prove()
    with project.library() as library:
        measured = {e.strategy.id: e.evidence for e in library.entries() if e.evidence}
        assert library.verify().ok
    assert set(measured) == {s.strategy for s in done.proof.strategies}
    assert done.written == len(measured) > 0
    assert all(m.run == done.run and m.measure == "preference" for m in measured.values())
    assert all(m.student == "practice:student-small" for m in measured.values())
    assert done.proof.calls <= 160
    assert sum(row.calls for row in done.spend) <= 160
    assert done.proof.simulated


def test_a_run_over_budget_goes_on_where_it_stopped(learned: Project, tmp_path: Path):
    project = copy(learned, tmp_path, **{"budget.calls": 60})
    with pytest.raises(BudgetError):
        project.prove()
    with project.library() as library:
        assert not any(e.evidence for e in library.entries())
    more = Project.open(project.folder, settings=SETTINGS, environ={})
    resumed = more.prove(resume="")
    assert resumed.run == "prove-001"
    fresh = copy(learned, tmp_path / "other").prove()
    assert resumed.proof == fresh.proof


def test_what_was_edited_meanwhile_keeps_no_evidence_of_its_old_words(learned: Project, tmp_path: Path):
    project = copy(learned, tmp_path)
    with project.library() as library:
        id = library.snapshot()[0].id

        def edit_once(event: object) -> None:
            if library.entry(id).version == 1:
                library.apply([Edit(strategy_id=id, do="say when")], author="ann", reason="clearer")

        done = project.prove(emit=edit_once)
        assert id in done.changed
        assert library.entry(id).evidence is None


def test_harm_needs_an_override_with_a_reason(learned: Project, tmp_path: Path):
    project = copy(learned, tmp_path)
    with project.library() as library:
        good, bad = (s.id for s in library.snapshot()[:2])
        harm = Evidence(strategy_id=bad, verdict="harmful", lift=-0.5, interval=(-0.8, -0.2), n=40, run="prove-001")
        library.apply([Approve(strategy_id=good), Approve(strategy_id=bad), harm], author="ann", reason="x")
    with open_releases(project) as releases:
        assert releases.create(recipe(project, trial=False), author="ann", reason="").left_out == (bad,)
    with pytest.raises(InputError, match="needs a reason"):
        override(project, [bad], author="ann", reason=" ")
    with pytest.raises(LibraryError, match="not held back: there is nothing to override"):
        override(project, [good], author="ann", reason="why not")
    assert override(project, [bad], author="ann", reason="the judge cannot see this") == (bad,)
    with open_releases(project) as releases:
        assert releases.create(recipe(project, trial=False), author="ann", reason="").left_out == ()


def test_domain_wide_strategies_can_demand_evidence(tmp_path: Path, small: dict[str, object]):
    wanted = {**small, "learn.scenarios": 10, "learn.dialogues": 6, "learn.general_support": 2}
    free = Project.create(tmp_path / "free", settings=wanted, environ={}).learn()
    strict = Project.create(
        tmp_path / "strict", settings={**wanted, "learn.general_evidence": "helpful"}, environ={}
    ).learn()
    assert sum(s.general for s in free.stages) > 0
    assert sum(s.general for s in strict.stages) == 0
