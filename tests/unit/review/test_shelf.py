from __future__ import annotations

from preceptor.library.changes import Approve, Edit
from preceptor.review.desk import Desk
from preceptor.review.ranking import concern, strength, worst


def test_worst_findings_and_strongest_evidence_come_first(desk: Desk):
    view = desk.shelf.view()
    entries = [view.entries[i] for i in view.order]
    keys = [(-concern(e), -strength(e)) for e in entries]
    assert keys == sorted(keys)
    assert worst(entries[0]) == "blocking"
    assert len({concern(e) for e in entries}) > 2


def test_a_view_is_never_stale_nor_altered(desk: Desk):
    before = desk.shelf.view()
    clean = next(i for i in before.order if not before.entries[i].findings)
    desk.library.apply([Approve(strategy_id=clean)], author="someone else", reason="elsewhere")
    after = desk.shelf.view()
    assert before.entries[clean].status == "proposed"
    assert after.entries[clean].status == "approved"
    assert after.waiting == before.waiting - 1
    assert desk.shelf.view() is after


def test_likeness_follows_the_words(desk: Desk):
    view = desk.shelf.view()
    strategy = view.entries[view.order[-1]].strategy
    near = desk.shelf.alike(strategy, least=0.1)
    assert strategy.id not in {a.id for a in near}
    assert [a.score for a in near] == sorted((a.score for a in near), reverse=True)
    assert near[0].score > 0.5
    desk.library.apply(
        [Edit(strategy_id=near[0].id, when="quite another matter", do="feed the zebra")], author="a", reason="b"
    )
    assert near[0].id not in {a.id for a in desk.shelf.alike(strategy, least=0.1)}
