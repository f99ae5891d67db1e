"""Finding the strategies that fit a conversation state: lexical by itself, fused with dense where there is a model.

A strategy is found in two ways: through the states of the scenarios it was learned from, and by its own words.
Every score lies in 0..1 and means the same for every state, so that one floor can hold for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from preceptor.core.records import Scenario, Strategy, Turn
from preceptor.library.conversation_state import (
    Said,
    StateWeights,
    read_state,
    situation_terms,
    state_terms,
    state_text,
    state_words,
    words,
)
from preceptor.library.dense import DenseIndex, DenseScore
from preceptor.library.embedder import Embedder
from preceptor.library.fitting import Fitting
from preceptor.library.links import Links
from preceptor.library.ordinary import ORDINARY
from preceptor.library.postings import Bounds, Floats, Places, Postings
from preceptor.library.scores import Fused, Lexical, Score, best, fewer, may_be_best
from preceptor.library.sparse import SparseIndex
from preceptor.library.vocabulary import Vocabulary

__all__ = ["Embedder", "Hit", "IndexSettings", "StrategyIndex"]

_COMMON = 1 / 12
_OWN_COMMON = 1 / 32
"""Share of the strategies from which a word is common, where most have scenarios: their own words then count
little, and wide bounds do no harm."""
_FEW = 256
_AT_ONCE = 512
"""Strategies that others are compared with in one table."""
_NONE: Places = np.zeros(0, dtype=np.int64)
_REACH = 0.25
_NEAR = 400
"""Documents that an approximate search looks at, by words and by vectors each."""
_NEAREST = 100
"""States of these, by their real scores, whose strategies an approximate search looks at."""


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

    def __init__(self, hits: Iterable[Hit] = (), alike: Floats | None = None, rows: Sequence[int] = ()) -> None:
        """``rows``: positions of the strategies that the rows and columns of ``alike`` stand for."""
        super().__init__(hits)
        self._alike = np.zeros((0, 0), dtype=np.float32) if alike is None else alike
        self._row = {position: n for n, position in enumerate(rows)}

    def likeness(self, some: Sequence[int], others: Sequence[int]) -> Floats:
        """As :meth:`StrategyIndex.likeness`, of what was found."""
        columns = [self._row[position] for position in others]
        return self._alike[[self._row[position] for position in some]][:, columns]


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
    fitting: bool = True
    """Whether what the library's situations tell of conditions and deeds (``Fitting``) is half of the score."""


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
        said = SparseIndex([state_terms(turns, weights) for turns in states], ordinary=ORDINARY)
        alone = [s for s in self._strategies if not any(i in place for i in s.scenarios)]
        own = SparseIndex(
            [_own_terms(s) for s in self._strategies],
            ordinary=ORDINARY,
            common=_COMMON if 2 * len(alone) > len(strategies) else _OWN_COMMON,
            # Where nothing else tells when a strategy fits, its "when" must, though hundreds have the same.
            telling={word for s in alone for word in words(s.when)},
        )
        self._vocabulary = Vocabulary(said.terms, own.terms)
        self._asking = Postings.joined(said.postings, own.postings)
        self._situations = len(used)
        self._deeds = SparseIndex([dict.fromkeys(words(s.do), 1.0) for s in self._strategies]).postings
        links = [(n, place[i]) for n, s in enumerate(self._strategies) for i in s.scenarios if i in place]
        self._learned_in = Links(links, len(strategies))
        self._taught = Links([(at, n) for n, at in links], len(used))
        self._alone = self._learned_in.sizes == 0
        taught = self._taught.each() if self._settings.fitting else []
        self._fitting = Fitting(self._strategies, lambda at: situation_terms(states[at], weights), taught)
        self._worth = np.where(self._alone, 1.0, self._settings.own_words).astype(np.float32)
        self._dense = self._embedded(states, embedder) if embedder is not None and self._strategies else None

    def __len__(self) -> int:
        return len(self._strategies)

    @property
    def dense(self) -> bool:
        """Whether an embedder is asked at each search."""
        return self._dense is not None

    def search(self, turns: Sequence[Turn], *, limit: int = 40, floor: float = 0.0, lexical: bool = False) -> Hits:
        """The best strategies for the state at the end of ``turns``, best first, ties by id; none with score 0, and
        none that match less than ``floor``.

        Args:
            lexical: by words alone, although there is an embedder.

        Raises:
            PreceptorError: the embedder failed.
        """
        if not self._strategies or not turns:
            return Hits()
        said = state_words(turns, self._settings.weights)
        asked = self._asked(turns, said, lexical=lexical)
        limit = max(limit, 1)
        near, found, own = self._candidates(asked, limit, floor)
        learned_in, whose = self._learned_in.of(found)
        states, places = _once(np.concatenate([near, learned_in]))
        few = len(found) <= 4 * limit
        looked = asked.exact(states, found if few else _NONE)
        likes, of_own = looked[:, : len(states)][:, places], looked[:, len(states) :]
        most = _most(likes[:, len(near) :], whose, len(found))
        if not few:
            kept = self._reachable(most[0], own, found, limit)
            found, most = found[kept], most[:, kept]
            of_own = asked.exact(_NONE, found)
        matches = self._raised(most, of_own, self._worth.take(found))
        at = best(np.where(matches[0] < floor, np.float32(0), matches[0]), limit)
        if not len(at):
            return Hits()
        found, matches = found.take(at), matches.take(at, axis=1)
        agreement, alike = self._agreement(near, likes[0, : len(near)], found, matches[0])
        scores: list[float] = self._fitted(matches[0] * agreement, turns, said, found).tolist()
        # Where nothing is fused, the match is that of the words.
        words: list[float] = matches[-2 if len(matches) > 1 else 0].tolist()
        vectors: list[float] = matches[-1].tolist() if len(matches) > 1 else [0.0] * len(at)
        positions: list[int] = found.tolist()
        order = sorted((n for n in range(len(at)) if scores[n] > 0), key=lambda n: (-scores[n], positions[n]))
        hits = [Hit(positions[n], scores[n], words[n], vectors[n], self._strategies) for n in order]
        return Hits(hits, alike, positions)

    def likeness(self, some: Sequence[int] | Places, others: Sequence[int] | Places) -> Floats:
        """How much what each of some strategies says to do is what others say, 0..1: variety is measured by it."""
        return self._deeds.likeness(some, others)

    def _fitted(self, likes: Floats, turns: Sequence[Turn], said: Said, found: Places) -> Floats:
        """The geometric mean of likeness and fit; where nothing tells the fit, likeness stands for it."""
        if not self._fitting:
            return likes
        fits = self._fitting.of(situation_terms(turns, self._settings.weights, said), found)
        return np.sqrt(likes * np.where(fits < 0, likes, fits))

    def _asked(self, turns: Sequence[Turn], said: Said, *, lexical: bool) -> Score:
        query = self._vocabulary.read(said, self._asking)
        by_words = Lexical(self._asking, query, self._situations)
        if lexical or self._dense is None:
            return by_words
        return Fused(by_words, *self._dense.question(turns), self._settings.dense)

    def _candidates(self, asked: Score, limit: int, floor: float) -> tuple[Places, Places, Bounds | None]:
        """States that may be among the nearest, and strategies that may be among the best, in order of place; and
        bounds of all strategies' own words, where every one was looked at."""
        if len(self) > self._settings.exact and (self._dense is None or self._dense.approximate):
            near, named = asked.near(_NEAR)
            near = np.sort(near)[best(asked.exact(np.sort(near), _NONE)[0], _NEAREST)]
            return near, np.union1d(self._taught.of(near)[0], named).astype(np.int64), None
        states, own = asked.bounds()
        high = self._raised(self._learned_in.most(states.high), own.high, self._worth)
        found = (high >= floor).nonzero()[0]
        if len(found) > max(4 * limit, _FEW):
            low = self._raised(self._learned_in.most(states.low), own.low, self._worth)
            found = found[may_be_best(Bounds(low[found], high[found]), limit)]
            found = fewer(found, Bounds(low, high), limit, lambda some: self._match(asked, some))
        neighbours = self._settings.neighbours
        near = may_be_best(states, neighbours, _REACH)
        if not neighbours:
            return near, found, own
        return fewer(near, states, neighbours, lambda some: asked.exact(some, _NONE)[0]), found, own

    def _reachable(self, most: Floats, own: Bounds | None, strategies: Places, limit: int) -> Places:
        """Which of ``strategies`` may be among the best, now that it is known how like their scenarios are."""
        worth = self._worth[strategies]
        low = np.zeros_like(most) if own is None else own.low[strategies]
        high = np.ones_like(most) if own is None else own.high[strategies]
        return may_be_best(Bounds(self._raised(most, low, worth), self._raised(most, high, worth)), limit)

    def _match(self, asked: Score, strategies: Places) -> Floats:
        """Per strategy the likeness of its best scenario, raised by its own words."""
        learned_in, whose = self._learned_in.of(strategies)
        looked = asked.exact(learned_in, strategies)[:1]
        most = _most(looked[:, : len(learned_in)], whose, len(strategies))
        return self._raised(most, looked[:, len(learned_in) :], self._worth[strategies])[0]

    def _raised(self, most: Floats, own: Floats, worth: Floats) -> Floats:
        found = own * worth
        found *= 1 - most
        found += most
        return found

    def _agreement(self, near: Places, likes: Floats, found: Places, match: Floats) -> tuple[Floats, Floats]:
        """Per found strategy the factor, at most 1, that the nearest scenarios' vote leaves of its score; and how
        alike the found ones are.

        Each of the nearest scenarios votes for its strategies, and so for those that say to do alike, in proportion
        to the square of the likeness: one thing learned in ten situations counts as ten, however many strategies
        word it.
        """
        settings = self._settings
        if not settings.neighbours:
            return np.ones(len(found), dtype=np.float32), self._deeds.likeness(found, found)
        at = best(likes, settings.neighbours)
        if len(at):
            at = at[likes[at] >= _REACH * likes[at[0]]]
        voters, which = self._taught.of(near[at])
        votes = likes[at].take(which)
        alone = self._alone.take(found)
        if alone.any():
            voters, votes = np.concatenate([voters, found[alone]]), np.concatenate([votes, match[alone]])
        votes **= np.float32(settings.sharpness)
        alike = self._deeds.likeness(found, np.concatenate([found, voters[:_AT_ONCE]]))
        support = np.square(alike[:, len(found) :]) @ votes[:_AT_ONCE]
        for start in range(_AT_ONCE, len(voters), _AT_ONCE):  # a scenario may have taught very many strategies
            part = slice(start, start + _AT_ONCE)
            support += np.square(self._deeds.likeness(found, voters[part])) @ votes[part]
        support *= np.float32(settings.trust / max(float(support.max(initial=0.0)), 1e-9))
        support += np.float32(1 - settings.trust)
        return support, alike[:, : len(found)]

    def _embedded(self, states: Sequence[Sequence[Turn]], embedder: Embedder) -> _Dense:
        many = len(self._strategies) > self._settings.exact
        return _Dense(embedder, [state_text(turns) for turns in states], [s.text() for s in self._strategies], many)


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

    def question(self, turns: Sequence[Turn]) -> tuple[DenseScore, DenseScore]:
        """With the states, and with the strategies' own words."""
        vector = self._embedder.embed([state_text(turns)])[0]
        return self._states.question(vector), self._own.question(vector)


def _once(places: Places) -> tuple[Places, Places | slice]:
    """Each place once, and where each then stands. A few are cheaper read twice than sorted."""
    if len(places) <= _FEW:
        return places, slice(None)
    found, where = np.unique(places, return_inverse=True)
    return found, where


def _most(values: Floats, whose: Places, count: int) -> Floats:
    """Row by row the highest value of each of ``count``; 0 for whom there is none."""
    found = np.zeros((len(values), count), dtype=np.float32)
    for row, told in zip(found, values, strict=True):
        np.maximum.at(row, whose, told)
    return found


def _turns(state: Scenario | str) -> tuple[Turn, ...]:
    return read_state(state) if isinstance(state, str) else state.turns


def _own_terms(strategy: Strategy) -> dict[str, float]:
    terms: dict[str, float] = {}
    for word in words(strategy.when):
        terms[word] = 1.0
    for word in words(strategy.do):
        terms[word] = max(terms.get(word, 0.0), 0.5)
    return terms
