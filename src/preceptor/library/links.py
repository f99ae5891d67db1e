"""What belongs to what: strategies and the scenarios that they were learned in, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from preceptor.library import quick
from preceptor.library.postings import Floats, Places, runs

if TYPE_CHECKING:
    from preceptor.library import compiled


class Links:
    """Which right ones belong to each left one."""

    def __init__(self, pairs: Sequence[tuple[int, int]], count: int) -> None:
        """``count``: left ones, whether anything belongs to them or not."""
        table = np.array(sorted(pairs), dtype=np.int32).reshape(-1, 2)
        self._right = np.ascontiguousarray(table[:, 1])
        self._start = np.searchsorted(table[:, 0], np.arange(count + 1)).astype(np.int64)
        self._first = np.append(self._right, 0)[self._start[:-1]].astype(np.int64)
        self._none = np.flatnonzero(np.diff(self._start) == 0)
        # Most strategies come from one scenario: only the others need more than a look at the first.
        self._many = np.flatnonzero(np.diff(self._start) > 1)
        self._many_right, whose = self.of(self._many)
        self._many_start = np.searchsorted(whose, np.arange(len(self._many)))

    def native(self, rights: int) -> compiled.Links | None:
        """The same for a compiled search; ``rights``: how many right ones there are in all."""
        return quick.compiled and quick.compiled.Links(self._start, self._right, rights)

    @property
    def sizes(self) -> Places:
        """How many belong to each left one."""
        return np.diff(self._start)

    @property
    def without(self) -> int:
        """Left ones to which nothing belongs."""
        return len(self._none)

    def of(self, left: Places) -> tuple[Places, Places]:
        """The right ones of each of ``left``, and for each of them whose it is (a place in ``left``)."""
        if not len(self._many) and not len(self._none):
            return self._first.take(left), np.arange(len(left))
        starts = self._start.take(left)
        places, whose = runs(starts, self._start.take(left + 1) - starts)
        return self._right.take(places).astype(np.int64), whose

    def each(self) -> list[list[int]]:
        """The right ones of every left one."""
        return [part.tolist() for part in np.split(self._right, self._start[1:-1])] if len(self._start) > 1 else []

    def most(self, values: Floats) -> Floats:
        """Per left one the highest value of its right ones; 0 where it has none."""
        if not len(values):
            return np.zeros(len(self._first), dtype=np.float32)
        found = values.take(self._first)
        if len(self._none):
            found[self._none] = 0
        if len(self._many):
            found[self._many] = np.maximum.reduceat(values[self._many_right], self._many_start)
        return found
