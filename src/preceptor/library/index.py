"""Finding the strategies that fit a conversation state: lexical by itself, fused with dense where there is a model.

A strategy is found in two ways: through the states of the scenarios it was learned from, and by its own words.
Every score lies in 0..1 and means the same for every state, so that one floor can hold for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from preceptor.core.records import Scenario, Strategy, Turn
from preceptor.library.conversation_state import (
    StateWeights,
    plain_terms,
    read_state,
    state_terms,
    state_text,
    words,
)
from preceptor.library.sparse import SparseIndex

Floats = NDArray[np.float32]


class Embedder(Protocol):
    """Text to vectors. Must be deterministic, may be called from several threads, raises PreceptorError."""

    @property
    def name(self) -> str:
        """Model and version: vectors of different names must never be compared."""
        ...

    def embed(self, texts: Sequence[str]) -> Floats:
        """One row of float32 per text, each of length 1."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A strategy found for a state; ``position`` is its place among the strategies given to the index."""

    strategy: Strategy
    position: int
    score: float
    lexical: float
    dense: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSettings:
    """How scores are made. Defaults chosen on STAR by cross-validation (docs/star.md)."""

    weights: StateWeights = field(default_factory=StateWeights)
    own_words: float = 0.3
    """What a full match with the strategy's own words is worth, beside the match with its scenarios. Where it has
    none, its own words are all there is, and are worth 1."""
    dense: float = 0.4
    """Share of the dense score in the fused one, where there is an embedder."""
    neighbours: int = 10
    """Nearest scenarios that vote on which strategy comes first; 0: no vote."""
    sharpness: float = 4.0
    """Power of the likeness with which a neighbour votes."""
    trust: float = 0.8
    """How far the vote may lower the score of a strategy that the neighbours do not agree on, 0 to 1."""


class StrategyIndex:
    """Immutable once built; safe to search from several threads."""

    def __init__(
        self,
        strategies: Sequence[Strategy],
        *,
        scenarios: Mapping[str, Scenario] | Mapping[str, str],
        embedder: Embedder | None = None,
        settings: IndexSettings | None = None,
    ) -> None:
        """``scenarios``: id to scenario, or to its :func:`state_text`. Ids that strategies name and that are
        not in it are left out."""
        self._settings = settings or IndexSettings()
        self._strategies = tuple(sorted(strategies, key=lambda s: s.id))
        used = sorted({i for s in self._strategies for i in s.scenarios if i in scenarios})
        states = [_turns(scenarios[i]) for i in used]
        place = {name: at for at, name in enumerate(used)}
        weights = self._settings.weights
        self._states = SparseIndex([state_terms(turns, weights) for turns in states])
        self._words = SparseIndex([_own_terms(s) for s in self._strategies])
        self._deeds = SparseIndex([dict.fromkeys(words(s.do), 1.0) for s in self._strategies])
        links = sorted((place[i], n) for n, s in enumerate(self._strategies) for i in s.scenarios if i in place)
        self._owned = np.array([at for at, _ in links], dtype=np.int64)
        self._owner = np.array([n for _, n in links], dtype=np.int64)
        self._alone = ~np.isin(np.arange(len(strategies)), self._owner)
        self._dense = _Dense(embedder, states, self._strategies) if embedder is not None else None

    def __len__(self) -> int:
        return len(self._strategies)

    def search(self, turns: Sequence[Turn], *, limit: int = 40) -> list[Hit]:
        """The best strategies for the state at the end of ``turns``, best first, ties by id; none with score 0."""
        if not self._strategies or not turns:
            return []
        terms = state_terms(turns, self._settings.weights)
        states, own = self._states.scores(terms), self._words.scores(plain_terms(terms))
        lexical = match = self._match(states, own)
        dense = np.zeros_like(lexical)
        if self._dense is not None:
            dense_states, dense_own = self._dense.scores(turns)
            dense = self._match(dense_states, dense_own)
            share = self._settings.dense
            states = _mixed(states, dense_states, share)
            match = self._match(states, _mixed(own, dense_own, share))
        found = np.array(_best(match, max(limit, 1)), dtype=np.int64)
        scores = match[found] * self._agreement(states, match, found)
        order = np.lexsort((found, -scores))
        return [
            Hit(
                strategy=self._strategies[int(n)],
                position=n,
                score=float(score),
                lexical=float(lexical[n]),
                dense=float(dense[n]),
            )
            for n, score in zip(found[order].tolist(), scores[order].tolist(), strict=True)
        ]

    def likeness(self, position: int, others: Sequence[int]) -> Floats:
        """How much what one strategy says to do is what others say, 0..1 each: what variety is measured by."""
        return self._deeds.likeness([position], others)[0]

    def _match(self, states: Floats, own: Floats) -> Floats:
        """Per strategy the likeness of its best scenario, raised by its own words."""
        best = np.zeros(len(self._strategies), dtype=np.float32)
        if len(self._owner):
            np.maximum.at(best, self._owner, states[self._owned])
        worth = np.where(self._alone, 1.0, self._settings.own_words)
        return np.asarray(best + (1 - best) * (worth * own), dtype=np.float32)

    def _agreement(self, states: Floats, match: Floats, found: NDArray[np.int64]) -> Floats:
        """Per found strategy the factor, at most 1, that the nearest scenarios' vote leaves of its score.

        Each of the nearest scenarios votes for its strategies, and so, in proportion, for those that say to do
        alike: one thing learned in ten situations counts as ten, however many strategies word it.
        """
        settings = self._settings
        if not settings.neighbours or not len(found):
            return np.ones(len(found), dtype=np.float32)
        vote = np.zeros(len(self._strategies), dtype=np.float64)
        nearest = np.array(_best(states, settings.neighbours), dtype=np.int64)
        starts, ends = np.searchsorted(self._owned, nearest), np.searchsorted(self._owned, nearest, side="right")
        for scenario, start, end in zip(nearest.tolist(), starts.tolist(), ends.tolist(), strict=True):
            vote[self._owner[start:end]] += float(states[scenario]) ** settings.sharpness
        alone = found[self._alone[found]]
        vote[alone] = match[alone].astype(np.float64) ** settings.sharpness
        voters = np.flatnonzero(vote)
        support = self._deeds.likeness(found.tolist(), voters.tolist()) @ vote[voters]
        most = max(float(support.max()), 1e-9)
        return np.asarray(1 - settings.trust * (1 - support / most), dtype=np.float32)


