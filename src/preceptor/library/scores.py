"""One query's scores over one set of documents: lexical, dense, or both fused.

A search that wants only the best must not add up everything. So a score tells bounds for all documents cheaply,
and exact values for those that can still be among the best.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from preceptor.library.sparse import Bounds, Floats, Places, SparseIndex, SparseQuery

_LEAST = 64


class Score(Protocol):
    """Scores in 0..1, one a document."""

    def bounds(self) -> Bounds:
        """Between what every document's score surely lies."""
        ...

    def exact(self, documents: Places) -> Floats:
        """The scores of these documents."""
        ...

    def all(self) -> Floats:
        """The scores of all documents."""
        ...

    def near(self, most: int) -> Places:
        """About ``most`` documents among which the best probably are; does not look at every document."""
        ...


class Lexical:
    """Cosine of weighted terms."""

    def __init__(self, index: SparseIndex, query: SparseQuery) -> None:
        self._index = index
        self._query = query

    def bounds(self) -> Bounds:
        """See :class:`Score`."""
        return self._index.bounds(self._query)

    def exact(self, documents: Places) -> Floats:
        """See :class:`Score`."""
        return self._index.exact(self._query, documents)

    def all(self) -> Floats:
        """See :class:`Score`."""
        return self._index.all(self._query)

    def near(self, most: int) -> Places:
        """See :class:`Score`."""
        return self._index.near(self._query, 16 * most)[:most]


class Fused:
    """``(1 - share) * first + share * second``."""

    def __init__(self, first: Score, second: Score, share: float) -> None:
        self._first = first
        self._second = second
        self._share = share

    def bounds(self) -> Bounds:
        """See :class:`Score`."""
        first, second = self._first.bounds(), self._second.bounds()
        return Bounds(self._mixed(first.low, second.low), self._mixed(first.high, second.high))

    def exact(self, documents: Places) -> Floats:
        """See :class:`Score`."""
        return self._mixed(self._first.exact(documents), self._second.exact(documents))

    def all(self) -> Floats:
        """See :class:`Score`."""
        return self._mixed(self._first.all(), self._second.all())

    def near(self, most: int) -> Places:
        """See :class:`Score`."""
        return np.union1d(self._first.near(most), self._second.near(most))

    def _mixed(self, first: Floats, second: Floats) -> Floats:
        mixed = first * np.float32(1 - self._share)
        mixed += second * np.float32(self._share)
        return mixed


def best(scores: Floats, limit: int) -> Places:
    """Places of the highest scores above 0, best first; equal scores in order of place."""
    found = np.flatnonzero(scores > 0)
    if len(found) > limit:
        # Everything tied with the last one stays in, so that the tie is broken by place and not by partition.
        edge = np.partition(scores[found], len(found) - limit)[len(found) - limit]
        found = found[scores[found] >= edge]
    return found[np.argsort(-scores[found], kind="stable")][:limit]


def fewer(found: Places, bounds: Bounds, limit: int, exact: Callable[[Places], Floats]) -> Places:
    """Those of ``found`` that may be among the ``limit`` highest, when the most promising were scored by ``exact``.

    Where bounds are wide, the real score of the ``limit``-th of a few shuts out far more than any bound does.
    """
    few = max(2 * limit, _LEAST)
    if len(found) <= 4 * few:
        return found
    promising = found[np.argpartition(-(bounds.low[found] + bounds.high[found]), few)[:few]]
    edge = float(np.partition(exact(np.sort(promising)), few - limit)[few - limit])
    return found[bounds.high[found] >= edge]


def may_be_best(bounds: Bounds, limit: int, share: float = 0.0) -> Places:
    """Places of all that may be among the ``limit`` highest and have at least ``share`` of the highest."""
    low = bounds.low
    if not limit:
        return np.zeros(0, dtype=np.int64)
    if len(low) <= limit:
        return np.arange(len(low))
    # A few comparisons from the top are cheaper than a partition of everything.
    top = float(low.max())
    for part in (0.75, 0.5, 0.25):
        some = low[low >= part * top]
        if len(some) >= limit:
            low = some
            break
        if part <= share:
            return np.flatnonzero(bounds.high >= share * top)
    edge = float(np.partition(low, len(low) - limit)[len(low) - limit])
    return np.flatnonzero(bounds.high >= max(edge, share * top))
