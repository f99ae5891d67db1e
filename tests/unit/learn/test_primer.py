"""The primer: strategies from the domain alone, before any dialogue, full citizens of run and library."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.flow.loop import CLOCK, Ran, run_loop

from preceptor import Project
from preceptor.core.errors import BadAnswerError, BudgetError
from preceptor.core.events import Event, ItemDone, PhaseStarted, Spent
from preceptor.core.records import Issue, Profile
from preceptor.learn.primer import primed_issues
from preceptor.library.entry import Entry
from preceptor.library.store import Library
from preceptor.llm import ChatModel, ChatReply, ChatRequest
from preceptor.practice import shipped_world

PRIMED = {"primer": True, "teacher_share": (0.5,), "dialogues": 2, "scenarios": 2, "max_turns": 2}


class Asked:
    """A model that keeps what it is asked, and fails where it is told to."""

    def __init__(self, model: ChatModel, *, fail: str = "") -> None:
        self.model = model
        self.prompts: list[str] = []
        self._fail = fail

    @property
    def spec(self) -> str:
        return self.model.spec

    async def complete(self, request: ChatRequest) -> ChatReply:
        text = request.messages[0].content
        if "No customer has written yet" in text:
            self.prompts.append(text)
            if self._fail and self._fail in text:
                raise BadAnswerError("it would not", kind="refusal")
        return await self.model.complete(request)

    async def aclose(self) -> None:
        await self.model.aclose()


def entries(folder: Path) -> tuple[Entry, ...]:
    with Library.open(folder / "library.db", clock=CLOCK) as library:
        assert library.verify().ok
        return library.entries()


async def primed(folder: Path, teacher: Asked | None = None, **changes: object) -> tuple[Ran, list[Event]]:
    events: list[Event] = []

    def wrap(name: str, model: ChatModel) -> ChatModel:
        if name != "teacher" or teacher is None:
            return model
        teacher.model = model
        return teacher

    ran = await run_loop(folder, wrap=wrap, changes={**PRIMED, **changes}, listen=events.append)
    return ran, events


async def test_a_library_begins_with_strategies_that_no_conversation_stands_behind(tmp_path: Path):
    ran, events = await primed(tmp_path)
    domain = shipped_world("airline").domain()
    report = ran.learned.primer
    assert report is not None
    assert (report.asked, report.failed) == (1 + len(domain.issues), 0)
    found = [e for e in entries(tmp_path) if any(p.from_domain for p in e.provenance)]
    own = [e for e in found if not e.strategy.scenarios and not e.merged_into]
    assert {e.strategy.scope for e in own} == {"domain", "scenario"}
    assert len(found) >= report.proposed
    for entry in own:
        (origin,) = entry.provenance
        assert origin.models == (("teacher", "practice:teacher"),), "nobody else was asked"
        assert "primer" in dict(origin.prompts)
        assert not origin.tainted
    phases = [e.name for e in events if isinstance(e, PhaseStarted)]
    assert phases[:2] == ["primer", "generate"], "its merging and screening are part of it"
    done = [e.id for e in events if isinstance(e, ItemDone)][: report.asked]
    assert set(done) == {"primer", *(f"primer-{i.key}" for i in domain.issues)}
    paid = [e for e in events if isinstance(e, Spent) and e.phase == "primer"]
    assert [e.seat for e in paid] == ["teacher"] * report.asked


async def test_what_it_wrote_is_screened_and_coaches_the_first_stage(tmp_path: Path):
    ran, _ = await primed(tmp_path, primer_strategies=5)
    assert ran.learned.primer is not None
    blocked = [e for e in entries(tmp_path) if e.blocked and not e.strategy.scenarios]
    assert len(blocked) == ran.learned.primer.blocked > 0, "this teacher slips now and then"
    with Library.open(tmp_path / "library.db", clock=CLOCK) as library:
        lessons = [library.lesson(row.id) for row in library.lessons()]
    known = {e.strategy.id for e in entries(tmp_path) if not e.strategy.scenarios}
    assert known & {advice for lesson in lessons for advice in lesson.advice}


async def test_the_teacher_is_asked_once_about_all_and_once_about_each_issue(tmp_path: Path):
    teacher = Asked(None)  # type: ignore[arg-type]
    await primed(tmp_path, teacher, primer_issues=2)
    assert len(teacher.prompts) == 3
    domain = shipped_world("airline").domain()
    assert all(domain.policy.strip() in text for text in teacher.prompts)
    whole = [text for text in teacher.prompts if "</issues>" in text]
    assert len(whole) == 1
    assert all(issue.story in whole[0] for issue in domain.issues)
    told = [[i.key for i in domain.issues if i.story in text] for text in teacher.prompts if text not in whole]
    assert sorted(told) == sorted([i.key] for i in primed_issues(domain, 2))


async def test_an_answer_that_is_lost_costs_its_issue_alone(tmp_path: Path):
    ran, _ = await primed(tmp_path, Asked(None, fail="<issue>"))  # type: ignore[arg-type]
    report = ran.learned.primer
    assert report is not None
    assert report.failed == report.asked - 1
    assert report.proposed > 0, "what holds for the whole domain is there"
    assert [f.failure for f in ran.failures if f.id.startswith("primer-")] == ["refusal"] * report.failed
    assert len(ran.learned.stages) == 1


async def test_without_it_nothing_is_asked(tmp_path: Path):
    ran, events = await primed(tmp_path, primer=False)
    assert ran.learned.primer is None
    assert not any(isinstance(e, Spent) and e.phase == "primer" for e in events)


def test_of_many_issues_those_with_most_customers_come_first_in_the_domains_order():
    profile = Profile(id="p", style="s", emotion="e", demanding=False, issue="")
    issues = tuple(Issue(key=k, title=k, story=k, goal=k) for k in "abcd")
    met = ["d", "b", "b", "d", "a"]
    profiles = [replace(profile, id=str(n), issue=k) for n, k in enumerate(met)]
    profiles += [replace(profile, id=f"h{n}", issue="c", heldout=True) for n in range(9)]
    domain = replace(shipped_world("airline").domain(), issues=issues, profiles=tuple(profiles))
    assert [i.key for i in primed_issues(domain, 2)] == ["b", "d"]
    assert [i.key for i in primed_issues(domain, 3)] == ["a", "b", "d"]
    assert [i.key for i in primed_issues(domain, 9)] == ["a", "b", "c", "d"]
    assert primed_issues(domain, 0) == ()


def test_only_an_empty_library_gets_one_and_the_estimate_knows(tmp_path: Path):
    settings = {f"learn.{k}": v for k, v in PRIMED.items()}
    project = Project.create(tmp_path / "p", settings=settings, environ={})
    expected = {r.phase: r.calls for r in project.estimate().phases}
    first = project.learn()
    assert first.primer is not None
    paid = {r.phase: r.calls for r in first.spend if r.seat == "teacher"}
    assert expected["primer"] == paid["primer"] == first.primer.asked
    assert project.runs().open("last").info.results["primer"]["proposed"] == first.primer.proposed
    assert "primer" not in {r.phase for r in project.estimate().phases}
    second = project.learn()
    assert second.primer is None
    assert "primer" not in {r.phase for r in second.spend}


def test_a_run_that_ended_within_it_goes_on_and_pays_nothing_twice(tmp_path: Path):
    settings = {**{f"learn.{k}": v for k, v in PRIMED.items()}, "run.concurrency": 1}
    whole = Project.create(tmp_path / "whole", settings=settings, environ={})
    whole_run = whole.learn()
    project = Project.create(tmp_path / "p", settings={**settings, "budget.calls": 4}, environ={})
    with pytest.raises(BudgetError):
        project.learn()
    with project.library() as library:
        assert library.entries() == ()
    free = Project.open(tmp_path / "p", settings={**settings, "budget.calls": 5000}, environ={})
    resumed = free.learn(resume="")
    assert [s.id for s in resumed.strategies] == [s.id for s in whole_run.strategies]
    assert sum(r.calls for r in resumed.spend) == sum(r.calls for r in whole_run.spend)


def test_logs_need_none(tmp_path: Path):
    log = tmp_path / "log.jsonl"
    talk = '{"messages": [{"role": "user", "content": "My bag is lost."}, {"role": "assistant", "content": "'
    log.write_text(talk + 'I am sorry. What does the bag look like?"}]}\n', encoding="utf-8")
    settings = {f"learn.{k}": v for k, v in PRIMED.items()}
    project = Project.create(tmp_path / "p", settings=settings, environ={})
    assert "primer" not in {r.phase for r in project.estimate(scenarios=1).phases}
    assert project.learn(logs=log).primer is None
