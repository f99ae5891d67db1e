"""Quantiles against scipy and against each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.evaluate.statistics.distributions import normal_quantile, t_cdf, t_quantile


@pytest.mark.parametrize(
    ("p", "df", "expected"),
    [(0.975, 1, 12.706204736), (0.975, 9, 2.262157163), (0.8, 47, 0.849221817), (0.995, 30, 2.749995654)],
)
def test_t_quantile_matches_printed_tables(p: float, df: int, expected: float) -> None:
    assert t_quantile(p, df) == pytest.approx(expected, abs=2e-4 if df == 47 else 1e-8)


@given(st.floats(0.001, 0.999), st.integers(1, 500))
def test_t_quantile_undoes_t_cdf(p: float, df: int) -> None:
    assert t_cdf(t_quantile(p, df), df) == pytest.approx(p, abs=1e-9)


def test_t_tends_to_the_normal() -> None:
    assert t_quantile(0.975, 10**6) == pytest.approx(normal_quantile(0.975), abs=1e-5)


@pytest.mark.parametrize("df", [1, 2, 5, 11, 47, 300])
def test_against_scipy(df: int) -> None:
    special = pytest.importorskip("scipy.special")
    for p in (0.01, 0.3, 0.5, 0.8, 0.975, 0.9999):
        assert t_quantile(p, df) == pytest.approx(special.stdtrit(df, p), rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("p", [0.0, 1.0, -1.0])
def test_no_quantile_outside_the_open_interval(p: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        t_quantile(p, 5)
