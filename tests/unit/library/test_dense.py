from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from preceptor.library.dense import DenseIndex, widened

Floats = NDArray[np.float32]
EVERY = np.arange(4000)


def vectors(count: int, width: int = 96, seed: int = 1) -> Floats:
    """Rows of length 1 around a few topics: strong axes and weak ones, as sentence vectors have."""
    rng = np.random.default_rng(seed)
    topics = rng.standard_normal((12, width))
    rows = topics[rng.integers(0, 12, count)] + 0.7 * rng.standard_normal((count, width)) + 0.3
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def top(scores: Floats, count: int) -> list[int]:
    return np.argsort(-scores, kind="stable")[:count].tolist()


def test_scores_are_cosines_read_against_unrelated_ones() -> None:
    rows = vectors(800)
    score = DenseIndex(rows, rows).question(rows[7])
    found = score.exact(EVERY[: len(rows)])
    assert found[7] == pytest.approx(1.0, abs=2e-3)
    plain = rows @ rows[7]
    order = np.argsort(-plain)[:20]
    assert np.all(np.diff(found[order]) <= 2e-3)
    assert 0 <= float(np.median(found)) < 0.1
    assert score.exact(np.array([3, 7])) == pytest.approx(found[[3, 7]], abs=1e-6)


def test_ceilings_hold_the_score_and_leave_few() -> None:
    rows = vectors(3000)
    score = DenseIndex(rows, rows).question(vectors(50)[3])
    ceilings, found = score.ceilings(), score.exact(EVERY[: len(rows)])
    assert np.all(found <= ceilings)
    assert np.count_nonzero(ceilings >= np.sort(found)[-10]) < 1500
    for some in (EVERY[:3000:7], EVERY[2999::-2]):  # read one by one, and all in a row
        assert score.ceilings(some) == pytest.approx(ceilings[some], abs=1e-6)


@pytest.mark.parametrize("width", [24, 96, 300])  # whole, not kept in 16 bits, and partly
def test_few_coordinates_bound_the_score_and_more_bound_it_closer(width: int) -> None:
    rows = vectors(3000, width)
    score = DenseIndex(rows, rows, first=32).question(vectors(50, width)[3])
    far, near, found = score.ceilings(), score.ceilings(EVERY[:3000]), score.exact(EVERY[:3000])
    assert np.all(found <= near)
    assert np.all(near <= far + 1e-5)
    assert np.all(score.ceilings(EVERY[:3000:9]) <= far[::9] + 1e-5)
    assert np.count_nonzero(far >= np.sort(found)[-10]) < 3000


def test_an_approximate_index_finds_most_of_the_nearest() -> None:
    pytest.importorskip("faiss")
    rows = vectors(4000)
    index = DenseIndex(rows, rows, approximate=True)
    assert index.approximate
    right = 0
    for seed in range(20):
        score = index.question(vectors(100 + seed)[seed])
        right += len(set(score.near(50).tolist()) & set(top(score.exact(EVERY[: len(rows)]), 10)))
    assert right >= 180


def test_without_the_extra_near_reads_every_head(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        del name

    monkeypatch.setattr("preceptor.library.dense.find_spec", missing)
    rows = vectors(2000)
    index = DenseIndex(rows, rows, approximate=True)
    assert not index.approximate
    score = index.question(rows[5])
    assert set(top(score.exact(EVERY[: len(rows)]), 5)) <= set(score.near(200).tolist())


@pytest.mark.parametrize(("count", "width"), [(1, 8), (2, 100), (70, 100), (70, 3)])
def test_small_ones_are_searched_too(count: int, width: int) -> None:
    rows = vectors(count, width)
    assert DenseIndex(rows, rows).question(rows[0]).exact(EVERY[:count])[0] == pytest.approx(1.0, abs=2e-3)


def test_sixteen_bits_become_thirty_two_without_a_change() -> None:
    every = np.arange(65536, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]
    for halves in (finite, finite[::2], finite[: 2**14].reshape(128, 128)):
        found = widened(halves)
        assert found.dtype == np.float32
        assert np.array_equal(found, halves.astype(np.float32))
        assert np.array_equal(np.signbit(found), np.signbit(halves))
