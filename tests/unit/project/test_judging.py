"""Checking the judge of an evaluation: its caps, its journal, its end."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from preceptor import Project
from preceptor.core.errors import BudgetError, InputError
from preceptor.core.events import ignore
from preceptor.project.journals import list_journals, prune
from preceptor.project.judging import Judged, judge_job
from preceptor.project.stopping import Stop

SMALL = {
    "evaluate.profiles": 2,
    "evaluate.max_turns": 2,
    "evaluate.arms": ("student", "teacher"),
    "evaluate.aa": 0,
}
SECRET = {"MY_JOURNAL_KEY": "a long passphrase"}


def evaluated(folder: Path, **more: Any) -> Project:
    project = Project.create(folder, settings={**SMALL, **more}, environ=SECRET)
    project.evaluate()
    return project


def check(project: Project, run: str = "", dialogues: int = 3) -> Judged:
    job = judge_job(project, run, ratings=None, dialogues=dialogues, seed=1, emit=ignore, stop=Stop())
    return asyncio.run(job)


def calls(judged: Judged) -> tuple[int, int]:
    """Paid and replayed."""
    return sum(r.calls for r in judged.spend), sum(r.replayed for r in judged.spend)


def test_what_was_asked_once_is_not_asked_again_and_the_table_tells_it(tmp_path: Path) -> None:
    project = evaluated(tmp_path / "p")
    first, again = check(project), check(project)
    assert first.check == again.check
    paid = calls(first)[0]
    assert paid > 0
    assert {(r.seat, r.phase) for r in first.spend} == {("judge", "judge-check")}
    assert calls(again) == (paid, paid), "the table holds earlier checks too; all answers were there"


@pytest.mark.parametrize("cap", ["budget.calls", "seats.judge.budget_calls"])
def test_caps_hold_for_the_check_and_it_goes_on_with_a_higher_one(cap: str, tmp_path: Path) -> None:
    whole = check(evaluated(tmp_path / "whole"))
    project = evaluated(tmp_path / "p")
    with pytest.raises(BudgetError, match="of 3 calls: 3 made") as caught:
        check(Project.open(project.folder, settings={cap: 3}, environ=SECRET))
    assert cap in caught.value.hint
    assert "preceptor judge check evaluate-001" in caught.value.hint
    assert "judge-check" not in project.runs().open("evaluate-001").results()
    done = check(project)
    assert done.check == whole.check
    assert calls(done)[0] == calls(whole)[0]


def test_its_answers_are_encrypted_listed_and_pruned_as_the_evaluation_s_are(tmp_path: Path) -> None:
    project = evaluated(tmp_path / "p", **{"journal.key_env": "MY_JOURNAL_KEY"})
    (before,) = list_journals(project)
    check(project)
    (after,) = list_journals(project)
    assert before.stats is not None
    assert after.stats is not None
    assert after.stats.answers > before.stats.answers
    run = project.runs().open("evaluate-001")
    assert [p.name for p in run.folder.glob("*.db")] == ["journal.db"], "no file beside it"
    with closing(sqlite3.connect(run.journal)) as connection:
        kept = [bytes(reply) for (reply,) in connection.execute("SELECT reply FROM answers")]
    assert kept
    assert not any(b"satisfaction" in reply or b"preferred" in reply for reply in kept)
    (gone,) = prune(project, ["evaluate-001"], older_than=None, whole=False, dry_run=False)
    assert gone.answers == after.stats.answers


def test_a_customer_who_left_the_domain_is_named(tmp_path: Path) -> None:
    project = evaluated(tmp_path / "p")
    results = project.runs().open("evaluate-001").folder / "results" / "evaluation.json"
    told = json.loads(results.read_text())
    who = told["items"][0]["profile"]
    results.write_text(results.read_text().replace(f'"{who}"', '"nobody-knows-me"'))
    with pytest.raises(InputError, match="nobody-knows-me") as caught:
        check(Project.open(project.folder, environ=SECRET))
    assert "domain" in caught.value.hint
