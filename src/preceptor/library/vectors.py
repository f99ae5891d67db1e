"""The vectors of an index: of its states and its strategies, and who makes one of a question."""

from __future__ import annotations

from collections.abc import Sequence

from preceptor.core.records import Turn
from preceptor.library.conversation_state import state_text
from preceptor.library.dense import DenseIndex, DenseScore
from preceptor.library.embedder import Embedder

_OWN_FIRST = 32
"""Coordinates of own words' vectors that are looked at in every strategy: they count little beside states'."""


class Vectors:
    """Vectors of states and strategies, and who makes one of a question."""

    def __init__(self, embedder: Embedder, states: Sequence[str], own: Sequence[str], *, approximate: bool) -> None:
        """The texts of states, and of strategies."""
        self._embedder = embedder
        vectors = embedder.embed([*states, *own])
        first, second = vectors[: len(states)], vectors[len(states) :]
        self._states = DenseIndex(first, first, approximate=approximate)
        self._own = DenseIndex(second, first, approximate=approximate, first=_OWN_FIRST)

    @property
    def approximate(self) -> bool:
        """Whether neither part needs to look at all of its vectors."""
        return self._states.approximate and self._own.approximate

    def ready(self) -> None:
        """See :meth:`StrategyIndex.ready`."""
        self._states.ready()
        self._own.ready()

    def question(self, turns: Sequence[Turn]) -> tuple[DenseScore, DenseScore]:
        """With the states, and with the strategies' own words."""
        vector = self._embedder.embed([state_text(turns)])[0]
        return self._states.question(vector), self._own.question(vector)
