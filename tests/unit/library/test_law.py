"""Who has to approve, and until when that holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.library.made import NOON, apply, library, place, propose, ticking

from preceptor.core.errors import LibraryError
from preceptor.library.changes import Approve, Edit, Merge, Reject, Reopen, SetLaw
from preceptor.library.entry import Entry
from preceptor.library.law import Law, check_moment, moment
from preceptor.library.paging import Filter
from preceptor.library.store import Library

pytestmark = pytest.mark.usefixtures("both")

ONE = "strategy-0001"
DAY = timedelta(days=1)
YES = Approve(strategy_id=ONE)
TWO = SetLaw(law=Law(people=2))


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Library]:
    with library(tmp_path, propose(1), propose(2)) as opened:
        yield opened
        assert opened.verify().ok


def reopened(tmp_path: Path, days: float) -> Library:
    return Library.open(place(tmp_path), clock=ticking(NOON + days * DAY))


def test_a_run_approves_nothing_and_sets_no_law(made: Library) -> None:
    for change in (YES, TWO):
        with pytest.raises(LibraryError, match="that is for a person"):
            apply(made, change, author="run:learn-001")
    assert made.entry(ONE).status == "proposed"


def test_two_people_are_two(made: Library) -> None:
    apply(made, TWO)
    apply(made, YES, author="ann")
    half = made.entry(ONE)
    assert (half.status, half.half_approved, [a.by for a in half.approvals]) == ("proposed", True, ["ann"])
    assert made.page(Filter(half_approved=True)).entries == (half,)
    assert made.page(Filter(status=("proposed",), not_approved_by="ann")).total == 1
    assert made.page(Filter(status=("proposed",), not_approved_by="bob")).total == 2
    for again in ("ann", "Ann", "A nn"):
        with pytest.raises(LibraryError, match="waits for a second person"):
            apply(made, YES, author=again)
    apply(made, YES, author="bob")
    whole = made.entry(ONE)
    assert (whole.status, whole.half_approved, [a.by for a in whole.approvals]) == (
        "approved",
        False,
        ["ann", "bob"],
    )
    assert whole.approved_at == whole.approvals[1].at


def test_half_an_approval_is_lost_with_other_words_a_rejection_and_a_change_of_mind(made: Library) -> None:
    apply(made, TWO)
    for after in (Edit(strategy_id=ONE, do="wait"), Reopen(strategy_id=ONE)):
        apply(made, YES, author="ann")
        apply(made, after, author="ann")
        assert not made.entry(ONE).half_approved
    apply(made, YES, author="ann")
    apply(made, Reject(strategy_id=ONE), author="bob")
    assert made.entry(ONE).approvals == ()
    apply(made, Reopen(strategy_id=ONE), author="bob")
    apply(made, YES, author="bob")
    assert made.entry(ONE).status == "proposed"


def test_an_approved_strategy_with_other_words_waits_for_two_again(made: Library) -> None:
    apply(made, TWO)
    for name in ("ann", "bob"):
        apply(made, YES, author=name)
    for change in (Edit(strategy_id=ONE, why="other"), Merge(into=propose(1, do="x").strategy, of=(), reason="")):
        apply(made, change, author="ann")
        edited = made.entry(ONE)
        assert (edited.status, edited.approvals) == ("proposed", ())


def test_an_earlier_law_binds_later_approvals_only(made: Library) -> None:
    apply(made, YES)
    apply(made, TWO)
    assert made.entry(ONE).status == "approved"
    apply(made, Approve(strategy_id="strategy-0002"))
    assert made.entry("strategy-0002").status == "proposed"


def test_where_two_approve_two_loosen_the_law(made: Library) -> None:
    apply(made, SetLaw(law=Law(people=2, valid_days=30)))
    looser = SetLaw(law=Law(people=1, valid_days=30))
    apply(made, looser, author="ann")
    asked = made.law_asked()
    assert made.law() == Law(people=2, valid_days=30)
    assert asked is not None
    assert (asked.law, asked.by) == (looser.law, "ann")
    with pytest.raises(LibraryError, match="waits for a second person"):
        apply(made, looser, author="ANN")
    apply(made, SetLaw(law=Law(people=2)), author="bob")  # another wish, not the same
    assert made.law() == Law(people=2, valid_days=30)
    apply(made, looser, author="ann")
    apply(made, looser, author="bob")
    assert (made.law(), made.law_asked()) == (looser.law, None)


def test_a_stricter_law_needs_one_and_the_same_law_takes_a_wish_back(made: Library) -> None:
    apply(made, TWO)
    apply(made, SetLaw(law=Law()), author="ann")
    assert apply(made, TWO, author="bob")
    assert (made.law(), made.law_asked()) == (Law(people=2), None)
    assert apply(made, TWO, author="bob") == ()
    apply(made, SetLaw(law=Law(people=2, valid_days=9)))
    assert made.law().valid_days == 9


@pytest.mark.parametrize("law", [Law(people=0), Law(people=3), Law(valid_days=-1), Law(valid_days=10**7)])
def test_laws_that_make_no_sense(made: Library, law: Law) -> None:
    with pytest.raises(LibraryError, match="cannot be asked for"):
        apply(made, SetLaw(law=law))


def test_an_approval_ends_when_the_law_says(made: Library, tmp_path: Path) -> None:
    apply(made, YES)
    for days, expired in ((1, False), (29, False), (31, True)):
        with reopened(tmp_path, days) as later:
            if days == 1:
                apply(later, SetLaw(law=Law(valid_days=30)))  # holds for what was approved before as well
            entry = later.entry(ONE)
            page = later.page(Filter(expired=True))
            assert [e.strategy.id for e in page.entries] == [ONE] * expired
            assert later.counts().expired == int(expired)
            assert entry.expired(later.law(), later.terms().now) is expired
            assert entry.status == "approved"
            assert later.page(Filter(expired=False)).total == 2 - expired


def test_an_approval_ends_when_the_person_said_or_the_law_whatever_comes_first(
    made: Library, tmp_path: Path
) -> None:
    end = moment(NOON + 5 * DAY)
    apply(made, Approve(strategy_id=ONE, until=end))
    assert made.entry(ONE).ends_at(Law()) == end
    assert made.entry(ONE).ends_at(Law(valid_days=2)) < end
    assert made.entry(ONE).ends_at(Law(valid_days=9)) == end
    with reopened(tmp_path, 5.1) as later:
        assert later.page(Filter(expired=True)).total == 1


def test_of_two_ends_the_earlier_counts(made: Library) -> None:
    apply(made, TWO)
    ends = [moment(NOON + days * DAY) for days in (9, 5)]
    for name, end in zip(("ann", "bob"), ends, strict=True):
        apply(made, Approve(strategy_id=ONE, until=end), author=name)
    assert made.entry(ONE).until == ends[1]


def test_what_has_expired_is_approved_anew(made: Library, tmp_path: Path) -> None:
    apply(made, SetLaw(law=Law(people=2, valid_days=3)))
    for name in ("ann", "bob"):
        apply(made, YES, author=name)
    assert apply(made, YES, author="cleo") == ()
    with reopened(tmp_path, 4) as later:
        apply(later, YES, author="bob")
        assert later.entry(ONE).half_approved
        apply(later, YES, author="ann")
        entry = later.entry(ONE)
        assert (entry.status, entry.version) == ("approved", 1)
        assert not entry.expired(later.law(), later.terms().now)


def test_ends_in_the_past_and_ends_that_are_no_time(made: Library) -> None:
    with pytest.raises(LibraryError, match="would end before it begins"):
        apply(made, Approve(strategy_id=ONE, until=moment(NOON)))
    for text in (
        "tomorrow",
        "2027-01-01",
        "2027-01-01T00:00:00+00:00",
        "2027-01-01T02:00:00.000000+02:00",
        "\x1b[2J",
    ):
        with pytest.raises(LibraryError, match="is no time in UTC"):
            apply(made, Approve(strategy_id=ONE, until=text))
        with pytest.raises(LibraryError):
            check_moment(text)
    check_moment("2027-01-01T00:00:00.000000+00:00")


def test_the_law_of_any_time(made: Library) -> None:
    apply(made, YES)
    apply(made, TWO)
    before, after = made.as_of(made.head() - 1), made.as_of(made.head())
    assert (before.law.people, after.law.people) == (1, 2)
    assert made.as_of(2).entries[ONE].status == "proposed"


def test_filters_fit_as_sql_tells_also_for_ends(made: Library, tmp_path: Path) -> None:
    apply(made, YES)
    apply(made, SetLaw(law=Law(people=2, valid_days=2)))
    apply(made, Approve(strategy_id="strategy-0002"), author="ann")
    filters = [Filter(expired=value) for value in (True, False)]
    filters += [Filter(half_approved=value) for value in (True, False)]
    filters += [Filter(not_approved_by=name) for name in ("ann", "bob")]
    for days in (1, 3):
        with reopened(tmp_path, days) as later:
            entries: tuple[Entry, ...] = later.entries()
            for which in filters:
                page = later.page(which, order="oldest")
                assert page.entries == tuple(e for e in entries if which.fits(e, page.terms)), which
