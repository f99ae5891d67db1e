"""Win rates and Bradley-Terry scores."""

from __future__ import annotations

import math

import numpy as np
import pytest

from preceptor.core.errors import InputError
from preceptor.evaluate.statistics.preference import Preference, Winner, bradley_terry, preferred, win_rate


def games(first: str, second: str, *, wins: int = 0, losses: int = 0, ties: int = 0) -> list[Preference]:
    outcomes: list[Winner] = ["first"] * wins + ["second"] * losses + ["tie"] * ties
    return [Preference(first=first, second=second, winner=w, cluster=f"c{i}") for i, w in enumerate(outcomes)]


def test_win_rate_counts_ties_as_halves_from_both_sides() -> None:
    played = games("a", "b", wins=6, losses=2, ties=4)
    assert win_rate(played, "a", "b", seed=1).value == pytest.approx(8 / 12)
    assert win_rate(played, "b", "a", seed=1).value == pytest.approx(4 / 12)
    with pytest.raises(InputError, match="never compared"):
        win_rate(played, "a", "c", seed=1)


def test_two_arms_have_the_log_odds_of_the_win_rate() -> None:
    found = bradley_terry(games("a", "b", wins=600, losses=200), anchor="b", seed=1, resamples=20)
    assert [s.arm for s in found] == ["a", "b"]
    assert found[0].score == pytest.approx(math.log(3), abs=0.005)
    assert found[1].score == 0
    assert preferred(found[0].score, 0) == pytest.approx(0.75, abs=0.001)


def test_known_strengths_come_back() -> None:
    rng = np.random.default_rng(3)
    truth = {"a": 0.0, "b": 0.7, "c": 1.5}
    played = [
        Preference(
            first=x,
            second=y,
            winner="first" if rng.random() < preferred(truth[x], truth[y]) else "second",
            cluster=f"c{i}",
        )
        for i in range(500)
        for x, y in (("a", "b"), ("b", "c"), ("c", "a"))
    ]
    for s in bradley_terry(played, anchor="a", seed=1, resamples=100):
        assert s.score == pytest.approx(truth[s.arm], abs=0.3)
        assert s.low is not None
        assert s.high is not None
        assert s.low <= s.score <= s.high


def test_an_arm_that_never_loses_has_a_finite_score() -> None:
    found = bradley_terry(games("a", "b", wins=10), anchor="b", seed=1, resamples=50)
    assert 1 < found[0].score < 6
    assert all(math.isfinite(x) for s in found for x in (s.score, s.low or 0, s.high or 0))


def test_only_ties_are_equal_strengths() -> None:
    assert {s.score for s in bradley_terry(games("a", "b", ties=5), anchor="a", seed=1)} == {0.0}


def test_one_cluster_has_no_interval() -> None:
    (only,) = games("a", "b", wins=1)
    assert {(s.low, s.high) for s in bradley_terry([only], anchor="a", seed=1)} == {(None, None)}


def test_what_cannot_be_compared() -> None:
    with pytest.raises(InputError, match="anchor 'z' was never compared"):
        bradley_terry(games("a", "b", wins=1), anchor="z", seed=1)
    with pytest.raises(InputError, match="compared with itself"):
        bradley_terry(games("a", "a", wins=1), anchor="a", seed=1)
