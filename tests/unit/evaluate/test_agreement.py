"""Weighted kappa and bias."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.core.errors import InputError
from preceptor.evaluate.statistics.agreement import Rated, agreement, weighted_kappa


def rows(judge: list[float], person: list[float]) -> list[Rated]:
    return [
        Rated(item=f"i{i}", cluster=f"c{i}", judge=j, person=p)
        for i, (j, p) in enumerate(zip(judge, person, strict=True))
    ]


def test_against_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    person = rng.integers(1, 6, 80)
    judge = np.clip(person + rng.integers(-1, 2, 80), 1, 5)
    theirs = metrics.cohen_kappa_score(judge, person, weights="quadratic")
    assert weighted_kappa(list(judge), list(person)) == pytest.approx(theirs)
    ours = agreement(rows([float(x) for x in judge], [float(x) for x in person]), seed=1)
    assert ours.kappa is not None
    assert ours.kappa.value == pytest.approx(theirs)
    assert ours.kappa.low is not None
    assert ours.kappa.low < theirs


def test_by_hand() -> None:
    # Squared distances: 3 pairs sum to 1; the 9 pairings (0+1+9) + (1+0+4) + (4+1+1) = 21.
    assert weighted_kappa([1, 2, 3], [1, 2, 4]) == pytest.approx(1 - (1 / 3) / (21 / 9))


def test_a_generous_judge_shows_in_the_bias_and_costs_kappa() -> None:
    person = [1.0, 2.0, 3.0, 4.0] * 5
    found = agreement(rows([p + 1 for p in person], person), seed=1)
    assert found.bias.value == pytest.approx(1)
    assert found.kappa is not None
    assert found.kappa.value < 0.8


def test_no_kappa_where_nothing_varies() -> None:
    found = agreement(rows([5.0] * 12, [5.0] * 12), seed=1)
    assert found.kappa is None
    assert "not defined" in found.reason
    assert weighted_kappa([5, 5], [5, 5]) is None


def test_bad_ratings_are_refused_by_item() -> None:
    with pytest.raises(InputError, match="item 'i1'"):
        agreement(rows([1.0, float("nan")], [1.0, 2.0]), seed=1)
    with pytest.raises(InputError, match="no ratings"):
        agreement([], seed=1)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=2, max_size=30))
def test_kappa_is_symmetric_and_at_most_one(pairs: list[tuple[int, int]]) -> None:
    judge, person = [a for a, _ in pairs], [b for _, b in pairs]
    one, two = weighted_kappa(judge, person), weighted_kappa(person, judge)
    assert one == pytest.approx(two)
    assert one is None or one <= 1
    if judge == person and len(set(judge)) > 1:
        assert one == 1
