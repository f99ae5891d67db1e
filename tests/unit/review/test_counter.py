from __future__ import annotations

from tests.review_app import recipe, waiting

from preceptor.review.counter import moves
from preceptor.review.decisions import Words
from preceptor.review.desk import Desk


def test_moves_tell_added_changed_and_removed():
    found = moves({"a": 1, "b": 1, "c": 1}, {"b": 2, "c": 1, "d": 1}, ("template",))
    assert [(m.kind, m.id, m.version) for m in found.all] == [
        ("removed", "a", 1),
        ("changed", "b", 2),
        ("added", "d", 1),
    ]
    assert (found.same, found.settings) == (1, ("template",))
    assert not moves({"a": 1}, {"a": 1}, ())


def test_the_next_release_is_told_with_the_decisions_behind_it(desk: Desk):
    first, second, third = waiting(desk)[:3]
    for entry in (first, second):
        desk.decisions.approve("mara", entry.strategy.id, expect=entry.changed_seq)
    made = desk.releases.create(recipe(), author="mara", reason="the first")
    desk.releases.publish(made.release.id, author="mara", reason="go", expect="")
    assert not desk.counter.next(made.release.digest).moves

    now = desk.library.entry(first.strategy.id)
    new = Words(when=first.strategy.when, do="another thing to do")
    desk.decisions.edit("otto", first.strategy.id, new, expect=now.changed_seq, reason="clearer", approve=True)
    now = desk.library.entry(second.strategy.id)
    desk.decisions.reject("otto", second.strategy.id, expect=now.changed_seq, reason="Wrong")
    desk.decisions.approve("otto", third.strategy.id, expect=third.changed_seq, reason="good")

    following = desk.counter.next(made.release.digest)
    assert (following.left_out, following.expired) == ((), ())
    found = following.moves
    told = {m.kind: m for m in desk.counter.shown(found.all, made.release.digest, None)}
    assert {k: (m.strategy.id, m.record.author, m.record.reason) for k, m in told.items() if m.record} == {
        "removed": (second.strategy.id, "otto", "Wrong"),
        "changed": (first.strategy.id, "otto", "clearer"),
        "added": (third.strategy.id, "otto", "good"),
    }
    new = [p.text for p in dict(told["changed"].words())["do"] if p.kind == "new"]
    assert "another" in " ".join(new)
    again = desk.releases.create(recipe(), author="otto", reason="the second")
    assert desk.counter.compare(made.release.digest, again.release.digest).all == found.all
    whole = desk.counter.shown(found.all, made.release.digest, again.release.digest)
    assert {m.kind: m for m in whole} == told
    held = desk.releases.holding(first.strategy.id)
    assert [(r.id, version) for r, version in held] == [(made.release.id, 1), (again.release.id, 2)]
