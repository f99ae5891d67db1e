"""The numbers beside a list, against the same counted by hand over all entries."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.unit.library.lists import FILTERS, full
from tests.unit.library.made import apply, library, propose

from preceptor.library.changes import Approve, SetLaw
from preceptor.library.counts import Counts
from preceptor.library.law import Law
from preceptor.library.paging import Filter

pytestmark = pytest.mark.usefixtures("both")


def test_counts_are_those_of_all_entries(tmp_path: Path) -> None:
    with library(tmp_path) as made:
        full(made)
        entries = made.entries()
        for which, fits in FILTERS:
            wanted = [e for e in entries if fits(e)]
            counts = made.counts(which)
            counts = made.counts(which)
            assert counts.total == len(wanted), which
            assert counts.status == Counter(e.status for e in wanted)
            assert counts.severity == Counter(e.severity or "clean" for e in wanted)
            assert counts.verdict == Counter(e.verdict for e in wanted)
            assert counts.scope == Counter(e.strategy.scope for e in wanted)
            assert counts.tainted == sum(e.tainted for e in wanted)
            assert counts.flagged == sum(bool(e.flags) for e in wanted)
            assert counts.check == Counter(c for e in wanted for c in {f.check for f in e.findings})
            assert counts.run == Counter(r for e in wanted for r in {p.run for p in e.provenance})
            assert counts.expired == counts.half_approved == 0


def test_of_nothing_every_number_is_nought(tmp_path: Path) -> None:
    none = Counts(total=0, status={}, severity={}, scope={}, verdict={}, tainted=0, flagged=0, expired=0,
                  half_approved=0, check={}, run={})  # fmt: skip
    with library(tmp_path) as made:
        assert made.counts() == none
        apply(made, propose(1))
        assert made.counts(Filter(status=("rejected",))) == none


def test_what_has_ended_and_what_waits_for_a_second_person(tmp_path: Path) -> None:
    with library(tmp_path, propose(1), propose(2), propose(3)) as made:
        apply(made, Approve(strategy_id="strategy-0001", until="2026-03-01T12:00:03.000000+00:00"))
        apply(made, SetLaw(law=Law(people=2)))
        apply(made, Approve(strategy_id="strategy-0002"), author="ben")
        found = made.counts()
        assert (found.expired, found.half_approved, found.total) == (1, 1, 3)
        assert made.counts(Filter(half_approved=True)).total == 1
        assert made.counts(Filter(expired=True)).status == {"approved": 1}
