"""Bootstrap intervals: against scipy, closed forms, invariances, degenerate data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preceptor.evaluate.statistics.distributions import t_quantile
from preceptor.evaluate.statistics.intervals import (
    MANY_CLUSTERS,
    Estimate,
    estimate,
    group_ends,
    ratio_of_sums,
    share,
)


def mean_estimate(values: list[float] | np.ndarray, seed: int = 1, **options: object) -> Estimate:
    data = np.asarray(values, dtype=float)
    ones = np.ones(len(data))
    return estimate(ratio_of_sums(data, ones), n=len(data), clusters=len(data), seed=seed, **options)  # type: ignore[arg-type]


def test_bca_agrees_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    data = np.random.default_rng(3).exponential(size=60)
    theirs = stats.bootstrap(
        (data,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(5)
    ).confidence_interval
    ours = mean_estimate(data, resamples=20_000, expand=False)
    width = theirs.high - theirs.low
    assert ours.method == "bca"
    assert ours.low == pytest.approx(theirs.low, abs=0.03 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.03 * width)


def test_normal_data_give_about_the_t_interval() -> None:
    data = np.random.default_rng(8).normal(size=40)
    ours = mean_estimate(data, resamples=40_000)
    reach = t_quantile(0.975, 39) * data.std(ddof=1) / math.sqrt(40)
    assert ours.half_width == pytest.approx(reach, rel=0.04)


def test_few_clusters_get_students_t_exactly() -> None:
    data = [0.0, 1.0, 0.5, 2.0]
    ours = mean_estimate(data)
    reach = t_quantile(0.975, 3) * np.std(data, ddof=1) / 2
    assert ours.method == "t"
    assert (ours.low, ours.high) == (pytest.approx(0.875 - reach), pytest.approx(0.875 + reach))
    assert "4 clusters" in ours.note


def test_clusters_not_units_decide_the_width() -> None:
    rng = np.random.default_rng(2)
    means = rng.normal(size=30)
    ten_copies = estimate(ratio_of_sums(means * 10, np.full(30, 10.0)), n=300, clusters=30, seed=1)
    one_copy = estimate(ratio_of_sums(means, np.ones(30)), n=30, clusters=30, seed=1)
    assert ten_copies.half_width == pytest.approx(one_copy.half_width)


def test_many_clusters_are_grouped_for_the_acceleration_and_change_nothing() -> None:
    data = np.random.default_rng(7).exponential(size=3000)
    ours = mean_estimate(data, resamples=3000)
    reach = 1.96 * data.std(ddof=1) / math.sqrt(3000)
    assert ours.method == "bca"
    assert ours.half_width == pytest.approx(reach, rel=0.06)


def test_of_very_many_clusters_groups_are_drawn_and_change_nothing() -> None:
    data = np.random.default_rng(7).exponential(size=2 * MANY_CLUSTERS + 7)
    ours = mean_estimate(data)
    reach = 1.96 * data.std(ddof=1) / math.sqrt(len(data))
    assert ours.method == "bca"
    assert ours.value == pytest.approx(data.mean())
    assert ours.half_width == pytest.approx(reach, rel=0.1)


@pytest.mark.parametrize(("count", "groups"), [(7, 3), (1000, 1000), (20_007, 10_000), (10_001, 10_000)])
def test_groups_hold_every_cluster_once_and_none_is_empty(count: int, groups: int) -> None:
    ends = group_ends(count, groups)
    assert (ends[0], ends[-1], len(ends)) == (0, count, groups + 1)
    assert np.diff(ends).min() >= 1
    assert np.diff(ends).max() <= -(-count // groups) + 1


def test_a_share_of_all_or_none_has_the_exact_interval_of_its_clusters() -> None:
    stats = pytest.importorskip("scipy.stats")
    for wins in (0, 16):
        theirs = stats.binomtest(wins, 16).proportion_ci(0.95, method="exact")
        ours = share(mean_estimate([float(wins > 0)] * 16))
        assert (ours.low, ours.high) == (pytest.approx(theirs.low), pytest.approx(theirs.high))
        assert (ours.method, ours.note) == ("exact", "")


def test_other_shares_stay_as_they_are() -> None:
    for values in ([0.5] * 12, [1.0] * 11 + [0.0], [1.0]):
        assert share(mean_estimate(values)) == mean_estimate(values)


def test_one_cluster_has_no_interval() -> None:
    ours = mean_estimate([3.0])
    assert (ours.value, ours.low, ours.high, ours.method) == (3.0, None, None, "none")
    assert "one cluster" in ours.note


def test_equal_values_are_said_to_have_no_spread() -> None:
    ours = mean_estimate([0.1 + 0.2] * 25)
    assert ours.low == ours.high == pytest.approx(0.3)
    assert "no spread" in ours.note


def test_a_ratio_on_one_cluster_is_no_estimate() -> None:
    statistic = ratio_of_sums(np.array([1.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0]))
    ours = estimate(statistic, n=3, clusters=3, seed=1)
    assert ours.low is None
    assert "single cluster" in ours.note


def test_no_data_and_undefined_values_are_refused() -> None:
    with pytest.raises(ValueError, match="no cluster"):
        mean_estimate([])
    with pytest.raises(ValueError, match="not a finite number"):
        estimate(ratio_of_sums(np.ones(3), np.zeros(3)), n=3, clusters=3, seed=1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-8, 8).map(lambda x: x / 2), min_size=2, max_size=40), st.integers(0, 2**31 - 1))
def test_interval_holds_the_value_stays_in_range_and_repeats(values: list[float], seed: int) -> None:
    ours = mean_estimate(values, seed=seed, resamples=500)
    assert ours == mean_estimate(values, seed=seed, resamples=500)
    assert ours.low is not None
    assert ours.high is not None
    assert ours.low <= ours.high
    if ours.method == "bca":
        assert min(values) <= ours.low
        assert ours.high <= max(values)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(-4, 4).map(float), min_size=12, max_size=30), st.floats(-50, 50))
def test_shifting_the_scores_shifts_the_interval(values: list[float], shift: float) -> None:
    if len(set(values)) == 1:
        return
    ours, moved = (mean_estimate([v + s for v in values], resamples=400) for s in (0.0, shift))
    assert ours.low is not None
    assert moved.low is not None
    # Ties between resamples and the value are broken by rounding once shifted, hence not to the last digit.
    assert moved.low - shift == pytest.approx(ours.low, abs=0.25 * max(0.2, ours.half_width or 0))


def test_resamples_without_a_finite_value_give_no_interval_and_no_warning() -> None:
    """Two of twenty clusters hold all units: one resample in eight holds none of them."""
    tops, bottoms = np.zeros(20), np.zeros(20)
    tops[:2], bottoms[:2] = (1.0, 2.0), 1.0
    found = estimate(ratio_of_sums(tops, bottoms), n=2, clusters=20, seed=1)
    assert (found.value, found.low, found.high, found.method) == (1.5, None, None, "none")
    assert "no finite value" in found.note
