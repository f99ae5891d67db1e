"""Lists: every filter and order against the same done by hand over all entries."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.library.lists import FILTERS, full
from tests.unit.library.made import apply, evidence, finding, library, propose

from preceptor.core.errors import LibraryError
from preceptor.library.changes import Approve, SetLaw
from preceptor.library.entry import Entry
from preceptor.library.law import Law
from preceptor.library.paging import Filter

pytestmark = pytest.mark.usefixtures("both")


def by_hand(entries: tuple[Entry, ...], order: str) -> list[Entry]:
    if order == "review":
        return sorted(entries, key=lambda e: (-e.priority, e.first_seq))
    if order == "ends":
        return sorted(entries, key=lambda e: (e.status != "approved", e.until or "~", e.first_seq))
    return list(entries) if order == "oldest" else list(reversed(entries))


@pytest.mark.parametrize("order", ["review", "oldest", "newest", "ends"])
def test_pages_and_positions_are_those_of_all_entries(tmp_path: Path, order: Any) -> None:
    with library(tmp_path) as made:
        full(made)
        for which, fits in FILTERS:
            wanted = [e for e in by_hand(made.entries(), order) if fits(e)]
            got: list[Entry] = []
            while True:
                page = made.page(which, order=order, offset=len(got), limit=5)
                assert (page.total, page.offset) == (len(wanted), len(got))
                got += page.entries
                if not page.more:
                    break
            assert got == wanted, which
            for place, entry in enumerate(wanted):
                assert made.position(entry.strategy.id, which, order=order) == place
        assert made.position("strategy-0404", order=order) is None
        assert made.position("strategy-0007", Filter(status=("proposed",)), order=order) is None


def test_worst_findings_come_first_then_harm_then_strong_evidence(tmp_path: Path) -> None:
    with library(tmp_path) as made:
        apply(made, propose(1), propose(2), propose(3, findings=(finding("warning"),)), propose(4))
        apply(made, propose(5, findings=(finding(),)), evidence(2), evidence(4, "harmful"))
        ids = [e.strategy.id[-1] for e in made.page().entries]
        assert ids == ["5", "4", "3", "2", "1"]


def test_a_decision_moves_a_strategy_between_lists(tmp_path: Path) -> None:
    with library(tmp_path, propose(1), propose(2)) as made:
        waiting = Filter(status=("proposed",))
        first = made.page(waiting, limit=1).entries[0]
        apply(made, Approve(strategy_id=first.strategy.id), author="ann", reason="fits")
        after = made.page(waiting, limit=1)
        assert [e.strategy.id for e in after.entries] == ["strategy-0002"]
        assert (after.total, after.more) == (1, False)
        assert made.page(replace(waiting, without=("strategy-0002",))).entries == ()


def test_what_a_release_asks_needs_no_documents(tmp_path: Path) -> None:
    with library(tmp_path) as made:
        full(made)
        terms = made.terms()
        approved = made.entries(status="approved")
        found = made.approved()
        now = [(e.strategy.id, e.version) for e in approved if e.usable and not terms.expired(e)]
        assert list(found.versions.items()) == now
        assert found.left_out == tuple(e.strategy.id for e in approved if not e.usable)
        assert found.expired == tuple(e.strategy.id for e in approved if e.usable and terms.expired(e))


def test_named_are_exactly_those_in_their_order(tmp_path: Path) -> None:
    with library(tmp_path, propose(1), propose(2), propose(3)) as made:
        asked = ("strategy-0003", "strategy-000", "nothing", "strategy-0001", "strategy-0003", "")
        assert list(made.named(asked)) == ["strategy-0003", "strategy-0001"]


def test_totals_hold_with_what_was_skipped_and_what_waits_for_another(tmp_path: Path) -> None:
    """Both leave out, each strategy once; a list tells its length as if all of it was read."""
    with library(tmp_path) as made:
        full(made)
        apply(made, SetLaw(law=Law(people=2)))
        made.apply([Approve(strategy_id=f"strategy-{n:04}") for n in (1, 6, 9)], author="mara", reason="")
        skipped = ("strategy-0002", "strategy-0006", "strategy-0007", "strategy-9999")
        for status, severity in itertools.product(((), ("proposed",), ("rejected",)), ("", "clean", "warning")):
            asked = Filter(status=status, severity=severity, without=skipped, not_approved_by="mara")  # type: ignore[arg-type]
            page = made.page(asked, limit=100)
            assert page.total == len(page.entries)
            assert page.entries == tuple(e for e in page.entries if asked.fits(e, page.terms))
            assert page.total == sum(asked.fits(e, page.terms) for e in made.entries())
        assert made.waiting("mara") == made.waiting() - 3


def test_an_unknown_order_is_refused(tmp_path: Path) -> None:
    with library(tmp_path) as made, pytest.raises(LibraryError, match="no order 'random'"):
        made.page(order="random")  # type: ignore[arg-type]


def test_the_order_of_ends_knows_the_law(tmp_path: Path) -> None:
    with library(tmp_path) as made:
        full(made)
        for days in (0, 10, 30_000):
            if days:
                apply(made, SetLaw(law=Law(valid_days=days)), author="ann", reason="x")
            law = made.law()
            wanted = sorted(
                made.entries(), key=lambda e: (e.status != "approved", e.ends_at(law) or "~", e.first_seq)
            )
            got = made.page(order="ends").entries
            assert [e.strategy.id for e in got] == [e.strategy.id for e in wanted]
            if days == 10:
                apply(made, SetLaw(law=Law()), author="ann", reason="x")


@pytest.mark.parametrize("order", ["review", "oldest", "newest", "ends"])
def test_what_follows_and_what_stands_around_is_what_the_list_says(tmp_path: Path, order: Any) -> None:
    with library(tmp_path) as made:
        full(made)
        for which in (Filter(), Filter(status=("proposed",), severity="clean")):
            ids = [e.strategy.id for e in made.page(which, order=order).entries]
            for place, strategy_id in enumerate(ids):
                assert made.following(strategy_id, which, order=order) == "".join(ids[place + 1 : place + 2])
                found, page = made.around(strategy_id, which, order=order, before=2, limit=4)
                start = max(0, place - 2)
                assert (found, page.offset, page.total) == (place, start, len(ids))
                assert [e.strategy.id for e in page.entries] == ids[start : start + 4]
        assert made.following("strategy-0404", order=order) is None
        assert made.around("strategy-0404", order=order, limit=1)[0] is None


def test_what_one_person_approved_of_two_is_left_out_for_them_alone(tmp_path: Path) -> None:
    with library(tmp_path, propose(1), propose(2)) as made:
        apply(made, SetLaw(law=Law(people=2)), author="ann", reason="x")
        apply(made, Approve(strategy_id="strategy-0001"), author="ann", reason="fits")
        terms = made.terms()
        for name, wanted in (("ann", ["strategy-0002"]), ("bob", ["strategy-0001", "strategy-0002"])):
            which = Filter(status=("proposed",), not_approved_by=name)
            assert sorted(e.strategy.id for e in made.page(which).entries) == wanted
            assert sorted(e.strategy.id for e in made.entries() if which.fits(e, terms)) == wanted
            assert made.waiting(name) == len(wanted)
        apply(made, Approve(strategy_id="strategy-0001"), author="bob", reason="fits")
        assert made.page(Filter(not_approved_by="ann")).total == 2
        assert (made.waiting("ann"), made.waiting()) == (1, 1)
