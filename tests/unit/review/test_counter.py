from __future__ import annotations

from tests.review_app import recipe, waiting

from preceptor.core.records import Strategy
from preceptor.review.counter import Held, moves, reason_of
from preceptor.review.decisions import Words
from preceptor.review.desk import Desk


def rule(name: str, do: str = "do it") -> Strategy:
    return Strategy(id=name, when="always", do=do)


def test_moves_tell_added_changed_and_removed():
    before = {"a": Held(rule("a"), 1), "b": Held(rule("b"), 1), "c": Held(rule("c"), 1)}
    after = {"b": Held(rule("b", "do it now"), 2), "c": Held(rule("c"), 1), "d": Held(rule("d"), 1)}
    found = moves(before, after, ("template",))
    assert [m.strategy.id for m in found.added] == ["d"]
    assert [m.strategy.id for m in found.removed] == ["a"]
    assert [(m.before and m.before.do, m.strategy.do) for m in found.changed] == [("do it", "do it now")]
    assert (found.same, found.settings) == (1, ("template",))
    assert [m.kind for m in found.all] == ["removed", "changed", "added"]
    words = dict(found.changed[0].words())
    assert "".join(p.text for p in words["do"] if p.kind == "new") == " now"


def test_the_next_release_is_told_with_the_decisions_behind_it(desk: Desk):
    first, second, third = waiting(desk)[:3]
    for entry in (first, second):
        desk.decisions.approve("mara", entry.strategy.id, expect=entry.changed_seq)
    made = desk.releases.create(recipe(), author="mara", reason="the first")
    desk.releases.publish(made.release.id, author="mara", reason="go", expect="")
    assert not desk.counter.next(made.release.digest)[0]

    now = desk.library.entry(first.strategy.id)
    new = Words(when=first.strategy.when, do="another thing to do")
    desk.decisions.edit("otto", first.strategy.id, new, expect=now.changed_seq, reason="clearer", approve=True)
    now = desk.library.entry(second.strategy.id)
    desk.decisions.reject("otto", second.strategy.id, expect=now.changed_seq, reason="Wrong")
    desk.decisions.approve("otto", third.strategy.id, expect=third.changed_seq, reason="good")

    found, left_out = desk.counter.next(made.release.digest)
    assert not left_out
    told = {m.kind: (m.strategy.id, reason_of(desk.library, m)) for m in found.all}
    assert {k: (i, r.author, r.reason) for k, (i, r) in told.items() if r} == {
        "removed": (second.strategy.id, "otto", "Wrong"),
        "changed": (first.strategy.id, "otto", "clearer"),
        "added": (third.strategy.id, "otto", "good"),
    }
    again = desk.releases.create(recipe(), author="otto", reason="the second")
    assert desk.counter.compare(made.release.digest, again.release.digest).all == found.all
    held = desk.releases.holding(first.strategy.id)
    assert [(r.id, version) for r, version in held] == [(made.release.id, 1), (again.release.id, 2)]
