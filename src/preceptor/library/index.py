"""Finding the strategies that fit a conversation state: lexical by itself, fused with dense where there is a model.

A strategy is found in two ways: through the states of the scenarios it was learned from, and by its own words.
Every score lies in 0..1 and means the same for every state, so that one floor can hold for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
from preceptor.library.dense import DenseIndex
from preceptor.library.embedder import Embedder
from preceptor.library.ordinary import ORDINARY
from preceptor.library.scores import Fused, Lexical, Score, best, fewer, may_be_best
from preceptor.library.sparse import Bounds, Floats, Places, SparseIndex

__all__ = ["Embedder", "Hit", "IndexSettings", "StrategyIndex"]

_FEW = 256
_REACH = 0.25
_NEAR = 400
"""Documents that an approximate search looks at, by words and by vectors each."""


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
    dense: float = 0.3
    """Share of the dense score in the fused one, where there is an embedder."""
    neighbours: int = 15
    """Nearest scenarios that vote on which strategy comes first, of those at least a quarter as near as the nearest
    (the rest would have no say); 0: no vote."""
    sharpness: float = 3.0
    """Power of the likeness with which a neighbour votes."""
    exact: int = 200_000
    """Strategies up to which every search is exact. Above, those with the rarest common words and the nearest
    vectors are looked at."""
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
        self._states = SparseIndex([state_terms(turns, weights) for turns in states], ordinary=ORDINARY)
        self._words = SparseIndex([_own_terms(s) for s in self._strategies], ordinary=ORDINARY)
        self._deeds = SparseIndex([dict.fromkeys(words(s.do), 1.0) for s in self._strategies])
        links = [(n, place[i]) for n, s in enumerate(self._strategies) for i in s.scenarios if i in place]
        self._learned_in = _Links(links, len(strategies))
        self._taught = _Links([(at, n) for n, at in links], len(used))
        self._alone = self._learned_in.sizes == 0
        self._dense = self._embedded(states, embedder) if embedder is not None and self._strategies else None

    def __len__(self) -> int:
        return len(self._strategies)

    @property
    def dense(self) -> bool:
        """Whether an embedder is asked at each search."""
        return self._dense is not None

    def search(
        self, turns: Sequence[Turn], *, limit: int = 40, floor: float = 0.0, lexical: bool = False
    ) -> list[Hit]:
        """The best strategies for the state at the end of ``turns``, best first, ties by id; none with score 0, and
        none that match less than ``floor``.

        Args:
            lexical: by words alone, although there is an embedder.

        Raises:
            PreceptorError: the embedder failed.
        """
        if not self._strategies or not turns:
            return []
        terms = state_terms(turns, self._settings.weights)
        by_words = _Question(
            Lexical(self._states, self._states.query(terms)),
            Lexical(self._words, self._words.query(plain_terms(terms))),
        )
        by_vector = None if lexical or self._dense is None else self._dense.question(turns)
        asked = by_words if by_vector is None else by_words.fused(by_vector, self._settings.dense)
        near, candidates, own = self._candidates(asked, max(limit, 1), floor)
        learned_in, whose = self._learned_in.of(candidates)
        states, places = np.unique(np.concatenate([near, learned_in]), return_inverse=True)
        likes = _some(asked.states, states, len(self._states))[places]
        most = np.zeros(len(candidates), dtype=np.float32)
        np.maximum.at(most, whose, likes[len(near) :])
        if len(candidates) > 4 * limit:
            kept = self._reachable(most, own, candidates, limit)
            candidates, most = candidates[kept], most[kept]
        matches = self._raised(most, _some(asked.own, candidates, len(self)), self._alone[candidates])
        matches[matches < floor] = 0.0
        at = best(matches, max(limit, 1))
        found, match = candidates[at], matches[at]
        if not len(found):
            return []
        scores = match * self._agreement(near, likes[: len(near)], found, match)
        order = np.lexsort((found, -scores))
        lexicals = match if by_vector is None else self._match(by_words, found)
        denses = np.zeros_like(match) if by_vector is None else self._match(by_vector, found)
        return [
            Hit(
                strategy=self._strategies[n],
                position=n,
                score=float(scores[i]),
                lexical=float(lexicals[i]),
                dense=float(denses[i]),
            )
            for i, n in ((i, int(found[i])) for i in order.tolist())
        ]

    def likeness(self, some: Sequence[int] | Places, others: Sequence[int] | Places) -> Floats:
        """How much what each of some strategies says to do is what others say, 0..1: variety is measured by it."""
        return self._deeds.likeness(some, others)

    def _candidates(self, asked: _Question, limit: int, floor: float) -> tuple[Places, Places, Bounds | None]:
        """States that may be among the nearest, and strategies that may be among the best, in order of place; and
        the bounds of all strategies' own words, where every one was looked at."""
        if len(self) > self._settings.exact and (self._dense is None or self._dense.approximate):
            near = asked.states.near(_NEAR)
            taught = self._taught.of(near)[0]
            return np.sort(near), np.union1d(taught, asked.own.near(_NEAR)).astype(np.int64), None
        states, own = asked.states.bounds(), asked.own.bounds()
        high = self._raised(self._learned_in.most(states.high), own.high, self._alone)
        found = np.flatnonzero(high >= floor)
        if len(found) > max(4 * limit, _FEW):
            low = self._raised(self._learned_in.most(states.low), own.low, self._alone)
            found = found[may_be_best(Bounds(low[found], high[found]), limit)]
            found = fewer(found, Bounds(low, high), limit, lambda some: self._match(asked, some))
        neighbours = self._settings.neighbours
        near = may_be_best(states, neighbours, _REACH)
        return fewer(near, states, neighbours, asked.states.exact) if neighbours else near, found, own

    def _reachable(self, most: Floats, own: Bounds | None, strategies: Places, limit: int) -> Places:
        """Which of ``strategies`` may be among the best, now that it is known how like their scenarios are."""
        alone = self._alone[strategies]
        low = np.zeros_like(most) if own is None else own.low[strategies]
        high = np.ones_like(most) if own is None else own.high[strategies]
        return may_be_best(Bounds(self._raised(most, low, alone), self._raised(most, high, alone)), limit)

    def _match(self, asked: _Question, strategies: Places) -> Floats:
        """Per strategy the likeness of its best scenario, raised by its own words."""
        states, whose = self._learned_in.of(strategies)
        most = np.zeros(len(strategies), dtype=np.float32)
        np.maximum.at(most, whose, _some(asked.states, states, len(self._states)))
        return self._raised(most, _some(asked.own, strategies, len(self)), self._alone[strategies])

    def _raised(self, most: Floats, own: Floats, alone: NDArray[np.bool_]) -> Floats:
        found = np.minimum(own, np.float32(1.0))
        found *= np.where(alone, np.float32(1.0), np.float32(self._settings.own_words))
        most = np.minimum(most, np.float32(1.0))
        found *= 1 - most
        found += most
        return found

    def _agreement(self, near: Places, likes: Floats, found: Places, match: Floats) -> Floats:
        """Per found strategy the factor, at most 1, that the nearest scenarios' vote leaves of its score.

        Each of the nearest scenarios votes for its strategies, and so for those that say to do alike, in proportion
        to the square of the likeness: one thing learned in ten situations counts as ten, however many strategies
        word it.
        """
        settings = self._settings
        if not settings.neighbours:
            return np.ones(len(found), dtype=np.float32)
        at = best(likes, settings.neighbours)
        at = at[likes[at] >= _REACH * likes.max(initial=0.0)]
        taught, which = self._taught.of(near[at])
        alone = self._alone[found]
        voters = np.concatenate([taught, found[alone]])
        votes = np.concatenate([likes[at][which], match[alone]]) ** np.float32(settings.sharpness)
        support = self._deeds.support(found, voters, votes)
        most = max(float(support.max(initial=0.0)), 1e-9)
        return np.asarray(1 - settings.trust * (1 - support / most), dtype=np.float32)

    def _embedded(self, states: Sequence[Sequence[Turn]], embedder: Embedder) -> _Dense:
        many = len(self._strategies) > self._settings.exact
        return _Dense(embedder, [state_text(turns) for turns in states], [s.text() for s in self._strategies], many)


