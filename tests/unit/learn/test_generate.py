"""Who speaks in a stage's dialogues, who comes, and what a failure costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.learn.desk import DOMAIN, PROFILES, Desk

from preceptor.core.errors import BadAnswerError, RunError
from preceptor.core.events import ItemDone, ItemFailed
from preceptor.core.records import Strategy
from preceptor.learn.context import Snapshot
from preceptor.learn.generate import generate, stage_profiles


def desk(share: float, **settings: Any) -> Desk:
    """Customers who say two things and go."""

    def customer(messages: Any, phase: str) -> str:
        spoken = sum(m.role == "assistant" for m in messages)
        return ("My bag is lost.", "So where is it?", "Thanks. [END]")[min(spoken, 2)]

    return Desk(
        teacher=lambda m, p: "from the teacher",
        student=lambda m, p: "from the student",
        customer=customer,
        **{"teacher_share": (share, share), "dialogues": 3, **settings},
    )


@pytest.mark.parametrize(("share", "who"), [(1.0, {"teacher"}), (0.0, {"student"})])
async def test_the_teachers_share_says_who_speaks(share: float, who: set[str]):
    dialogues = await generate(desk(share).context, 0, Snapshot())
    assert {t.by for d in dialogues for t in d.turns if t.speaker == "agent"} == who
    assert all(d.end == "closed" for d in dialogues)


async def test_between_them_both_speak_and_the_seed_decides_alone():
    first = await generate(desk(0.5, dialogues=12).context, 0, Snapshot())
    assert {t.by for d in first for t in d.turns if t.speaker == "agent"} == {"teacher", "student"}
    assert first == await generate(desk(0.5, dialogues=12).context, 0, Snapshot())


async def test_the_student_is_coached_by_the_snapshot_and_the_teacher_is_not():
    known = Snapshot(strategies=(Strategy(id="s", when="a bag is lost", do="ask for the tag number"),))
    alone, taught = desk(0.0), desk(1.0)
    await generate(alone.context, 0, known)
    await generate(taught.context, 0, known)
    assert all("tag number" in text for _, text, _ in alone.student.asked)
    assert not any("tag number" in text for _, text, _ in taught.teacher.asked)


def test_customers_are_training_ones_each_once_before_any_comes_again():
    training = {p.id for p in PROFILES if not p.heldout}
    context = desk(1.0, dialogues=2).context
    came = [p.id for stage in (0, 1) for p in stage_profiles(context, stage)]
    assert set(came) == training
    assert len(came) == len(training) == 4


def test_without_training_customers_there_is_nothing_to_learn_from():
    context = replace(desk(1.0).context, domain=replace(DOMAIN, profiles=tuple(p for p in PROFILES if p.heldout)))
    with pytest.raises(RunError, match="no training profiles"):
        stage_profiles(context, 0)


async def test_a_dialogue_that_a_model_spoils_is_told_and_kept_as_far_as_it_went():
    broken = desk(0.0)
    broken.student.answer = lambda m, p: BadAnswerError("nothing came", kind="empty")
    dialogues = await generate(broken.context, 0, Snapshot())
    assert {(d.end, len(d.turns)) for d in dialogues} == {("failed", 1)}
    failed = [e for e in broken.events if isinstance(e, ItemFailed)]
    assert {(e.kind, e.failure, e.reason) for e in failed} == {("dialogue", "empty", "nothing came")}
    assert not [e for e in broken.events if isinstance(e, ItemDone)]
