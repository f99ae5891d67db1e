"""Finding the strategies that fit a conversation state: lexical by itself, fused with dense where there is a model.

A strategy is found in two ways: through the states of the scenarios it was learned from, and by its own words.
Every score lies in 0..1 and means the same for every state, so that one floor can hold for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from preceptor.core.records import Scenario, Strategy, Turn
from preceptor.library import quick
from preceptor.library.conversation_state import (
    Heard,
    StateWeights,
    heard,
    read_state,
    situation_terms,
    state_terms,
    state_text,
    summed,
    words,
)
from preceptor.library.embedder import Embedder
from preceptor.library.fitting import Fitting
from preceptor.library.hits import Hit, Hits
from preceptor.library.links import Links
from preceptor.library.ordinary import ORDINARY
from preceptor.library.postings import Floats, Places, Postings, Query, highest
from preceptor.library.scores import Fused, Lexical, Score, best, edge_of, once
from preceptor.library.sparse import SparseIndex
from preceptor.library.vectors import Vectors
from preceptor.library.vocabulary import Vocabulary

if TYPE_CHECKING:
    from preceptor.library import compiled

__all__ = ["Embedder", "Hit", "Hits", "IndexSettings", "StrategyIndex"]

_COMMON, _OWN_COMMON = 1 / 12, 1 / 32
"""Share of the states, and of the strategies, from which a word is common. Where most strategies have scenarios,
their own words count little, and high ceilings do no harm."""
_FUSED_COMMON, _FUSED_OWN_COMMON = 1 / 3, 1 / 12
"""The same where there are vectors: all are somewhat alike by these, so words must tell apart."""
_FEW = 256
_MOST = 256
"""Strategies up to which a compiled search finds the best: it keeps them in order as it goes."""
_NONE: Places = np.zeros(0, dtype=np.int64)
_REACH = 0.25
"""Share of the nearest state's likeness from which others have a say."""
_CLOSE = 0.2
"""The same of the highest ceiling, which lies a little above the highest likeness."""
_NEAR = 200
"""States that an approximate search looks at, by words and by vectors each."""
_LEAST_OWN = 0.25
"""Strategies that it looks at by their own words, at least, as a share of :data:`_NEAR`: all of it where none has a
state; the more have one, the fewer are looked at so, for their states find them."""
_NEAREST = 60
"""States of these, by their real scores, whose strategies an approximate search looks at."""


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
        common, own_common = (_COMMON, _OWN_COMMON) if embedder is None else (_FUSED_COMMON, _FUSED_OWN_COMMON)
        said = SparseIndex([state_terms(turns, weights) for turns in states], ordinary=ORDINARY, common=common)
        alone = [s for s in self._strategies if not any(i in place for i in s.scenarios)]
        own = SparseIndex(
            [_own_terms(s) for s in self._strategies],
            ordinary=ORDINARY,
            common=common if 2 * len(alone) > len(strategies) else own_common,
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

    @property
    def compiled(self) -> bool:
        """Whether a search by words is one compiled walk."""
        return self._native is not None

    def ready(self) -> None:
        """Makes now what the first search would make: whoever loads an index waits for it, not who asks first."""
        _ = self._native
        if self._dense is not None:
            self._dense.ready()

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
        state = heard(turns, self._settings.weights)
        limit = max(limit, 1)
        by_words = lexical or self._dense is None
        if by_words and limit <= _MOST and not self._looks_at_few and self._native is not None:
            found, scores, words, alike = self._native.find(state, limit, floor)
            return self._hits(found, scores, words, [0.0] * len(found), alike)
        looked = self._looked(self._asked(turns, state, lexical=lexical), limit, floor)
        at = best(looked.matches[0], looked.strategies, limit, floor)
        if not len(at):
            return Hits()
        found, matches = looked.strategies.take(at), looked.matches.take(at, axis=1)
        agreement, alike = self._agreement(looked, found, matches[0])
        scores = self._fitted(matches[0] * agreement, turns, state, found)
        # Where nothing is fused, the match is that of the words.
        fused = len(matches) > 1
        spoken, vectors = (matches[1], matches[2]) if fused else (matches[0], np.zeros_like(scores))
        return self._hits(found.tolist(), scores.tolist(), spoken.tolist(), vectors.tolist(), alike)

    def _hits(
        self,
        found: Sequence[int],
        scores: Sequence[float],
        words: Sequence[float],
        vectors: Sequence[float],
        alike: Floats,
    ) -> Hits:
        order = sorted((n for n in range(len(found)) if scores[n] > 0), key=lambda n: (-scores[n], found[n]))
        hits = [Hit(found[n], scores[n], words[n], vectors[n], self._strategies) for n in order]
        return Hits(hits, found, alike)

    @cached_property
    def _numbered(self) -> compiled.Numbered | None:
        """What a state's words are asked as, compiled, where that can be."""
        return self._vocabulary.native(self._fitting.terms, self._asking)

    @cached_property
    def _native(self) -> compiled.Search | None:
        """A whole search by words in one walk, where that was compiled."""
        held, deeds = self._asking.native, self._deeds.native
        learned_in, taught = self._learned_in.native(self._situations), self._taught.native(len(self))
        if not (quick.compiled and self._numbered and held and deeds and learned_in and taught):
            return None
        how = self._settings
        return quick.compiled.Search(
            self._numbered,
            held,
            deeds,
            learned_in,
            taught,
            self._fitting.native(),
            how.own_words,
            how.neighbours,
            how.sharpness,
            how.trust,
            _REACH,
        )

    def _fitted(self, likes: Floats, turns: Sequence[Turn], state: Heard, found: Places) -> Floats:
        """The geometric mean of likeness and fit; where nothing tells the fit, likeness stands for it."""
        if not self._fitting:
            return likes
        fits = self._fitting.of(situation_terms(turns, self._settings.weights, summed(state)), found)
        return np.sqrt(likes * np.where(fits < 0, likes, fits))

    def _asked(self, turns: Sequence[Turn], state: Heard, *, lexical: bool) -> Score:
        if self._numbered is None:
            query = self._vocabulary.read(summed(state), self._asking)
        else:
            query = Query(*self._numbered.query(state))
        by_words = Lexical(self._asking, query, self._situations)
        if lexical or self._dense is None:
            return by_words
        return Fused(by_words, *self._dense.question(turns), self._settings.dense)

    def _looked(self, asked: Score, limit: int, floor: float) -> _Looked:
        """All states that may be among the nearest, all strategies that may be among the best, and some others."""
        if self._looks_at_few:
            alone = self._learned_in.without / len(self)
            near, named = asked.near(_NEAR, round(_NEAR * max(alone, _LEAST_OWN)))
            near = near[best(asked.exact(near, _NONE)[0], near, _NEAREST)]
            return self._exactly(asked, near, once(self._taught.of(near)[0], named))
        states, own = asked.ceilings()
        most = self._learned_in.most(states)
        high = self._raised(most, own, self._worth)
        reach = _CLOSE * float(states.max(initial=0.0))
        near, found = (states >= reach).nonzero()[0], (high >= floor).nonzero()[0]
        # The real scores of the most promising shut out nearly all others.
        neighbours = self._settings.neighbours
        first = self._exactly(asked, _of_most(states, near, 2 * neighbours), _of_most(high, found, 2 * limit))
        near_edge = max(_REACH * float(first.likes.max(initial=0.0)), edge_of(first.likes, neighbours))
        all_near = not neighbours or (len(first.states) == len(near) and near_edge >= reach)
        if all_near and len(first.strategies) == len(found):
            return first
        states[first.states] = high[first.strategies] = -1
        edge = max(floor, edge_of(first.matches[0], limit))
        near, found = (states >= near_edge).nonzero()[0], (high >= edge).nonzero()[0]
        own = asked.nearer(own, found)
        kept = (self._raised(most.take(found), own, self._worth.take(found)) >= edge).nonzero()[0]
        return first.and_also(self._exactly(asked, near, found.take(kept), own.take(kept), edge))

    def _exactly(
        self, asked: Score, near: Places, strategies: Places, own: Floats | None = None, edge: float = 0.0
    ) -> _Looked:
        """The likeness of states, and per strategy that of its best scenario, raised by its own words; where
        ``own`` has the ceilings of these, only of strategies that reach ``edge`` with them."""
        learned_in, whose = self._learned_in.of(strategies)
        states, places = self._once(np.concatenate([near, learned_in]))
        scores = asked.exact(states, strategies if own is None else _NONE)
        likes, of_own = scores[:, : len(states)][:, places], scores[:, len(states) :]
        most = _most(likes[:, len(near) :], whose, len(strategies))
        if own is not None:
            kept = (self._raised(most[0], own, self._worth.take(strategies)) >= edge).nonzero()[0]
            strategies, most = strategies.take(kept), most.take(kept, axis=1)
            of_own = asked.exact(_NONE, strategies)
        matches = self._raised(most, of_own, self._worth.take(strategies))
        return _Looked(near, likes[0, : len(near)], strategies, matches)

    def _once(self, states: Places) -> tuple[Places, Places | slice]:
        """Each state once, and where each then stands. A few are cheaper read twice than told apart."""
        if len(states) <= _FEW:
            return states, slice(None)
        found = once(states)
        place: Places = np.empty(self._situations, dtype=np.int64)
        place[found] = np.arange(len(found))
        return found, place.take(states)

    @property
    def _looks_at_few(self) -> bool:
        return len(self) > self._settings.exact and (self._dense is None or self._dense.approximate)

    def _raised(self, most: Floats, own: Floats, worth: Floats) -> Floats:
        found = own * worth
        found *= 1 - most
        found += most
        return found

    def _agreement(self, looked: _Looked, found: Places, match: Floats) -> tuple[Floats, Floats]:
        """Per found strategy the factor, at most 1, that the nearest scenarios' vote leaves of its score; and what
        it says to do, as a row whose products with others are cosines.

        Each of the nearest scenarios votes for its strategies, and so for those that say to do alike, in proportion
        to the square of the likeness: one thing learned in ten situations counts as ten, however many strategies
        word it.
        """
        settings = self._settings
        if not settings.neighbours:
            return np.ones(len(found), dtype=np.float32), self._deeds.likeness(found, found)
        at = best(looked.likes, looked.states, settings.neighbours)
        likes = looked.likes.take(at)
        likes = likes[likes >= _REACH * likes[:1]]
        voters, which = self._taught.of(looked.states.take(at[: len(likes)]))
        votes = likes.take(which)
        alone = self._alone.take(found)
        if alone.any():
            voters, votes = np.concatenate([voters, found[alone]]), np.concatenate([votes, match[alone]])
        votes **= np.float32(settings.sharpness)
        support, alike = self._deeds.support(found, voters, votes)
        support *= np.float32(settings.trust / max(float(support.max(initial=0.0)), 1e-9))
        support += np.float32(1 - settings.trust)
        return support, alike

    def _embedded(self, states: Sequence[Sequence[Turn]], embedder: Embedder) -> Vectors:
        many = len(self._strategies) > self._settings.exact
        return Vectors(
            embedder,
            [state_text(turns) for turns in states],
            [s.text() for s in self._strategies],
            approximate=many,
        )


@dataclass(frozen=True, slots=True)
class _Looked:
    """States and strategies that were scored exactly."""

    states: Places
    likes: Floats
    strategies: Places
    matches: Floats
    """One row, and where scores are fused, one more for each part."""

    def and_also(self, other: _Looked) -> _Looked:
        """Both."""
        return _Looked(
            np.concatenate([self.states, other.states]),
            np.concatenate([self.likes, other.likes]),
            np.concatenate([self.strategies, other.strategies]),
            np.concatenate([self.matches, other.matches], axis=1),
        )


def _of_most(values: Floats, places: Places, count: int) -> Places:
    """Those of ``places`` that have the ``count`` highest values."""
    return places if len(places) <= count else places.take(highest(values.take(places), count))


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
