"""What each change does, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from tests.unit.library.made import evidence, finding, lesson, propose, provenance, record, strategy

from preceptor.core.errors import LibraryError
from preceptor.core.records import Status
from preceptor.library.changes import (
    Approve,
    Change,
    Edit,
    Evidence,
    Flag,
    Merge,
    Override,
    Reject,
    Reopen,
    Retire,
    Screen,
)
from preceptor.library.entry import Flagged, Stamp, State
from preceptor.library.state import TRANSITIONS, step

ONE = "strategy-0001"
TWO = "strategy-0002"


def play(*changes: Change, state: State | None = None) -> State:
    state = state or State()
    for change in changes:
        seq = 1 + max((e.changed_seq for e in state.entries.values()), default=0)
        step(change, state, Stamp(seq, "ann", f"t{seq}"))
    return state


def again(state: State, change: Change) -> bool:
    return step(change, state, Stamp(99, "bob", "t99"))


def with_status(status: Status) -> State:
    steps: dict[Status, tuple[Change, ...]] = {
        "proposed": (),
        "approved": (Approve(strategy_id=ONE),),
        "rejected": (Reject(strategy_id=ONE),),
        "retired": (Retire(strategy_id=ONE),),
    }
    return play(propose(1), propose(2), *steps[status])


ACTS: dict[str, Change] = {
    "edit": Edit(strategy_id=ONE, do="something else"),
    "approve": Approve(strategy_id=ONE),
    "reject": Reject(strategy_id=ONE),
    "retire": Retire(strategy_id=ONE),
    "reopen": Reopen(strategy_id=ONE),
    "merge": Merge(into=strategy(2), of=(ONE,), reason="same"),
}


@pytest.mark.parametrize("status", get_args(Status))
@pytest.mark.parametrize("act", sorted(ACTS))
def test_every_act_in_every_status_follows_the_table(act: str, status: Status) -> None:
    state = with_status(status)
    before = dict(state.entries)
    target = TRANSITIONS[act].get(status)  # type: ignore[index]
    already = act not in ("edit", "merge") and status in TRANSITIONS[act].values()  # type: ignore[index]
    if target is not None:
        assert again(state, ACTS[act])
        assert state.entries[ONE].status == target
        assert state.entries[ONE].changed_by == "bob"
    elif already:
        assert not again(state, ACTS[act])
        assert state.entries == before
    else:
        with pytest.raises(LibraryError, match=f"cannot {act} {ONE}: it is {status}, by ann at t"):
            again(state, ACTS[act])
        assert state.entries == before


def test_table_names_every_act_and_only_statuses() -> None:
    assert set(TRANSITIONS) == set(ACTS)
    statuses = set(get_args(Status))
    for moves in TRANSITIONS.values():
        assert set(moves) | set(moves.values()) <= statuses


def test_proposing_again_adds_provenance_and_keeps_a_decision() -> None:
    state = play(propose(1), Reject(strategy_id=ONE))
    other = provenance(7, run="learn-002")
    assert again(state, propose(1, provenance=other, scenarios=("scenario-7",)))
    entry = state.entries[ONE]
    assert entry.status == "rejected"
    assert entry.provenance == (provenance(1), other)
    assert entry.strategy.scenarios == ("scenario-1", "scenario-7")
    assert entry.version == 1
    assert not again(state, propose(1, provenance=other))


def test_same_id_with_other_words_is_refused_until_a_person_has_edited() -> None:
    state = play(propose(1))
    with pytest.raises(LibraryError, match="with other words"):
        again(state, propose(1, do="shout"))
    state = play(Edit(strategy_id=ONE, do="speak softly"), state=state)
    assert again(state, propose(1, provenance=provenance(1, run="learn-002")))
    assert state.entries[ONE].strategy.do == "speak softly"


@pytest.mark.parametrize("field", ["when", "do"])
def test_empty_rules_are_refused(field: str) -> None:
    with pytest.raises(LibraryError, match=f"'{field}' is empty"):
        play(propose(1, **{field: " \n"}))
    with pytest.raises(LibraryError, match=f"'{field}' is empty"):
        play(propose(1), Edit(strategy_id=ONE, **{field: ""}))


def test_lessons_come_before_what_they_produced() -> None:
    with pytest.raises(LibraryError, match="names lesson lesson-1, which is not in the library"):
        play(propose(1, lesson_id="lesson-1"))
    state = play(record(1), propose(1, lesson_id="lesson-1"))
    assert state.entries[ONE].lesson_id == "lesson-1"
    assert state.lessons["lesson-1"].scenario == "scenario-1"
    assert state.scenarios["scenario-1"][1] == lesson(1).scenario


def test_a_lesson_is_recorded_once_and_never_replaced() -> None:
    state = play(record(1))
    assert not again(state, record(1))
    with pytest.raises(LibraryError, match="another lesson lesson-1"):
        again(state, record(1, reply="something else"))


def test_merge_keeps_all_provenance_and_points_to_the_new_one() -> None:
    state = play(propose(1), propose(2), Merge(into=strategy(9, scenarios=()), of=(ONE, TWO), reason="same"))
    for old in (ONE, TWO):
        assert (state.entries[old].status, state.entries[old].merged_into) == ("retired", "strategy-0009")
    merged = state.entries["strategy-0009"]
    assert merged.provenance == (provenance(1), provenance(2))
    assert merged.strategy.scenarios == ("scenario-1", "scenario-2")
    assert (merged.status, merged.version, merged.verdict) == ("proposed", 1, "unproven")


def test_merge_into_one_of_them_keeps_it() -> None:
    state = play(propose(1), propose(2), Approve(strategy_id=ONE), evidence(1))
    assert again(state, Merge(into=strategy(1), of=(ONE, TWO), reason="same"))
    entry = state.entries[ONE]
    assert (entry.status, entry.version, entry.verdict) == ("approved", 1, "helpful")
    assert state.entries[TWO].merged_into == ONE
    assert not again(state, Merge(into=strategy(1), of=(ONE,), reason="same"))


def test_merge_into_other_words_needs_a_new_decision() -> None:
    state = play(propose(1), propose(2), Approve(strategy_id=ONE), evidence(1))
    assert again(state, Merge(into=strategy(1, do="say when"), of=(TWO,), reason="same"))
    entry = state.entries[ONE]
    assert (entry.status, entry.version, entry.verdict, entry.strategy.do) == (
        "proposed",
        2,
        "unproven",
        "say when",
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Merge(into=strategy(9), of=("strategy-0404",), reason=""), "no strategy strategy-0404"),
        (Merge(into=strategy(9), of=(), reason=""), "names no strategies"),
        (Merge(into=strategy(3), of=(ONE,), reason=""), "cannot merge strategy-0003: it is rejected"),
        (Merge(into=strategy(9), of=(ONE, "strategy-0003"), reason=""), "cannot merge strategy-0003"),
        (Flag(strategy_ids=(ONE,), note=""), "at least two"),
        (Flag(strategy_ids=(ONE, ONE), note=""), "at least two"),
        (Flag(strategy_ids=(ONE, "strategy-0404"), note=""), "no strategy strategy-0404"),
        (Approve(strategy_id="strategy-0404"), "no strategy strategy-0404"),
    ],
)
def test_refused_changes_leave_the_state_alone(change: Change, words: str) -> None:
    state = play(propose(1), propose(2), propose(3), Reject(strategy_id="strategy-0003"))
    before = dict(state.entries)
    with pytest.raises(LibraryError, match=words):
        again(state, change)
    assert state.entries == before


def test_flags_name_the_others_once() -> None:
    flag = Flag(strategy_ids=(ONE, TWO), note="opposite")
    state = play(propose(1), propose(2), flag)
    assert state.entries[ONE].flags == (Flagged(others=(TWO,), note="opposite"),)
    assert state.entries[TWO].flags == (Flagged(others=(ONE,), note="opposite"),)
    assert not again(state, flag)


def test_new_words_start_afresh() -> None:
    flag = Flag(strategy_ids=(ONE, TWO), note="opposite")
    screen = Screen(strategy_id=ONE, findings=(finding(),))
    state = play(propose(1), propose(2), flag, screen, evidence(1), Edit(strategy_id=ONE, why="it calms"))
    entry = state.entries[ONE]
    assert (entry.version, entry.status, entry.findings, entry.flags, entry.evidence) == (
        2,
        "proposed",
        (),
        (),
        None,
    )
    assert entry.strategy == replace(strategy(1), why="it calms")
    assert not again(state, Edit(strategy_id=ONE, why="it calms"))
    assert again(state, Edit(strategy_id=ONE, scope="domain"))
    assert state.entries[ONE].version == 3


def test_what_screening_blocks_cannot_be_approved_and_is_not_used() -> None:
    state = play(propose(1, findings=(finding(),)), propose(2, findings=(finding("warning"),)))
    with pytest.raises(LibraryError, match=r"screening \(private\) found: a name"):
        again(state, Approve(strategy_id=ONE))
    assert state.snapshot() == (strategy(2),)
    state = play(Screen(strategy_id=ONE, findings=()), Approve(strategy_id=ONE), state=state)
    assert state.snapshot() == (strategy(1), strategy(2))


def test_snapshot_leaves_out_what_harms_and_what_was_turned_down() -> None:
    state = play(*(propose(n) for n in range(1, 6)))
    state = play(
        Approve(strategy_id=ONE),
        Reject(strategy_id=TWO),
        Retire(strategy_id="strategy-0003"),
        evidence(4, "harmful"),
        evidence(5),
        state=state,
    )
    assert [s.id for s in state.snapshot()] == [ONE, "strategy-0005"]


def test_taint_lasts_until_a_person_approves() -> None:
    state = play(propose(1, provenance=provenance(1, tainted=True)), propose(2))
    assert [e.tainted for e in state.entries.values()] == [True, False]
    state = play(Approve(strategy_id=ONE), state=state)
    assert not state.entries[ONE].tainted
    state = play(Edit(strategy_id=ONE, do="x"), state=state)
    assert state.entries[ONE].tainted


def test_reopening_a_merged_strategy_cuts_the_pointer() -> None:
    state = play(propose(1), propose(2), Merge(into=strategy(1), of=(TWO,), reason="same"), Reopen(strategy_id=TWO))
    assert (state.entries[TWO].status, state.entries[TWO].merged_into) == ("proposed", None)


def measured(verdict: str, **fields: object) -> Evidence:
    return replace(evidence(1, verdict), **fields)  # type: ignore[arg-type]


def test_harm_can_be_overridden_until_it_is_measured_again() -> None:
    state = play(propose(1), measured("harmful"))
    assert not state.entries[ONE].usable
    assert again(state, Override(strategy_id=ONE))
    assert state.entries[ONE].usable
    assert not again(state, Override(strategy_id=ONE))
    assert again(state, measured("harmful", run="prove-002"))
    assert not state.entries[ONE].usable


def test_what_does_no_harm_has_nothing_to_override() -> None:
    with pytest.raises(LibraryError, match="not held back"):
        play(propose(1), Override(strategy_id=ONE))


def test_what_may_harm_is_held_back_until_it_is_cleared_or_overridden() -> None:
    state = play(propose(1), measured("unproven", held=True))
    entry = state.entries[ONE]
    assert (entry.held_back, entry.usable, entry.provable) == (True, False, True)
    assert again(state, Override(strategy_id=ONE))
    assert state.entries[ONE].usable
    assert again(state, measured("unproven", held=True, run="prove-002"))
    assert not state.entries[ONE].usable
    assert again(state, measured("unproven", run="prove-003"))
    assert state.entries[ONE].usable
    assert not play(propose(1), measured("harmful")).entries[ONE].provable


def test_evidence_of_another_student_holds_for_that_one_alone() -> None:
    there = {"elsewhere": True, "measure": "preference"}
    state = play(
        propose(1),
        measured("helpful", student="a"),
        measured("harmful", student="b", **there),
        measured("unproven", student="c", **there),
        measured("unproven", student="d", held=True, **there),
    )
    entry = state.entries[ONE]
    assert (entry.verdict, entry.usable, entry.withheld_from) == ("helpful", True, ("b", "d"))
    assert again(state, measured("helpful", student="b", **there))
    assert state.entries[ONE].withheld_from == ("d",)
    assert again(state, Edit(strategy_id=ONE, do="say when"))
    assert (state.entries[ONE].elsewhere, state.entries[ONE].evidence) == ((), None)
