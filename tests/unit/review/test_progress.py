from __future__ import annotations

from preceptor.core.events import Event, ItemDone, ItemFailed, PhaseStarted, RunEnded, RunStarted, Spent
from preceptor.review.progress import Progress
from preceptor.runs.eventlog import Told

STARTED = RunStarted(run="r", job="learn", resumed=False)


def told(*events: Event) -> Progress:
    progress = Progress()
    for n, event in enumerate(events):
        progress.add(Told(cursor=n, at="2026-03-01T12:00:00+00:00", event=event))
    return progress


def test_parts_of_a_lesson_are_not_items_of_its_phase():
    progress = told(
        STARTED,
        PhaseStarted(name="teach", stage=0, total=4),
        ItemDone(kind="attempt", id="a/1", detail="worse"),
        ItemDone(kind="lesson", id="a", detail="taught"),
        ItemFailed(kind="lesson", id="b", failure="timeout", reason="slow"),
    )
    (phase,) = progress.phases
    assert (phase.done, phase.failed, phase.share, phase.over) == (1, 1, 50, False)
    assert progress.outcomes == {"taught": 1}


def test_a_phase_that_tells_of_no_items_is_full_when_the_next_begins():
    first = PhaseStarted(name="screen", stage=0, total=9)
    assert told(STARTED, first).phases[0].share == 0
    progress = told(STARTED, first, PhaseStarted(name="generate", stage=1, total=2))
    assert [p.share for p in progress.phases] == [100, 0]
    assert [(stage, [p.begun.name for p in phases]) for stage, phases in progress.stages] == [
        (0, ["screen"]),
        (1, ["generate"]),
    ]
    assert told(STARTED, first, RunEnded(run="r", status="done")).phases[0].share == 100
    assert told(STARTED, first, RunEnded(run="r", status="stopped")).phases[0].share == 0


def test_a_resumed_run_counts_nothing_twice():
    begin = [PhaseStarted(name="generate", stage=0, total=2), ItemDone(kind="dialogue", id="d1")]
    paid = Spent(seat="s", phase="p", input_tokens=1, output_tokens=1, usd=0.5, replayed=False, estimated=False)
    again = Spent(seat="s", phase="p", input_tokens=1, output_tokens=1, usd=0.5, replayed=True, estimated=False)
    progress = told(
        STARTED, *begin, paid, RunStarted(run="r", job="learn", resumed=True), *begin, again,
        ItemDone(kind="dialogue", id="d2"),
    )  # fmt: skip
    assert progress.items == {"dialogue": 2}
    assert [(p.begun.name, p.done) for p in progress.phases] == [("generate", 2)]
    assert (progress.usd, progress.calls, progress.seats["s"].replayed) == (0.5, 1, 1)


PROBE = PhaseStarted(name="probe", stage=0, total=3, kind="scenario")
TEACH = PhaseStarted(name="teach", stage=0, total=1, kind="lesson")
PROBED: list[Event] = [
    PROBE,
    ItemDone(kind="scenario", id="a"),
    ItemDone(kind="scenario", id="b"),
    ItemFailed(kind="scenario", id="c", failure="timeout", reason="slow"),
    ItemDone(kind="lesson", id="a", detail="already_good"),
]


def test_a_phase_counts_the_items_of_its_own_kind_and_every_lesson_counts() -> None:
    progress = told(STARTED, *PROBED, TEACH, ItemDone(kind="lesson", id="b", detail="taught"))
    assert [(p.begun.name, p.done, p.failed, p.begun.total) for p in progress.phases] == [
        ("probe", 2, 1, 3),
        ("teach", 1, 0, 1),
    ]
    assert progress.items == {"scenario": 2, "lesson": 2}
    assert progress.outcomes == {"already_good": 1, "taught": 1}


def test_lessons_that_a_resumed_run_tells_again_count_once() -> None:
    again = RunStarted(run="r", job="learn", resumed=True)
    progress = told(STARTED, *PROBED, again, *PROBED, TEACH, ItemDone(kind="lesson", id="b", detail="taught"))
    assert [(p.begun.name, p.done) for p in progress.phases] == [("probe", 2), ("teach", 1)]
    assert progress.items["lesson"] == 2
    assert progress.outcomes == {"already_good": 1, "taught": 1}
