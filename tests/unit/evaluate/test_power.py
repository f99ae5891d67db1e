"""Detectable effects and the size that would settle it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.evaluate.statistics.power import clustered_error, further_units, smallest_detectable


def test_clusters_of_one_give_the_ordinary_standard_error() -> None:
    data = np.array([1.0, 2.0, 4.0, 7.0])
    assert clustered_error(data, np.ones(4)) == pytest.approx(data.std(ddof=1) / 2)


def test_one_cluster_has_no_error() -> None:
    assert clustered_error(np.array([5.0]), np.array([3.0])) is None
    assert smallest_detectable(None, 1) is None


def test_large_samples_follow_the_textbook() -> None:
    # 2.80 standard errors: 1.96 + 0.84.
    assert smallest_detectable(0.1, 100_000) == pytest.approx(0.28016, abs=1e-4)


def test_power_is_what_it_says() -> None:
    g, sd, reps = 24, 1.0, 4000
    effect = smallest_detectable(sd / math.sqrt(g), g)
    assert effect is not None
    draws = np.random.default_rng(1).normal(effect, sd, size=(reps, g))
    t = draws.mean(axis=1) / (draws.std(axis=1, ddof=1) / math.sqrt(g))
    assert np.mean(np.abs(t) > 2.0687) == pytest.approx(0.8, abs=0.03)


def test_further_units_settle_it() -> None:
    error, units, clusters = 0.2, 48, 24
    more = further_units(0.3, error, units=units, clusters=clusters)
    assert more is not None
    assert more > 0
    grown = clusters + more * clusters / units
    found = smallest_detectable(error * math.sqrt(clusters / grown), int(grown))
    assert found is not None
    assert found <= 0.3
    fewer = smallest_detectable(error * math.sqrt(clusters / (grown - 1)), int(grown) - 1)
    assert fewer is not None
    assert fewer > 0.3


def test_too_few_clusters_for_the_test_ask_for_more_even_with_a_huge_effect() -> None:
    # The smallest p of a sign-flip test over 3 clusters is 0.25: six are needed for 5%.
    assert further_units(100.0, 0.1, units=3, clusters=3) == 3


@pytest.mark.parametrize(("effect", "error"), [(0.0, 0.1), (1.0, None), (1.0, 0.0), (1e-9, 1.0)])
def test_what_cannot_be_told_is_none(effect: float, error: float | None) -> None:
    assert further_units(effect, error, units=10, clusters=10) is None


@given(st.floats(0.05, 2), st.floats(0.05, 1), st.integers(6, 200))
def test_a_larger_effect_never_needs_more(effect: float, error: float, clusters: int) -> None:
    small = further_units(effect, error, units=clusters, clusters=clusters)
    large = further_units(effect * 2, error, units=clusters, clusters=clusters)
    assert large is None or small is None or large <= small
