"""One query's scores over one set of documents: lexical, dense, or both fused.

A search that wants only the best must not add up everything. So a score tells ceilings for all documents cheaply,
and exact values for those that can still be among the best.
"""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

import numpy as np

from preceptor.library.dense import DenseScore
from preceptor.library.postings import Floats, Places, Postings, Query
from preceptor.library.rounding import LEAST


class Score(Protocol):
    """One question's scores in 0..1: with the states of scenarios, and with strategies' own words."""

    def ceilings(self) -> tuple[Floats, Floats]:
        """What the score of no state lies above, and of no strategy's own words. The arrays are the caller's."""
        ...

    def nearer(self, ceilings: Floats, own: Places) -> Floats:
        """Ceilings of these strategies' own words, no higher than those of all that :meth:`ceilings` told."""
        ...

    def exact(self, states: Places, own: Places) -> Floats:
        """The scores of these states, then of these strategies' own words: one row, and where scores are fused, one
        more for each part."""
        ...

    def near(self, states: int, own: int) -> tuple[Places, Places]:
        """About so many states, and strategies by their own words, among which the best probably are; does not look
        at all."""
        ...


class Lexical:
    """Cosine of weighted terms."""

    def __init__(self, postings: Postings, query: Query, states: int) -> None:
        """``states``: how many of the documents are states; strategies' own words follow."""
        self._postings = postings
        self._query = query
        self._states = states

    def ceilings(self) -> tuple[Floats, Floats]:
        """See :class:`Score`."""
        states, own = self._postings.ceilings(self._query)
        return states, own

    def nearer(self, ceilings: Floats, own: Places) -> Floats:
        """See :class:`Score`."""
        return ceilings.take(own)

    def exact(self, states: Places, own: Places) -> Floats:
        """See :class:`Score`."""
        return self._postings.exact(self._query, np.concatenate([states, own + self._states]))[None]

    def near(self, states: int, own: int) -> tuple[Places, Places]:
        """See :class:`Score`."""
        return self._postings.near(self._query, 0, states), self._postings.near(self._query, 1, own)


class Fused:
    """``(1 - share) * lexical + share * dense``.

    Own words count little beside states: of their vectors a few numbers are looked at, and more only where these do
    not shut a strategy out.
    """

    def __init__(self, lexical: Lexical, states: DenseScore, own: DenseScore, share: float) -> None:
        self._lexical = lexical
        self._states, self._own = states, own
        self._share = np.float32(share)

    def ceilings(self) -> tuple[Floats, Floats]:
        """See :class:`Score`."""
        states, own = self._lexical.ceilings()
        return self._mixed(states, self._states.ceilings()), self._mixed(own, self._own_ceilings)

    def nearer(self, ceilings: Floats, own: Places) -> Floats:
        """See :class:`Score`."""
        found = self._own.ceilings(own)
        found -= self._own_ceilings.take(own)
        found *= self._share
        found += ceilings.take(own)
        return found

    def exact(self, states: Places, own: Places) -> Floats:
        """See :class:`Score`."""
        first = self._lexical.exact(states, own)[0]
        second = np.concatenate([self._states.exact(states), self._own.exact(own)])
        return np.stack([self._mixed(first, second), first, second])

    def near(self, states: int, own: int) -> tuple[Places, Places]:
        """See :class:`Score`."""
        first, second = self._lexical.near(states, own)
        return once(first, self._states.near(states)), once(second, self._own.near(own))

    @cached_property
    def _own_ceilings(self) -> Floats:
        return self._own.ceilings()

    def _mixed(self, first: Floats, second: Floats) -> Floats:
        mixed = first * (1 - self._share)
        mixed += second * self._share
        return mixed


def best(scores: Floats, places: Places, limit: int, floor: float = 0.0) -> Places:
    """Which of ``places`` have the highest scores, best first, equal ones in order of place: none with 0, none
    below ``floor``."""
    order = np.lexsort((places, -scores))[:limit]
    return order[: np.count_nonzero(scores.take(order) >= max(floor, LEAST))]


def edge_of(values: Floats, count: int) -> float:
    """The ``count``-th highest of values; 0 where there are not so many, infinite where none is wanted."""
    if count > len(values):
        return 0.0
    return float(np.partition(values, len(values) - count)[len(values) - count]) if count else np.inf


def once(*places: Places) -> Places:
    """Each of these places once, in order."""
    found = np.concatenate(places)
    found.sort()
    kept = np.ones(len(found), dtype=np.bool_)
    np.not_equal(found[1:], found[:-1], out=kept[1:])
    return found[kept]
