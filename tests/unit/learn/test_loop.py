"""Stage after stage: each committed once, each over what the library was when it began."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.flow.loop import MemoryNotes
from tests.unit.learn.desk import Desk, judged, rule, said

from preceptor.core.clock import fixed_clock
from preceptor.core.errors import BudgetError
from preceptor.learn import learn
from preceptor.library.changes import Retire
from preceptor.library.store import Library
from preceptor.llm.model import ChatMessage

LOG = [said(t) for t in ("Where is my suitcase?", "Who took seat 4A?", "May my dog fly along?", "Charged twice?")]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    clock = fixed_clock(datetime(2026, 1, 1, tzinfo=UTC))
    with Library.open(tmp_path / "library.db", clock=clock, create=True) as opened:
        yield opened


class Models:
    """A teacher whose rules work and a student that follows them, until the cap is said to be reached."""

    def __init__(self, capped: Callable[[], bool] = lambda: False) -> None:
        self.capped = capped
        self.asked = 0
        self.lessons: list[str] = []

    def teacher(self, messages: Sequence[ChatMessage], phase: str) -> Any:
        self.asked += 1
        if self.capped():
            return BudgetError("the cap is reached")
        text = messages[-1].content
        if "Two agents answered" in text:
            return judged("same" if "As I was told" in text else "second")
        if "You coach a junior" in text:
            asked = next(s.turns[0].text for s in LOG if s.turns[0].text in text)
            self.lessons.append(asked)
            return {"strategies": [rule(f"answer the question number {LOG.index(said(asked))}")]}
        if "Say how they relate" in text:
            return {"relation": "different", "reason": "", "merged": None}
        return {"strategies": []} if phase == "consolidate" else "Let me look."

    def student(self, messages: Sequence[ChatMessage], phase: str) -> Any:
        return "As I was told." if phase == "teach" else "No idea."


def desk(models: Models) -> Desk:
    return Desk(teacher=models.teacher, student=models.student, teacher_share=(1.0, 0.0), general_support=9)


def numbers(library: Library) -> set[str]:
    return {e.strategy.do[-1] for e in library.entries()}


async def test_a_log_is_shared_out_over_the_stages_and_each_of_its_scenarios_taught_once(library: Library):
    models = Models()
    learned = await learn(desk(models).context, library, MemoryNotes(), logged=LOG)
    assert [r.candidates for r in learned.stages] == [2, 2]
    assert sorted(models.lessons) == sorted(s.turns[0].text for s in LOG)
    assert numbers(library) == {"0", "1", "2", "3"}
    assert {e.tainted for e in library.entries()} == {True}


async def test_a_stage_that_is_in_the_library_is_not_run_again(library: Library):
    notes, first, second = MemoryNotes(), Models(), Models()
    one = await learn(desk(first).context, library, notes, logged=LOG)
    assert await learn(desk(second).context, library, notes, logged=LOG) == one
    assert second.asked == 0


async def test_what_ended_in_its_second_stage_goes_on_there_over_the_snapshot_of_then(library: Library):
    notes = MemoryNotes()
    stopped = Models(lambda: notes.has_result("stage-1-snapshot"))
    with pytest.raises(BudgetError):
        await learn(desk(stopped).context, library, notes, logged=LOG)
    begun = notes.read_result("stage-1-snapshot")
    had = [e.strategy.id for e in library.entries()]
    assert len(had) == len(begun["strategies"]) == 2
    library.apply([Retire(strategy_id=had[0])], author="mara", reason="meanwhile")
    await learn(desk(Models()).context, library, notes, logged=LOG)
    assert notes.read_result("stage-1-snapshot") == begun
    assert numbers(library) == {"0", "1", "2", "3"}
