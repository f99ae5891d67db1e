"""Which strategies say nearly the same, by their words: where it pays to ask the teacher."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from preceptor.core.records import Strategy
from preceptor.library.conversation_state import words
from preceptor.library.sparse import SparseIndex


class Likeness:
    """Pairwise likeness of strategies, 0 to 1: the mean of the cosines of their ``when`` and their ``do`` words."""

    def __init__(self, strategies: Sequence[Strategy]) -> None:
        self._whens = [Counter(words(s.when)) for s in strategies]
        self._dos = [Counter(words(s.do)) for s in strategies]
        self._when = SparseIndex(self._whens)
        self._do = SparseIndex(self._dos)

    def pairs(self, floor: float) -> list[tuple[int, int]]:
        """Positions of all pairs at or above ``floor``, each lower position first, in order."""
        return [
            (a, int(b))
            for a in range(len(self._whens))
            for b in np.flatnonzero(self._scores(a)[a + 1 :] >= floor) + a + 1
        ]

    def of(self, position: int) -> list[float]:
        """Likeness of one strategy to each, itself included."""
        return self._scores(position).tolist()

    def _scores(self, position: int) -> NDArray[np.float64]:
        scores = self._when.scores(self._whens[position]) + self._do.scores(self._dos[position])
        return (scores / 2).astype(np.float64)


def groups(count: int, pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Connected groups of two or more positions, in order of their first member."""
    parent = list(range(count))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    members: dict[int, list[int]] = {}
    for node in range(count):
        members.setdefault(root(node), []).append(node)
    return [m for m in members.values() if len(m) > 1]
