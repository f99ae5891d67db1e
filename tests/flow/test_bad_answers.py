"""Every kind of bad answer, in every seat, through the whole loop: the run goes on, nothing invented is learned."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tests.bad_answers import BAD_ANSWERS, CORE_ANSWERS, BadAnswer
from tests.flow.loop import run_loop, seats_over

from preceptor.coach import Coach, CoachSettings
from preceptor.core.events import Event, ItemFailed
from preceptor.core.settings import EvaluateConfig, LearnConfig
from preceptor.evaluate.arms import Ground
from preceptor.evaluate.run import evaluate
from preceptor.learn import Context
from preceptor.learn.primer import prime
from preceptor.library.changes import Propose
from preceptor.llm import ChatModel, ChatReply, ChatRequest
from preceptor.practice import shipped_world
from preceptor.prompts import load_prompts

TINY = {"teacher_share": (0.5,), "dialogues": 2, "scenarios": 2, "max_turns": 2}
PRIMED = {**TINY, "primer": True, "primer_issues": 1, "primer_strategies": 2}


@dataclass
class Spoiled:
    """A model whose answers are spoiled, all or every third; keeps what it meant to say."""

    model: ChatModel
    bad: BadAnswer
    every: int = 1
    calls: int = 0
    spoiled: int = 0
    meant: list[str] = field(default_factory=list)

    @property
    def spec(self) -> str:
        return self.model.spec

    async def complete(self, request: ChatRequest) -> ChatReply:
        reply = await self.model.complete(request)
        self.calls += 1
        self.meant.append(reply.text)
        structured = request.schema is not None
        if self.calls % self.every:
            return reply
        self.spoiled += 1
        text = self.bad.make(
            reply.text if structured else '{"verdict": "first", "score": 3.5, "reason": "It helps."}'
        )
        return replace(reply, text=text, finish=self.bad.finish)

    async def aclose(self) -> None:
        await self.model.aclose()


def ids(bad: BadAnswer) -> str:
    return bad.name


@pytest.mark.parametrize("bad", CORE_ANSWERS, ids=ids)
async def test_seats_that_answer_badly_now_and_then_spoil_no_run(bad: BadAnswer, tmp_path: Path):
    spoiled: dict[str, Spoiled] = {}

    def wrap(name: str, model: ChatModel) -> ChatModel:
        return spoiled.setdefault(name, Spoiled(model, bad, every=4))

    ran = await run_loop(tmp_path, wrap=wrap, changes=PRIMED)
    assert len(ran.learned.stages) == 1
    assert all(spoiled[name].spoiled for name in ("student-small", "teacher", "customer"))
    if bad.fill not in ("same", "data"):
        said = " ".join(spoiled["teacher"].meant)
        for rule in ran.rules:
            assert rule in said, "a strategy that the teacher never meant to write"


@pytest.mark.parametrize("bad", [b for b in CORE_ANSWERS if b.fill not in ("same", "data")], ids=ids)
async def test_a_teacher_that_never_answers_usably_teaches_nothing_and_says_why(bad: BadAnswer, tmp_path: Path):
    def wrap(name: str, model: ChatModel) -> ChatModel:
        return Spoiled(model, bad) if name == "teacher" else model

    ran = await run_loop(tmp_path, wrap=wrap, changes=TINY)
    assert ran.rules == ()
    assert ran.failures, "every lost item is told with its reason"
    assert all(f.failure and f.reason for f in ran.failures)


@pytest.mark.parametrize("bad", BAD_ANSWERS, ids=ids)
async def test_a_primer_answered_badly_holds_nothing_that_the_teacher_did_not_mean(bad: BadAnswer):
    teachers: list[Spoiled] = []
    failures: list[ItemFailed] = []

    def wrap(name: str, model: ChatModel) -> ChatModel:
        if name != "teacher":
            return model
        teachers.append(Spoiled(model, bad))
        return teachers[-1]

    def listen(event: Event) -> None:
        if isinstance(event, ItemFailed):
            failures.append(event)

    async with seats_over(wrap, listen) as seats:
        context = Context(
            run="learn-001",
            domain=shipped_world("airline").domain(),
            seats=seats,
            prompts=load_prompts(),
            settings=LearnConfig(primer=True, primer_issues=1, screen_with_teacher=False),
            coach=CoachSettings(),
            concurrency=1,
            emit=listen,
        )
        changes, report = await prime(context)
    made = [c.strategy.do for c in changes if isinstance(c, Propose)]
    lost = [f for f in failures if f.id.startswith("primer")]
    assert report.asked == 2
    assert report.failed == len(lost)
    assert all(f.failure and f.reason for f in lost)
    assert bool(made) == (report.failed < 2) or not teachers[0].spoiled
    if bad.fill != "data":
        said = " ".join(teachers[0].meant)
        assert all(rule in said for rule in made)


@pytest.mark.parametrize("bad", CORE_ANSWERS, ids=ids)
async def test_a_judge_that_answers_badly_leaves_no_made_up_rating(bad: BadAnswer):
    judged: list[Spoiled] = []

    def wrap(name: str, model: ChatModel) -> ChatModel:
        if name != "judge":
            return model
        judged.append(Spoiled(model, bad, every=2))
        return judged[-1]

    async with seats_over(wrap, lambda event: None) as seats:
        found = await evaluate(
            Ground(domain=shipped_world("airline").domain(), seats=seats, coach=Coach(()), prompts=load_prompts()),
            settings=EvaluateConfig(profiles=3, arms=("student", "teacher"), max_turns=2),
            concurrency=4,
            emit=lambda event: None,
        )
    assert sum(s.spoiled for s in judged) > 0
    for item in found.items:
        assert (item.rating is None) == bool(item.failure)
        assert item.rating is None or 1 <= item.rating.satisfaction <= 5