class _Dense:
    """Vectors of states and strategies. A cosine is read against what unrelated texts have with this model."""

    def __init__(
        self, embedder: Embedder, states: Sequence[Sequence[Turn]], strategies: Sequence[Strategy]
    ) -> None:
        self._embedder = embedder
        texts = [state_text(turns) for turns in states] + [s.text() for s in strategies]
        vectors = embedder.embed(texts)
        self._states, self._own = vectors[: len(states)], vectors[len(states) :]
        self._base_states = _background(self._states, self._states)
        self._base_own = _background(self._states, self._own)

    def scores(self, turns: Sequence[Turn]) -> tuple[Floats, Floats]:
        query = self._embedder.embed([state_text(turns)])[0]
        return (
            _above(self._states @ query, self._base_states),
            _above(self._own @ query, self._base_own),
        )


def _background(left: Floats, right: Floats) -> float:
    """Mean cosine of rows that have nothing to do with each other: shifted pairs, at most 1,000."""
    count = min(len(left), len(right), 1000)
    if count < 3:
        return 0.0
    shifted = np.roll(right[:count], count // 2, axis=0)
    mean = float(np.einsum("ij,ij->", left[:count], shifted)) / count
    return min(max(mean, 0.0), 0.95)


def _mixed(lexical: Floats, dense: Floats, share: float) -> Floats:
    return np.asarray((1 - share) * lexical + share * dense, dtype=np.float32)


def _above(cosines: Floats, base: float) -> Floats:
    return np.clip((cosines - base) / (1 - base), 0.0, 1.0).astype(np.float32)


def _best(score: Floats, limit: int) -> list[int]:
    """Places of the highest scores above 0; equal scores in order of place."""
    found = np.flatnonzero(score > 0)
    if len(found) > limit:
        # Everything tied with the last one stays in, so that the tie is broken by place and not by partition.
        edge = np.partition(score[found], len(found) - limit)[len(found) - limit]
        found = found[score[found] >= edge]
    return found[np.lexsort((found, -score[found]))][:limit].tolist()


def _turns(state: Scenario | str) -> tuple[Turn, ...]:
    return read_state(state) if isinstance(state, str) else state.turns


def _own_terms(strategy: Strategy) -> dict[str, float]:
    terms: dict[str, float] = {}
    for word in words(strategy.when):
        terms[word] = 1.0
    for word in words(strategy.do):
        terms[word] = max(terms.get(word, 0.0), 0.5)
    return terms
