"""A stage: what is taught of what was found, and the batch of changes that comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.unit.learn.desk import Desk, judged, rule, said

from preceptor.cli.tally import Tally
from preceptor.core.errors import BadAnswerError
from preceptor.core.events import ItemFailed, PhaseStarted
from preceptor.learn.context import Candidate, Snapshot
from preceptor.learn.stage import StageReport, run_stage
from preceptor.library.changes import Change, Propose, RecordLesson
from preceptor.llm.model import ChatMessage
from preceptor.review.progress import Progress
from preceptor.runs.eventlog import Told

ASKED = ("Where is my suitcase?", "Who took seat 4A from me?", "May my dog fly along?", "Why was I charged twice?")


def candidates(*texts: str) -> list[Candidate]:
    return [Candidate(scenario=said(t), student_reply=f"No idea: {t}", teacher_reply="Let me look.") for t in texts]


def teacher(*, wide: str = "", good: str = "", broken: str = "", do: str = "look it up at once"):
    """Judges by what the customer asked; writes one rule a lesson, which always works."""

    def answers(messages: Sequence[ChatMessage], phase: str) -> Any:
        text = messages[-1].content
        if broken and broken in text:
            return BadAnswerError("prose", kind="no-json")
        if "Two agents answered" in text:
            if "I look it up." in text:
                return judged("same")
            if good and good in text:
                return judged("same")
            return judged("second") | ({} if wide and wide in text else {"tone": "same", "clarity": "same"})
        if "Which rules recur" in text:
            return {"strategies": []}
        if "Say how they relate" in text:
            return {"relation": "different", "reason": "", "merged": None}
        asked = next(a for a in ASKED if a in text)
        return {"strategies": [rule(do, when=f"the customer writes: {asked.split()[-1]}")]}

    return answers


async def staged(
    found: Sequence[Candidate], *, tainted: bool = False, snapshot: Snapshot | None = None, **more: Any
) -> tuple[list[Change], StageReport, Desk]:
    settings = {k: more.pop(k) for k in ("scenarios", "candidates", "general") if k in more}
    desk = Desk(teacher=teacher(**more), student=lambda m, p: "I look it up.", **settings)

    async def source(stage: int, snapshot: Snapshot) -> list[Candidate]:
        return list(found)

    changes, report = await run_stage(desk.context, 2, snapshot or Snapshot(), source, tainted=tainted)
    return changes, report, desk


async def test_where_more_was_found_than_is_taught_the_widest_gaps_come_first():
    changes, report, _ = await staged(candidates(*ASKED), wide=ASKED[2], scenarios=1, candidates=4.0)
    taught = [c.lesson for c in changes if isinstance(c, RecordLesson)]
    assert [lesson.scenario.turns[0].text for lesson in taught] == [ASKED[2]]
    assert (report.probed, report.beyond_budget, report.outcomes) == (4, 3, {"taught": 1})


async def test_what_the_student_does_well_already_is_a_lesson_without_strategies():
    changes, report, desk = await staged(candidates(*ASKED[:2]), good=ASKED[0])
    assert report.outcomes == {"already_good": 1, "taught": 1}
    assert len([c for c in changes if isinstance(c, Propose)]) == 1
    assert not any(ASKED[0] in text for _, text, _ in desk.student.asked)


async def test_what_a_model_spoils_is_counted_told_and_left_out():
    changes, report, desk = await staged(candidates(*ASKED[:2]), broken=ASKED[0])
    assert (report.failed, report.probed) == (1, 1)
    assert [(e.kind, e.failure) for e in desk.events if isinstance(e, ItemFailed)] == [("scenario", "no-json")]
    assert len([c for c in changes if isinstance(c, RecordLesson)]) == 1


async def test_known_scenarios_and_those_that_are_nearly_the_same_are_not_looked_at():
    known = said(ASKED[0])
    snapshot = Snapshot(scenarios={known.id: known})
    found = [*candidates(*ASKED[:2]), *candidates(ASKED[1] + "!")]
    _, report, _ = await staged(found, snapshot=snapshot)
    assert (report.candidates, report.duplicates, report.probed) == (3, 2, 1)


async def test_no_more_is_looked_at_than_the_settings_allow():
    _, report, _ = await staged(candidates(*ASKED), scenarios=1, candidates=2.0)
    assert report.probed == 2


async def test_the_batch_tells_where_each_strategy_came_from():
    changes, _, desk = await staged(candidates(ASKED[0]), tainted=True)
    [lesson] = [c.lesson for c in changes if isinstance(c, RecordLesson)]
    [proposed] = [c for c in changes if isinstance(c, Propose)]
    told = proposed.provenance
    assert (told.run, told.stage, told.attempt, told.tainted) == ("learn-001", 2, 1, True)
    assert (told.scenarios, told.lessons) == ((lesson.scenario.id,), (lesson.id,))
    assert dict(told.prompts) == dict(desk.context.prompts.hashes())
    assert dict(told.models) == dict.fromkeys(("student", "teacher", "customer"), "scripted:test")
    assert proposed.lesson_id == lesson.id


async def test_what_is_proposed_carries_what_screening_found():
    changes, report, _ = await staged(candidates(ASKED[0]), do="promise a full refund")
    [proposed] = [c for c in changes if isinstance(c, Propose)]
    assert [(f.check, f.severity) for f in proposed.findings] == [("promise", "warning")]
    assert report.blocked == 0


async def test_simulated_customers_leave_no_taint():
    changes, _, _ = await staged(candidates(ASKED[0]))
    assert [c.provenance.tainted for c in changes if isinstance(c, Propose)] == [False]


async def test_nothing_found_is_nothing_changed():
    changes, report, desk = await staged([])
    assert (changes, report.probed, report.proposed) == ([], 0, 0)
    assert not desk.teacher.asked


async def test_what_is_told_adds_up_phase_by_phase_and_in_lessons() -> None:
    changes, report, desk = await staged(candidates(*ASKED), good="dog", broken="4A", scenarios=4, candidates=1)
    progress, tally = Progress(), Tally(stages=1)
    reached: dict[str, tuple[int, int]] = {}
    for n, event in enumerate(desk.events):
        progress.add(Told(cursor=n, at="2026-01-01T00:00:00+00:00", event=event))
        tally.add(event)
        reached[tally.phase] = tally.done, tally.total
    probe, teach, *_ = progress.phases
    assert (probe.begun.name, probe.done, probe.failed, probe.begun.total) == ("probe", 3, 1, 4)
    assert (teach.begun.name, teach.done, teach.failed, teach.begun.total) == ("teach", 2, 0, 2)
    assert (reached["probe"], reached["teach"]) == ((4, 4), (2, 2))
    lessons = [c for c in changes if isinstance(c, RecordLesson)]
    assert progress.items["lesson"] == tally.items["lesson"] == sum(report.outcomes.values()) == len(lessons) == 3
    assert dict(progress.outcomes) == dict(report.outcomes)
    assert {e.kind for e in desk.events if isinstance(e, ItemFailed)} == {"scenario"}
    assert all(e.kind for e in desk.events if isinstance(e, PhaseStarted))
