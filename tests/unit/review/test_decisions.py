from __future__ import annotations

import pytest
from tests.review_app import waiting

from preceptor.core.errors import LibraryError
from preceptor.review.decisions import ConflictError, Words
from preceptor.review.desk import Desk


def words(entry, **changed: str) -> Words:
    s = entry.strategy
    return Words(**{"when": s.when, "do": s.do, "avoid": s.avoid, "why": s.why, **changed})


def test_a_decision_carries_account_and_reason(desk: Desk):
    entry = waiting(desk)[0]
    desk.decisions.reject("mara", entry.strategy.id, expect=entry.changed_seq, reason="Too vague")
    last = desk.library.changes(limit=1)[0]
    assert (last.kind, last.author, last.reason) == ("reject", "mara", "Too vague")


def test_the_second_of_two_conflicting_decisions_is_told(desk: Desk):
    entry = waiting(desk)[0]
    desk.decisions.approve("mara", entry.strategy.id, expect=entry.changed_seq)
    head = desk.library.head()
    with pytest.raises(ConflictError, match="mara changed it meanwhile: it is now approved"):
        desk.decisions.reject("otto", entry.strategy.id, expect=entry.changed_seq, reason="no")
    assert desk.library.head() == head


def test_what_blocks_needs_a_reason_to_pass(desk: Desk):
    entry = waiting(desk, blocked=True)[0]
    with pytest.raises(LibraryError, match="stands against it"):
        desk.decisions.approve("mara", entry.strategy.id, expect=entry.changed_seq)
    with pytest.raises(LibraryError, match="needs a reason"):
        desk.decisions.approve("mara", entry.strategy.id, expect=entry.changed_seq, despite=True)
    done = desk.decisions.approve(
        "mara", entry.strategy.id, expect=entry.changed_seq, despite=True, reason="the name is the firm's"
    )
    assert done.status == "approved"


def test_screening_is_run_again_at_approval(desk: Desk):
    entry = waiting(desk)[0]
    changed = desk.decisions.edit(
        "mara", entry.strategy.id, words(entry, do="do as the good agent did"), expect=entry.changed_seq
    )
    assert [f.check for f in changed.findings if f.severity == "blocking"] == ["setting"]
    with pytest.raises(LibraryError):
        desk.decisions.approve("mara", entry.strategy.id, expect=changed.changed_seq)


@pytest.mark.parametrize("act", ["approve", "reject", "edit", "merge", "retire"])
def test_undo_takes_back_what_was_done(desk: Desk, act: str):
    entry, other = waiting(desk)[0], waiting(desk)[1]
    strategy_id, seen = entry.strategy.id, entry.changed_seq
    decide = desk.decisions
    match act:
        case "approve":
            decide.approve("mara", strategy_id, expect=seen)
        case "reject":
            decide.reject("mara", strategy_id, expect=seen, reason="no")
        case "retire":
            decide.retire("mara", strategy_id, expect=seen, reason="old")
        case "edit":
            decide.edit("mara", strategy_id, words(entry, do="say it first"), expect=seen, approve=True)
        case _:
            decide.merge(
                "mara",
                strategy_id,
                other.strategy.id,
                words(entry, when="either of both"),
                expect=seen,
                expect_other=other.changed_seq,
            )
            assert desk.library.entry(other.strategy.id).merged_into == strategy_id
    assert decide.undo("mara").strategy_id == strategy_id
    now = desk.library.entry(strategy_id)
    assert (now.status, words(now)) == ("proposed", words(entry))
    if act == "merge":
        back = desk.library.entry(other.strategy.id)
        assert (back.status, back.merged_into) == ("proposed", None)
    assert desk.library.verify().ok


def test_undo_is_ones_own_and_knows_conflicts(desk: Desk):
    entry = waiting(desk)[0]
    done = desk.decisions.approve("mara", entry.strategy.id, expect=entry.changed_seq)
    with pytest.raises(LibraryError, match="nothing to undo"):
        desk.decisions.undo("otto")
    desk.decisions.retire("otto", entry.strategy.id, expect=done.changed_seq, reason="old")
    with pytest.raises(ConflictError, match="otto"):
        desk.decisions.undo("mara")


def test_a_person_can_propose(desk: Desk):
    made = desk.decisions.propose("mara", Words(when="a dog flies along", do="name the cabin rule first"))
    assert (made.status, made.strategy.scope, made.provenance[0].run) == ("proposed", "domain", "")
    with pytest.raises(LibraryError, match="holds a strategy with these words"):
        desk.decisions.propose("mara", Words(when="a dog flies along", do="name the cabin rule first"))
