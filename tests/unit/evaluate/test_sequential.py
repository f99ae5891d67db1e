"""The confidence sequence: valid at every look, and narrow soon enough to be of use."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preceptor.core.errors import InputError
from preceptor.evaluate.statistics.sequential import Bounds, confidence_sequence


def sequence(values: list[float], target: float = 0.2) -> tuple[Bounds, ...]:
    return confidence_sequence(values, low=-4, high=4, target=target)


def draws(rng: np.random.Generator, n: int, mean: float = 0.6, sd: float = 0.8) -> list[float]:
    return list(np.clip(rng.normal(mean, sd, n), -4, 4))


def test_the_truth_is_held_at_every_look() -> None:
    rng = np.random.default_rng(4)
    missed = sum(any(not b.low <= 0.6 <= b.high for b in sequence(draws(rng, 100))) for _ in range(60))
    assert missed <= 7  # 5% of 60 is 3; more than 7 has a chance below 2%


def test_it_gets_as_narrow_as_asked_at_about_twice_the_price() -> None:
    found = next((b for b in sequence(draws(np.random.default_rng(1), 250)) if b.half_width <= 0.2), None)
    looked_at_once = (1.96 * 0.8 / 0.2) ** 2
    assert found is not None
    assert looked_at_once < found.n < 2.2 * looked_at_once
    assert found.low <= 0.6 <= found.high


def test_without_enough_values_there_is_no_stop() -> None:
    assert all(b.half_width > 0.2 for b in sequence(draws(np.random.default_rng(1), 20)))
    assert sequence([]) == ()


def test_skewed_values_at_the_edge_of_the_range() -> None:
    rng = np.random.default_rng(9)
    values = [4.0 if rng.random() < 0.05 else 0.0 for _ in range(400)]
    last = sequence(values)[-1]
    assert last.low <= 0.2 <= last.high


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-4, 4), min_size=1, max_size=40), st.floats(0.05, 2))
def test_bounds_stay_in_range_and_only_narrow(values: list[float], target: float) -> None:
    found = sequence(values, target)
    assert [b.n for b in found] == list(range(1, len(values) + 1))
    assert all(-4 <= b.low <= b.high <= 4 for b in found)
    assert all(a.low <= b.low and b.high <= a.high for a, b in pairwise(found))


def test_units_do_not_matter() -> None:
    values = draws(np.random.default_rng(2), 60)
    ours = sequence(values)[-1]
    scaled = confidence_sequence([v * 10 + 5 for v in values], low=-35, high=45, target=2)[-1]
    assert (scaled.low - 5) / 10 == pytest.approx(ours.low)
    assert (scaled.high - 5) / 10 == pytest.approx(ours.high)


@pytest.mark.parametrize("bad", [4.1, -5.0, float("nan"), float("inf")])
def test_values_out_of_range_are_refused_by_number(bad: float) -> None:
    with pytest.raises(InputError, match="value 2 is"):
        sequence([0.0, bad])


@pytest.mark.parametrize(("low", "high", "target", "alpha"), [(1, 1, 1, 0.05), (0, 1, 0, 0.05), (0, 1, 1, 1)])
def test_settings_that_make_no_sense(low: float, high: float, target: float, alpha: float) -> None:
    with pytest.raises(InputError, match="no confidence sequence"):
        confidence_sequence([], low=low, high=high, target=target, alpha=alpha)
