from __future__ import annotations

import pytest

from preceptor.review.desk import Desk
from preceptor.review.filters import Filter
from preceptor.review.ranking import worst


def test_a_filter_is_its_url():
    chosen = Filter.read({"q": "a&b=c", "severity": "blocking", "scope": "nonsense", "other": "x"})
    assert chosen.active() == (("q", "a&b=c"), ("severity", "blocking"))
    assert chosen.url("/queue", at="s-1") == "/queue?q=a%26b%3Dc&severity=blocking&at=s-1"
    assert chosen.without("q").url("/queue") == "/queue?severity=blocking"
    assert Filter().url("/queue") == "/queue"


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ({"severity": "blocking"}, lambda e: worst(e) == "blocking"),
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
    view = desk.shelf.view()
    found = Filter.read(query).chosen(view)
    assert {e.strategy.id for e in found} == {i for i, e in view.entries.items() if holds(e)}
    assert len(found) < len(view.entries)
