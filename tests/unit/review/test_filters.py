from __future__ import annotations

import pytest

from preceptor.library.paging import Filter as Asked
from preceptor.review.desk import Desk
from preceptor.review.filters import Filter
from preceptor.review.line import Line


def test_a_filter_is_its_url():
    chosen = Filter.read({"q": "a&b=c", "severity": "blocking", "scope": "nonsense", "other": "x"})
    assert chosen.active() == (("q", "a&b=c"), ("severity", "blocking"))
    assert chosen.url("/queue", at="s-1") == "/queue?q=a%26b%3Dc&severity=blocking&at=s-1"
    assert Filter().url("/queue") == "/queue"
    assert (Filter().sorted, Filter.read({"order": "ends"}).sorted) == ("review", "ends")


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ({"severity": "blocking"}, lambda e: e.severity == "blocking"),
        ({"severity": "clean"}, lambda e: not e.findings),
        ({"evidence": "harmful"}, lambda e: e.verdict == "harmful"),
        ({"mark": "tainted"}, lambda e: e.tainted),
        ({"mark": "flagged"}, lambda e: bool(e.flags)),
        ({"scope": "domain"}, lambda e: e.strategy.scope == "domain"),
        ({"check": "setting"}, lambda e: any(f.check == "setting" for f in e.findings)),
        ({"q": "INSULIN"}, lambda e: False),
        ({"q": "Bag Medicine"}, lambda e: "medicine" in e.strategy.when and "bag" in e.strategy.when),
    ],
)
def test_each_restriction_restricts(desk: Desk, query, holds):
    found = desk.library.page(Filter.read(query).waiting("mara"), limit=1000).entries
    every = desk.library.entries()
    assert {e.strategy.id for e in found} == {e.strategy.id for e in every if holds(e)}
    assert len(found) < len(every)


def test_a_line_ends_with_what_was_skipped(desk: Desk):
    which = Asked(status=("proposed",), severity="clean")
    ids = [e.strategy.id for e in desk.library.page(which, limit=1000).entries]
    first, third = desk.library.entry(ids[0]), desk.library.entry(ids[2])
    other = desk.library.page(Asked(severity="blocking"), limit=1).entries[0]
    skipped = {e.strategy.id: e.changed_seq for e in (third, first, other)}
    line = Line(desk.library, which, skipped=skipped)
    wanted = [*(i for i in ids if i not in skipped), third.strategy.id, first.strategy.id]
    for start in range(0, len(ids) + 1, 3):
        part = line.part(start, 3)
        assert [e.strategy.id for e in part.entries] == wanted[start : start + 3]
        assert part.total == len(ids)
    assert [line.place(i) for i in wanted] == list(range(len(ids)))
    assert [line.after(i) for i in wanted] == [*wanted[1:], ""]
    assert line.place(other.strategy.id) is None
    desk.decisions.edit(
        "mara", first.strategy.id, _words(first), expect=first.changed_seq
    )  # what changed comes back to its place
    again = Line(desk.library, which, skipped=skipped)
    assert again.part(len(ids) - 1, 1).entries[0].strategy.id == third.strategy.id


def _words(entry):
    from preceptor.review.decisions import Words  # noqa: PLC0415

    s = entry.strategy
    return Words(when=s.when, do=f"{s.do} today", avoid=s.avoid, why=s.why)
