"""Likeness: the index finds what comparing everything by hand finds, and follows the log."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from tests.unit.library.made import apply, library, propose

from preceptor.core.records import Domain, Finding, Strategy
from preceptor.library.changes import Approve, Edit, Propose, Provenance, Retire
from preceptor.library.near import Near
from preceptor.library.screener import Screener
from preceptor.library.screening import ALIKE, screen
from preceptor.library.screening_alike import Forms, opponents, twins

pytestmark = pytest.mark.usefixtures("both")

DOMAIN = Domain(name="Air", brief="b", policy="p", issues=(), profiles=())
WORDS = ("refund", "bag", "delay", "seat", "credit", "claim", "never", "voucher", "offer", "date", "form", "fee")


def made_up(n: int) -> Strategy:
    random = Random(n)
    pick = lambda k: " ".join(random.choices(WORDS, k=k))  # noqa: E731
    return Strategy(id=f"strategy-x{n:03}", when=pick(3), do=pick(3), avoid=pick(2) if n % 2 else "", why="w")


def told(near: Near, strategy: Strategy) -> tuple[list[str], list[tuple[str, str]]]:
    found = near.against(strategy)
    return list(found.same), list(found.opposed)


def test_the_index_finds_what_comparing_everything_finds(tmp_path: Path) -> None:
    every = [made_up(n) for n in range(240)]
    with library(tmp_path) as made:
        apply(made, *(Propose(strategy=s, provenance=Provenance(run="learn-001")) for s in every))
        apply(made, *(Approve(strategy_id=s.id) for s in every[::2]), author="ann", reason="fits")
        approved = [e.strategy for e in made.entries(status="approved")]
        once, kept = Near(made, status="approved"), Near(made)
        some = 0
        for strategy in every:
            same = [o.id for o in twins(strategy, approved)][:3]
            opposed = [(o.id, side) for o, side in opponents(strategy, approved)][:3]
            assert told(once, strategy) == told(kept, strategy) == (same, opposed)
            some += bool(same) + bool(opposed)
        assert some > 100


def test_it_follows_decisions_and_edits(tmp_path: Path) -> None:
    one, two = "strategy-0001", "strategy-0002"
    with library(tmp_path, propose(1), propose(2), propose(3)) as made:
        near = Near(made)
        apply(made, Edit(strategy_id=two, when=made.entry(one).strategy.when, do=made.entry(one).strategy.do))
        subject = made.entry(one).strategy
        assert near.against(subject).ids == ()
        assert near.like(subject)[0].id == two
        apply(made, Approve(strategy_id=two), author="ann", reason="fits")
        assert near.against(subject).same == (two,)
        assert near.against(subject, without=(two,)).ids == ()
        apply(made, Edit(strategy_id=two, do="feed the zebra", when="quite another matter"))
        assert near.against(subject).ids == ()
        assert two not in {a.id for a in near.like(subject, least=0.1)}
        apply(made, Retire(strategy_id=two))
        scores = [a.score for a in near.like(subject, least=0.0)]
        assert scores == sorted(scores, reverse=True)


def test_forms_are_stored_as_they_are() -> None:
    for text in ("", "do not hand it over", "gib's zurück, Ärger!", "a|b !c", "\ud800 x"):
        forms = Forms.of(Strategy(id="s", when=text, do=f"{text} now", avoid=text))
        assert Forms.unpacked(forms.packed()) == forms
    assert Forms.unpacked("") == Forms.unpacked("||")  # what was altered is told by verify, and breaks nothing here


def test_screening_anew_keeps_the_teachers_view_and_names_what_is_approved(tmp_path: Path) -> None:
    with library(tmp_path, propose(1), propose(2)) as made:
        strategy = made.entry("strategy-0001").strategy
        apply(made, Edit(strategy_id="strategy-0002", when=strategy.when, do=strategy.do))
        apply(made, Approve(strategy_id="strategy-0002"), author="ann", reason="fits")
        approved = [e.strategy for e in made.entries(status="approved")]
        known = tuple(
            Finding(check=c, severity="warning", field="do", quote="", reason="r")
            for c in ("teacher:policy", "number", "duplicate")
        )
        found = Screener(made, DOMAIN, Near(made)).look(strategy, known)
        by_hand = screen(strategy, turns=made.scenarios()[0].turns if made.scenarios() else (), domain=DOMAIN,
                         others=approved)  # fmt: skip
        assert found.findings == (*by_hand, known[0])
        assert [(f.check, s.id) for f, s in found.against] == [("duplicate", "strategy-0002")]
        assert not found.blocked
        without = Screener(made, None, Near(made)).look(strategy, known)
        assert [f.check for f in without.findings] == ["teacher:policy", "number", "duplicate"]
        assert {f.check for f, _ in without.against} <= ALIKE
