"""What a search found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from preceptor.core.records import Strategy
from preceptor.library.postings import Floats


@dataclass(frozen=True, slots=True)
class Hit:
    """A strategy found for a state; ``position`` is its place among the index's strategies, in order of id."""

    position: int
    score: float
    lexical: float
    dense: float
    among: Sequence[Strategy] = field(repr=False, compare=False)

    @property
    def strategy(self) -> Strategy:
        """The strategy itself: of a release's many, only those that are looked at are decoded."""
        return self.among[self.position]


class Hits(list[Hit]):
    """What one search found, best first, and how alike it is."""

    def __init__(
        self, hits: Iterable[Hit] = (), positions: Sequence[int] = (), alike: Floats | None = None
    ) -> None:
        """``alike``: of the strategies at ``positions``, a row each and a column each."""
        super().__init__(hits)
        self._row = {position: n for n, position in enumerate(positions)}
        self._alike = np.zeros((0, 0), dtype=np.float32) if alike is None else alike

    def likeness(self, some: Sequence[int], others: Sequence[int]) -> Floats:
        """How much what each of some strategies says to do is what others say, 0..1: variety is measured by it."""
        first = [self._row[n] for n in some]
        second = first if others is some else [self._row[n] for n in others]
        return self._alike.take(first, axis=0).take(second, axis=1)
