"""Sign-flip test and corrections for many comparisons."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preceptor.evaluate.statistics.intervals import MANY_CLUSTERS
from preceptor.evaluate.statistics.permutation import benjamini_hochberg, holm, sign_flip


def test_all_on_one_side_is_the_smallest_exact_p() -> None:
    test = sign_flip(np.ones(10), seed=1)
    assert test.exact
    assert test.p == pytest.approx(2 / 2**10)


def test_exact_p_against_enumeration_by_hand() -> None:
    # |±1±2±3| >= 4: patterns with sum 6, 4, -4, -6, so 4 of 8.
    assert sign_flip(np.array([-1.0, 2.0, 3.0]), seed=1).p == pytest.approx(4 / 8)


def test_very_many_clusters_change_sign_in_groups() -> None:
    rng = np.random.default_rng(5)
    noise = rng.normal(size=2 * MANY_CLUSTERS + 3)
    assert 0.01 < sign_flip(noise - noise.mean() + 0.002, seed=1).p <= 1
    clear = sign_flip(noise - noise.mean() + 0.05, seed=1)
    assert (clear.exact, clear.patterns) == (False, 2000)
    assert clear.p == pytest.approx(1 / 2001)


def test_exact_p_against_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    data = np.random.default_rng(4).normal(0.4, 1, size=12)
    theirs = stats.permutation_test(
        (data,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided", vectorized=False
    )
    assert sign_flip(data, seed=1).p == pytest.approx(theirs.pvalue)


def test_monte_carlo_is_near_the_exact_p() -> None:
    data = np.random.default_rng(6).normal(0.5, 1, size=16)
    exact = sign_flip(data, seed=1)
    # Pairs of tiny further values force the Monte Carlo way and change next to nothing.
    sampled = sign_flip(np.concatenate([data, [1e-7, -1e-7]]), seed=1)
    assert (exact.exact, sampled.exact) == (True, False)
    assert sampled.p == pytest.approx(exact.p, abs=0.01)


def test_monte_carlo_p_is_never_zero() -> None:
    test = sign_flip(np.ones(60), seed=1, flips=999)
    assert test.p == pytest.approx(1 / 1000)


def test_no_difference_anywhere_is_p_one() -> None:
    assert sign_flip(np.zeros(9), seed=1).p == 1.0
    assert sign_flip(np.array([]), seed=1).p == 1.0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-8, 8).map(lambda x: x / 2), max_size=20), st.integers(0, 2**31 - 1))
def test_p_is_a_probability_blind_to_sign_scale_and_zeros(values: list[float], seed: int) -> None:
    sums = np.array(values)
    p = sign_flip(sums, seed=seed, flips=200).p
    assert 0 < p <= 1
    assert sign_flip(-sums, seed=seed, flips=200).p == p
    assert sign_flip(sums * 3, seed=seed, flips=200).p == p
    assert sign_flip(np.concatenate([sums, np.zeros(3)]), seed=seed, flips=200).p == p


def test_scores_on_half_points_do_not_keep_the_gate_from_its_level() -> None:
    rng = np.random.default_rng(12)
    passes = [sign_flip(rng.integers(-3, 4, size=14) / 2, seed=1).p <= 0.05 for _ in range(1500)]
    assert np.mean(passes) == pytest.approx(0.05, abs=0.015)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm([]) == ()
    assert holm([0.9, 0.8]) == (1.0, 1.0)


def test_benjamini_hochberg_by_hand() -> None:
    assert benjamini_hochberg([0.01, 0.04, 0.03, 0.2]) == pytest.approx((0.04, 0.16 / 3, 0.16 / 3, 0.2))


@given(st.lists(st.floats(0, 1), max_size=12))
def test_corrections_never_lower_a_p_and_keep_the_order(p: list[float]) -> None:
    for corrected in (holm(p), benjamini_hochberg(p)):
        assert all(c >= raw - 1e-15 and c <= 1 for c, raw in zip(corrected, p, strict=True))
        ranked = [c for _, c in sorted(zip(p, corrected, strict=True))]
        assert ranked == sorted(ranked)
    assert all(h >= b - 1e-12 for h, b in zip(holm(p), benjamini_hochberg(p), strict=True))
