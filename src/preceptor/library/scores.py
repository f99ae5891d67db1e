"""One query's scores over one set of documents: lexical, dense, or both fused.

A search that wants only the best must not add up everything. So a score tells bounds for all documents cheaply,
and exact values for those that can still be among the best.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from preceptor.library.dense import DenseScore
from preceptor.library.postings import Bounds, Floats, Places, Postings, Query

_LEAST = 64


class Score(Protocol):
    """One question's scores in 0..1: with the states of scenarios, and with strategies' own words."""

    def bounds(self) -> tuple[Bounds, Bounds]:
        """Between what the score of every state surely lies, and of every strategy's own words."""
        ...

    def exact(self, states: Places, own: Places) -> Floats:
        """The scores of these states, then of these strategies' own words: one row, and where scores are fused, one
        more for each part."""
        ...

    def near(self, most: int) -> tuple[Places, Places]:
        """About ``most`` states and strategies among which the best probably are; does not look at all."""
        ...


class Lexical:
    """Cosine of weighted terms."""

    def __init__(self, postings: Postings, query: Query, states: int) -> None:
        """``states``: how many of the documents are states; strategies' own words follow."""
        self._postings = postings
        self._query = query
        self._states = states

    def bounds(self) -> tuple[Bounds, Bounds]:
        """See :class:`Score`."""
        states, own = self._postings.bounds(self._query)
        return states, own

    def exact(self, states: Places, own: Places) -> Floats:
        """See :class:`Score`."""
        return self._postings.exact(self._query, np.concatenate([states, own + self._states]))[None]

    def near(self, most: int) -> tuple[Places, Places]:
        """See :class:`Score`."""
        states, own = (self._postings.near(self._query, part, 16 * most)[:most] for part in (0, 1))
        return states, own


class Fused:
    """``(1 - share) * lexical + share * dense``."""

    def __init__(self, lexical: Lexical, states: DenseScore, own: DenseScore, share: float) -> None:
        self._lexical = lexical
        self._states, self._own = states, own
        self._share = np.float32(share)

    def bounds(self) -> tuple[Bounds, Bounds]:
        """See :class:`Score`."""
        of_states, of_own = self._lexical.bounds()
        return self._both(of_states, self._states.bounds()), self._both(of_own, self._own.bounds())

    def exact(self, states: Places, own: Places) -> Floats:
        """See :class:`Score`."""
        first = self._lexical.exact(states, own)[0]
        second = np.concatenate([self._states.exact(states), self._own.exact(own)])
        return np.stack([self._mixed(first, second), first, second])

    def near(self, most: int) -> tuple[Places, Places]:
        """See :class:`Score`."""
        states, own = self._lexical.near(most)
        return np.union1d(states, self._states.near(most)), np.union1d(own, self._own.near(most))

    def _both(self, first: Bounds, second: Bounds) -> Bounds:
        return Bounds(self._mixed(first.low, second.low), self._mixed(first.high, second.high))

    def _mixed(self, first: Floats, second: Floats) -> Floats:
        mixed = first * (1 - self._share)
        mixed += second * self._share
        return mixed


def best(scores: Floats, limit: int) -> Places:
    """Places of the highest scores above 0, best first; equal scores in order of place."""
    found = (scores > 0).nonzero()[0]
    if len(found) > limit:
        # Everything tied with the last one stays in, so that the tie is broken by place and not by partition.
        edge = np.partition(scores[found], len(found) - limit)[len(found) - limit]
        found = found[scores[found] >= edge]
    return found[(-scores[found]).argsort(kind="stable")][:limit]


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
    if share:
        found = (bounds.high >= share * top).nonzero()[0]
        if len(found) <= max(4 * limit, _LEAST):
            return found
    for part in (0.75, 0.5, 0.25):
        some = low[low >= part * top]
        if len(some) >= limit:
            low = some
            break
    edge = float(np.partition(low, len(low) - limit)[len(low) - limit])
    return np.flatnonzero(bounds.high >= max(edge, share * top))
