"""Adjustment for length."""

from __future__ import annotations

import math

import numpy as np
import pytest

from preceptor.core.errors import InputError
from preceptor.evaluate.statistics.length import LengthPair, adjust_for_length


def pairs(n: int, *, gain: float, per_doubling: float, longer: float, seed: int = 1) -> list[LengthPair]:
    rng = np.random.default_rng(seed)
    ratio = np.exp(rng.normal(math.log(longer), 0.4, n))
    noise = rng.normal(0, 0.1, n)
    return [
        LengthPair(
            unit=f"u{i}",
            cluster=f"c{i}",
            score=3 + gain + per_doubling * math.log2(ratio[i]) + noise[i],
            baseline_score=3,
            words=40 * ratio[i],
            baseline_words=40,
        )
        for i in range(n)
    ]


def test_a_gain_that_is_only_length_goes_away() -> None:
    found = adjust_for_length(pairs(60, gain=0, per_doubling=0.5, longer=2), seed=1)
    assert found.raw.low is not None
    assert found.raw.low > 0.3
    assert found.adjusted is not None
    assert found.adjusted.low is not None
    assert found.adjusted.high is not None
    assert found.adjusted.low < 0 < found.adjusted.high
    assert found.ratio == pytest.approx(2, rel=0.15)


def test_a_gain_beside_length_stays() -> None:
    found = adjust_for_length(pairs(60, gain=0.6, per_doubling=0.3, longer=1.2), seed=1)
    assert found.adjusted is not None
    assert found.adjusted.value == pytest.approx(0.6, abs=0.06)
    assert found.per_doubling is not None
    assert found.per_doubling.value == pytest.approx(0.3, abs=0.06)


def test_equal_lengths_need_no_adjustment_and_say_so() -> None:
    same = [
        LengthPair(unit=str(i), cluster=str(i), score=4, baseline_score=3 + i / 20, words=9, baseline_words=9)
        for i in range(9)
    ]
    found = adjust_for_length(same, seed=1)
    assert found.adjusted is None
    assert "hardly vary" in found.reason
    assert found.ratio == 1


@pytest.mark.parametrize("words", [0.0, -1.0, float("nan")])
def test_pairs_without_words_are_refused_by_unit(words: float) -> None:
    bad = LengthPair(unit="x", cluster="x", score=1, baseline_score=1, words=words, baseline_words=3)
    with pytest.raises(InputError, match="unit 'x'"):
        adjust_for_length([bad], seed=1)


def test_no_pairs() -> None:
    with pytest.raises(InputError, match="no pairs"):
        adjust_for_length([], seed=1)