@dataclass(frozen=True, slots=True)
class _Question:
    """One state's scores: with the states of scenarios, and with the strategies' own words."""

    states: Score
    own: Score

    def fused(self, other: _Question, share: float) -> _Question:
        return _Question(Fused(self.states, other.states, share), Fused(self.own, other.own, share))


class _Links:
    """Which right ones belong to each left one."""

    def __init__(self, pairs: Sequence[tuple[int, int]], count: int) -> None:
        table = np.array(sorted(pairs), dtype=np.int32).reshape(-1, 2)
        self._right = np.ascontiguousarray(table[:, 1])
        self._start = np.searchsorted(table[:, 0], np.arange(count + 1)).astype(np.int64)
        self._some = np.flatnonzero(np.diff(self._start))
        self._first = self._right[self._start[self._some]]
        # Most strategies come from one scenario: only the others need more than a look at the first.
        self._many = np.flatnonzero(np.diff(self._start) > 1)
        self._many_right, whose = self.of(self._many)
        self._many_start = np.searchsorted(whose, np.arange(len(self._many)))

    @property
    def sizes(self) -> Places:
        return np.diff(self._start)

    def of(self, left: Places) -> tuple[Places, Places]:
        """The right ones of each of ``left``, and for each of them whose it is (a place in ``left``)."""
        starts = self._start[left]
        sizes = self._start[left + 1] - starts
        ends = np.cumsum(sizes)
        places = np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(starts - (ends - sizes), sizes)
        return self._right[places].astype(np.int64), np.repeat(np.arange(len(left)), sizes)

    def most(self, values: Floats) -> Floats:
        """Per left one the highest value of its right ones; 0 where it has none."""
        found = np.zeros(len(self._start) - 1, dtype=np.float32)
        found[self._some] = values[self._first]
        if len(self._many):
            found[self._many] = np.maximum.reduceat(values[self._many_right], self._many_start)
        return found


class _Dense:
    """Vectors of states and strategies, and who makes one of a question."""

    def __init__(self, embedder: Embedder, states: Sequence[str], own: Sequence[str], approximate: bool) -> None:
        self._embedder = embedder
        vectors = embedder.embed([*states, *own])
        first, second = vectors[: len(states)], vectors[len(states) :]
        self._states = DenseIndex(first, first, approximate=approximate)
        self._own = DenseIndex(second, first, approximate=approximate)

    @property
    def approximate(self) -> bool:
        return self._states.approximate and self._own.approximate

    def question(self, turns: Sequence[Turn]) -> _Question:
        vector = self._embedder.embed([state_text(turns)])[0]
        return _Question(self._states.question(vector), self._own.question(vector))


def _some(score: Score, documents: Places, count: int) -> Floats:
    """Scores of some documents: one by one where they are few."""
    return score.exact(documents) if len(documents) * 8 < count + _FEW else score.all()[documents]


def _turns(state: Scenario | str) -> tuple[Turn, ...]:
    return read_state(state) if isinstance(state, str) else state.turns


def _own_terms(strategy: Strategy) -> dict[str, float]:
    terms: dict[str, float] = {}
    for word in words(strategy.when):
        terms[word] = 1.0
    for word in words(strategy.do):
        terms[word] = max(terms.get(word, 0.0), 0.5)
    return terms
