"""Screening with the teacher's view beside the checks by code."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.learn.desk import Desk, bound, said

from preceptor.core.errors import BadAnswerError, BudgetError
from preceptor.core.events import ItemFailed
from preceptor.core.pool import Pool
from preceptor.core.records import Finding, Strategy
from preceptor.learn.review import Review

HERE = said("My name is Maria Lopez. Where is my bag?")
CLEAN = bound("s", "ask for the tag number", of=[HERE.id])


def problem(kind: str, quote: str, reason: str = "it is so") -> dict[str, str]:
    return {"kind": kind, "quote": quote, "reason": reason}


async def found(answer: Any, strategy: Strategy = CLEAN) -> tuple[tuple[Finding, ...], Desk]:
    desk = Desk(teacher=lambda messages, phase: answer, screen_with_teacher=True)
    async with Pool(1) as pool:
        review = Review(desk.context, 0, {HERE.id: HERE}, pool)
        review.begin([strategy])
        review.begin([strategy])
    assert list(review.findings) == [strategy.id]
    assert len(desk.teacher.asked) <= 1
    return review.findings[strategy.id], desk


async def test_the_teachers_view_is_marked_as_such_and_says_where():
    [finding], _ = await found({"problems": [problem("policy", "Tag Number")]})
    assert (finding.check, finding.severity, finding.field) == ("teacher:policy", "blocking", "do")
    assert CLEAN.do[finding.start :].startswith("tag number")


@pytest.mark.parametrize(
    ("kind", "severity"), [("private", "blocking"), ("setting", "warning"), ("vague", "warning")]
)
async def test_kinds_weigh_as_the_docs_say(kind: str, severity: str):
    [finding], _ = await found({"problems": [problem(kind, "tag number")]})
    assert finding.severity == severity


@pytest.mark.parametrize("quote", ["words that do not stand there", "", "\"'.", "   "])
async def test_a_problem_whose_words_do_not_stand_in_the_strategy_is_made_up(quote: str):
    assert (await found({"problems": [problem("policy", quote)]}))[0] == ()


async def test_what_is_to_be_avoided_breaks_no_policy():
    strategy = Strategy(id="s", when="a refund is asked for", do="ask why", avoid="promising cash", scenarios=())
    assert (await found({"problems": [problem("policy", "promising cash")]}, strategy))[0] == ()
    [finding], _ = await found({"problems": [problem("private", "promising cash")]}, strategy)
    assert finding.field == "avoid"


async def test_the_teacher_is_not_asked_about_what_code_has_blocked():
    findings, desk = await found({"problems": []}, bound("s", "tell Maria that it is traced", of=[HERE.id]))
    assert {f.check for f in findings} == {"name"}
    assert not desk.teacher.asked


async def test_a_missing_view_is_a_warning_that_a_person_sees():
    [finding], desk = await found(BadAnswerError("prose", kind="no-json"))
    assert (finding.check, finding.severity, finding.reason) == (
        "teacher",
        "warning",
        "the teacher's check failed: no-json",
    )
    assert [e.id for e in desk.events if isinstance(e, ItemFailed)] == ["s"]


async def test_what_ends_the_run_goes_up():
    with pytest.raises(BudgetError):
        await found(BudgetError("cap"))
