"""Several people at once, each with a connection of their own: no decision is lost, and none is taken blindly."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.library.made import apply, library, place, propose, ticking

from preceptor.core.errors import LibraryError
from preceptor.core.records import Domain
from preceptor.library.changes import Approve, Change, Edit, Reject, SetLaw
from preceptor.library.decide import Decider
from preceptor.library.law import Law
from preceptor.library.publishing import Recipe, Releases
from preceptor.library.store import Library

pytestmark = pytest.mark.usefixtures("both")
ONE = "strategy-0001"
RECIPE = Recipe(coach={"strategies": 4}, template="{{ strategies }}")
DOMAIN = Domain(name="x", brief="", policy="", issues=(), profiles=())


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Starts all together; what each was told: empty for done."""
    told = [""] * len(acts)
    barrier = threading.Barrier(len(acts))

    def run(number: int) -> None:
        barrier.wait()
        try:
            acts[number]()
        except LibraryError as error:
            told[number] = str(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def decide(path: Path, author: str, change: Change, seen: int) -> Callable[[], object]:
    def act() -> None:
        with Library.open(place(path), clock=ticking()) as own:
            own.apply([change], author=author, reason="x", expect={ONE: seen})

    return act


@pytest.mark.parametrize("round", range(3))
def test_of_two_conflicting_decisions_one_is_taken_and_the_other_told(tmp_path: Path, round: int) -> None:
    with library(tmp_path, propose(1)) as made:
        seen = made.entry(ONE).changed_seq
        told = at_once(
            decide(tmp_path, "ann", Approve(strategy_id=ONE), seen),
            decide(tmp_path, "bob", Reject(strategy_id=ONE), seen),
        )
        entry = made.entry(ONE)
        first = ["ann", "bob"].index(entry.changed_by)
        assert told[first] == ""
        assert f"was changed by {entry.changed_by}" in told[1 - first]
        assert entry.status == ("approved", "rejected")[first]
        assert len(made.history(ONE)) == 2
        assert made.verify().ok


def test_two_that_approve_at_once_under_the_rule_of_two(tmp_path: Path) -> None:
    def approve(name: str) -> Callable[[], object]:
        def act() -> None:
            with Library.open(place(tmp_path), clock=ticking()) as own:
                own.apply([Approve(strategy_id=ONE)], author=name, reason="x")

        return act

    with library(tmp_path, propose(1), SetLaw(law=Law(people=2))) as made:
        told = at_once(approve("ann"), approve("ann"))
        assert sorted(bool(t) for t in told) == [False, True]
        assert made.entry(ONE).status == "proposed"
        assert at_once(approve("bob"), approve("bob"), approve("cleo")).count("") >= 1
        assert made.entry(ONE).status == "approved"
        assert len({a.by for a in made.entry(ONE).approvals}) == 2
        assert made.verify().ok


def test_a_decision_on_words_that_changed_meanwhile_is_not_taken(tmp_path: Path) -> None:
    with library(tmp_path, propose(1)) as made, Library.open(place(tmp_path), clock=ticking()) as other:
        decider = Decider(made, DOMAIN, author="ann")
        real = decider.findings

        def slow(*given: object) -> tuple[()]:
            apply(other, Edit(strategy_id=ONE, do="something else"), author="bob")
            return ()

        decider.findings = slow  # type: ignore[method-assign, assignment]
        with pytest.raises(LibraryError, match="was changed by bob"):
            decider.approve(ONE)
        decider.findings = real  # type: ignore[method-assign]
        assert decider.approve(ONE).version == 2


def test_publishing_and_rejecting_at_once_never_publishes_what_was_rejected_first(tmp_path: Path) -> None:
    with library(tmp_path, propose(1), propose(2)) as made:
        apply(made, Approve(strategy_id=ONE), Approve(strategy_id="strategy-0002"))
        with Releases.open(place(tmp_path), tmp_path / "releases", clock=ticking()) as releases:
            ready = releases.create(RECIPE, author="ann", reason="x").release

            def publish() -> None:
                with Releases.open(place(tmp_path), tmp_path / "releases", clock=ticking()) as own:
                    own.publish(ready.id, author="ann", reason="x")

            def reject() -> None:
                with Library.open(place(tmp_path), clock=ticking()) as own:
                    own.apply([Reject(strategy_id=ONE)], author="bob", reason="x")

            published, rejected = at_once(publish, reject)
            assert rejected == ""
            assert published == "" or "no longer approved" in published
            assert (releases.current() is not None) is (published == "")
            with pytest.raises(LibraryError, match="no longer approved"):
                releases.publish(ready.id, author="ann", reason="x")
            assert made.verify().ok


def test_many_that_open_a_new_library_at_once_make_one(tmp_path: Path) -> None:
    def open_new() -> None:
        with Library.open(place(tmp_path), clock=ticking(), create=True) as own:
            own.apply([propose(1)], author="ann", reason="x")

    assert at_once(*[open_new] * 4) == [""] * 4
    with Library.open(place(tmp_path), clock=ticking()) as made:
        assert made.verify().ok
        assert made.head() == 1
