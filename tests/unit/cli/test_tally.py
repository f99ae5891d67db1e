"""A run's events as numbers."""

from __future__ import annotations

import pytest

from preceptor.cli.tally import Tally, minutes, short
from preceptor.core.events import ItemDone, ItemFailed, PhaseStarted, RunEnded, RunStarted, Spent


def spent(usd: float | None = 0.5, *, replayed: bool = False) -> Spent:
    return Spent(
        seat="student",
        phase="teach",
        input_tokens=100,
        output_tokens=10,
        usd=usd,
        replayed=replayed,
        estimated=False,
    )


def test_items_failures_and_calls_add_up():
    tally = Tally(stages=4)
    tally.add(RunStarted(run="learn-001", job="learn", resumed=False))
    tally.add(PhaseStarted(name="teach", stage=1, total=4))
    tally.add(ItemDone(kind="attempt", id="a"))
    tally.add(ItemDone(kind="lesson", id="b", detail="taught"))
    tally.add(ItemFailed(kind="lesson", id="c", failure="refusal", reason="it would not"))
    for event in (spent(), spent(0.25), spent(9.0, replayed=True)):
        tally.add(event)
    tally.add(RunEnded(run="learn-001", status="done"))
    assert (tally.run, tally.done, tally.total, tally.status) == ("learn-001", 2, 4, "done")
    assert dict(tally.items) == {"attempt": 1, "lesson": 1}
    assert dict(tally.outcomes) == {"taught": 1}
    assert (tally.failures, tally.last_failure) == (1, "refusal: it would not")
    assert (tally.calls, tally.replayed, tally.input_tokens, tally.output_tokens) == (2, 1, 200, 20)
    assert tally.money() == "$0.75"


def test_a_new_phase_begins_at_nothing():
    tally = Tally()
    tally.add(PhaseStarted(name="generate", stage=0, total=1))
    tally.add(ItemDone(kind="dialogue", id="a"))
    tally.add(PhaseStarted(name="probe", stage=0, total=3))
    assert (tally.done, tally.label) == (0, "comparing replies")


def test_a_phase_counts_the_items_of_its_own_kind():
    tally = Tally(stages=1)
    tally.add(PhaseStarted(name="probe", stage=0, total=3, kind="scenario"))
    tally.add(ItemDone(kind="scenario", id="a"))
    tally.add(ItemDone(kind="lesson", id="a", detail="already_good"))
    assert (tally.done, tally.items["lesson"], tally.outcomes["already_good"]) == (1, 1, 1)
    tally.add(ItemFailed(kind="scenario", id="b", failure="timeout", reason=""))
    assert tally.done == 2


def test_more_items_than_announced_do_not_pass_the_end():
    tally = Tally()
    tally.add(PhaseStarted(name="consolidate", stage=0, total=1))
    for n in range(3):
        tally.add(ItemDone(kind="strategy", id=str(n)))
    assert (tally.done, tally.fraction()) == (1, 1.0)


@pytest.mark.parametrize("stages", [0, 4])
def test_the_share_that_is_behind_only_grows(stages: int):
    tally = Tally(stages=stages)
    seen: list[float] = []
    if stages:
        tally.add(PhaseStarted(name="primer", stage=0, total=2))
        tally.add(ItemDone(kind="strategy", id="primer"))
        seen.append(tally.fraction())
    for stage in range(stages or 1):
        for name in ("generate", "probe", "teach", "consolidate", "screen") if stages else ("evaluate",):
            tally.add(PhaseStarted(name=name, stage=stage, total=2))
            seen.append(round(tally.fraction(), 9))
            for n in range(2):
                tally.add(ItemDone(kind="lesson", id=str(n)))
                seen.append(round(tally.fraction(), 9))
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)


def test_the_time_left_is_told_once_something_is_known():
    tally = Tally()
    assert tally.left(100) is None
    tally.add(PhaseStarted(name="evaluate", stage=0, total=4))
    tally.add(ItemDone(kind="dialogue", id="a"))
    assert tally.left(1) is None
    assert tally.left(10) == pytest.approx(30)


def test_an_unknown_price_is_said():
    tally = Tally()
    assert tally.money() == "$0.00"
    tally.add(spent(None))
    assert tally.money() == "price unknown"
    tally.add(spent(0.5))
    assert tally.money() == "$0.50 + unpriced"


def test_small_sums_keep_their_digits():
    tally = Tally()
    tally.add(spent(0.0042))
    assert tally.money() == "$0.0042"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (99_949, "99.9k"), (123_456, "123k"), (4_100_000, "4.1M")],
)
def test_short_numbers(number: int, text: str):
    assert short(number) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (754, "12:34"), (3723, "1:02:03")])
def test_minutes(seconds: float, text: str):
    assert minutes(seconds) == text
