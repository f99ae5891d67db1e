"""How well strategies fit a state, learned from the situations that a library was learned in.

Likeness finds situations that sound alike; what they mostly share is the matter. But a strategy holds only where
all its conditions do: this matter, and at this point of the conversation, and a customer in this mood. Each
situation tells which conditions were written for it and what was to be done in it. From that a linear map is
learned, once, when the index is built: from the words of a state to conditions ("when", taken apart) and to deeds
("do").
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, repeat
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from preceptor.core.records import Strategy
from preceptor.library import quick
from preceptor.library.conversation_state import words
from preceptor.library.ordinary import ORDINARY, share
from preceptor.library.postings import Floats, Places
from preceptor.library.sparse import SparseIndex

if TYPE_CHECKING:
    from preceptor.library import compiled

Situation = Mapping[str, float]
"""Terms of a state, with weights."""
LEAST, MOST = 40, 1200
"""Situations from which anything is learned, and situations that are learned from: of more, evenly drawn ones."""
LARGEST = 10_000
"""Strategies up to which anything is learned."""
_TERMS = 8192
"""Terms of states that are learned, those in most situations; each must be in two."""
_RANK = 64
"""Numbers that stand for a condition or deed."""
_SHRINK = 4.0
"""Ridge: how strongly the map is held to zero. Chosen on practice worlds and STAR (docs/coaching.md)."""
_GAP = 0.02
_ONE = np.float32(1.0)
_TOP = 1.5
"""Where a condition is seen clearer than in the situations that it was written for, it counts so much at most."""
_DEED = 0.1
"""What is left of a strategy whose deed nothing calls for."""
_SURE = 1.0
"""Standard errors by which conditions and deeds must stand out, on average, where they were written: else nothing
is learned. About 0.1 with words at random, 1.7 in libraries of the practice airline, 8 on STAR."""
_SUPPORT = 0.5
"""Situations, by likeness, in which something was written, from which they tell of it."""
_AT_ONCE, _TOLD = 1024, 6
"""Rows that are looked at in one table, and tables that tell the principal axes at most."""
_PARTS = re.compile(r"[,;:]| and ")
_VERSION = 2


def conditions(strategy: Strategy) -> tuple[str, ...]:
    """The conditions that a "when" joins: "the ticket is restricted, the customer is upset" are two."""
    return tuple(part.strip() for part in _PARTS.split(strategy.when) if words(part)) or ("",)


class Fitting:
    """Immutable once built; safe to ask from several threads.

    Args:
        strategies: in the index's order.
        situation: the terms of one that they were learned in, by ``situation_terms``; asked for the few used.
        taught: per situation, the places of the strategies learned in it.
    """

    def __init__(
        self,
        strategies: Sequence[Strategy],
        situation: Callable[[int], Situation],
        taught: Sequence[Sequence[int]],
    ) -> None:
        self._version = _VERSION  # raise it when other numbers are learned from the same library
        known = [n for n, some in enumerate(taught) if some]
        enough = len(known) >= LEAST and len(strategies) <= LARGEST
        known = [known[n * len(known) // MOST] for n in range(MOST)] if len(known) > MOST else known
        learned = _learn(strategies, [(situation(n), taught[n]) for n in known]) if enough else _Learned()
        self._terms: dict[str, int] = {term: n for n, term in enumerate(learned.terms)}
        self._idf, self._map, self._level = learned.idf, learned.map, learned.level
        self._seen, self._scale, self._offset = learned.seen, learned.scale, learned.offset
        self._conditions, self._start, self._told = learned.conditions, learned.start, learned.told

    def __bool__(self) -> bool:
        """Whether anything was learned."""
        return len(self._told) > 0

    @property
    def terms(self) -> Mapping[str, int]:
        """The number of each term of a situation that tells anything."""
        return self._terms

    def native(self) -> compiled.Fit | None:
        """The same for a compiled search; None also where nothing was learned."""
        if quick.compiled is None or not self:
            return None
        return quick.compiled.Fit(
            self._idf,
            self._map,
            self._level,
            self._seen,
            self._scale,
            self._offset,
            self._conditions,
            self._start,
            self._told,
            _DEED,
            _TOP,
        )

    def of(self, situation: Situation, strategies: Places) -> Floats:
        """How well each of ``strategies`` fits, 0 to 1; below 0 where nothing is known of one.

        The weakest of its conditions, squared, times how much the state calls for what it says to do. Each is 0 as
        in the situations that it was not written for, and 1 as in those that it was.
        """
        if not self:
            return np.full(len(strategies), -1.0, dtype=np.float32)
        starts = self._start.take(strategies)
        sizes = self._start.take(strategies + 1) - starts
        ends = sizes.cumsum()
        at = np.arange(int(ends[-1])) + (starts - ends + sizes).repeat(sizes)
        deeds = strategies + len(self._seen) - len(self._told)
        clear = self._clear(
            self._asked(situation), np.concatenate([self._conditions.take(at).astype(np.int64), deeds])
        )
        weakest = np.minimum.reduceat(clear[: len(at)], ends - sizes)
        found = np.minimum(weakest**2 * (_DEED + clear[len(at) :]) / (_TOP**2 * (_DEED + _TOP)), 1.0)
        return np.where(self._told.take(strategies), found, np.float32(-1.0)).astype(np.float32)

    def _asked(self, terms: Situation) -> Floats:
        places = np.fromiter(map(self._terms.get, terms, repeat(-1)), np.int64, len(terms))
        weights = np.fromiter(terms.values(), np.float32, len(terms))
        there = places >= 0
        places, weights = places[there], weights[there]
        weights = np.minimum(weights, _ONE) + np.log(np.maximum(weights, _ONE))
        weights *= self._idf.take(places)
        length = math.sqrt(float(weights @ weights))
        if not length:
            return self._level
        weights *= np.float32(1 / length)
        return self._level + weights @ self._map.take(places, axis=0)

    def _clear(self, asked: Floats, rows: Places) -> Floats:
        clear = self._seen.take(rows, axis=0) @ asked
        clear *= self._scale.take(rows)
        clear += self._offset.take(rows)
        return np.clip(clear, 0.0, _TOP).astype(np.float32)


def _none() -> Floats:
    return np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Learned:
    """What was learned, in arrays. Rows are conditions, then the deeds of all strategies."""

    terms: Sequence[str] = ()
    idf: Floats = field(default_factory=_none)
    map: Floats = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    """Per term, the numbers that it adds to a state's."""
    level: Floats = field(default_factory=_none)
    """The numbers of a state of which nothing is known."""
    seen: Floats = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    """Per row its own numbers: ``offset + scale * (row @ state's)`` tells how clear it is in a state."""
    scale: Floats = field(default_factory=_none)
    offset: Floats = field(default_factory=_none)
    conditions: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    """The conditions of all strategies, one strategy after the other."""
    start: Places = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    told: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    """Per strategy, whether the situations tell anything of it."""


def _learn(strategies: Sequence[Strategy], known: Sequence[tuple[Situation, Sequence[int]]]) -> _Learned:
    """Ridge regression from situations' words to what was written for them, in the few numbers that tell most."""
    asked = [conditions(s) for s in strategies]
    names = {name: n for n, name in enumerate(sorted({name for some in asked for name in some}))}
    own = [[names[name] for name in some] for some in asked]
    rows = _Rows.of(list(names), strategies, own, [some for _, some in known])
    terms, idf, states = _states([situation for situation, _ in known])
    middle = states.mean(axis=0)
    states -= middle
    ridge = states @ states.T + np.float32(_SHRINK) * np.eye(len(known), dtype=np.float32)
    inverse: Floats = np.asarray(np.linalg.inv(ridge), dtype=np.float32)
    axes = _axes(rows, len(known))
    dual: Floats = inverse @ axes
    # What ridge says of each situation when it is learned from the others alone, in closed form.
    others: Floats = axes - (dual / np.diagonal(inverse)[:, None]).astype(np.float32)
    seen, scale, offset, support, clearer = _read(rows, axes, others)
    if not len(clearer) or clearer.mean() < _SURE:
        return _Learned()
    learned: Floats = states.T @ dual
    return _Learned(
        terms=terms,
        idf=idf,
        map=learned,
        level=-(middle @ learned),
        seen=seen,
        scale=scale,
        offset=offset,
        conditions=np.array([n for some in own for n in some], dtype=np.int32),
        start=np.concatenate([[0], np.cumsum([len(some) for some in own])]).astype(np.int64),
        told=support[len(names) :] >= _SUPPORT,
    )


def _axes(rows: _Rows, count: int) -> Floats:
    """The principal axes of what was written, one number a situation each."""
    gram = np.zeros((count, count), dtype=np.float64)
    parts = rows.parts()
    for part in parts[:: -(-len(parts) // _TOLD)]:
        table = rows.table(part)
        table -= table.mean(axis=1, keepdims=True)
        gram += table.T @ table
    values, vectors = np.linalg.eigh(gram)
    kept = np.flatnonzero(values > 1e-6 * max(float(values[-1]), 1e-9))[-_RANK:]
    return vectors[:, kept].astype(np.float32)


def _read(rows: _Rows, axes: Floats, others: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Per row its numbers, how its product with a state's is read (scale and offset: 0 as where it was not written,
    1 as where it was), and for how many situations it was; and by how many standard errors those rows that can tell
    anything are clearer where they were written than elsewhere, each situation being read from the others alone."""
    seen = np.zeros((len(rows), axes.shape[1]), dtype=np.float32)
    scale, offset, support = (np.zeros(len(rows), dtype=np.float32) for _ in range(3))
    clearer: list[Floats] = []
    for part in rows.parts():
        table = rows.table(part)
        mean = table.mean(axis=1)
        seen[part] = (table - mean[:, None]) @ axes
        found: Floats = seen[part] @ others.T + mean[:, None]
        there, elsewhere = table.sum(axis=1), (1 - table).sum(axis=1)
        high = (table * found).sum(axis=1) / np.maximum(there, 1e-6)
        low = ((1 - table) * found).sum(axis=1) / np.maximum(elsewhere, 1e-6)
        # What holds everywhere, or was seen nowhere, tells neither for nor against.
        told = (there >= _SUPPORT) & (elsewhere >= 1)
        scale[part] = np.where(told, 1 / np.maximum(high - low, _GAP), 0)
        offset[part] = np.where(told, (mean - low) * scale[part], 1)
        support[part] = there
        spread = ((1 - table) * (found - low[:, None]) ** 2).sum(axis=1) / np.maximum(elsewhere, 1e-6)
        error = np.sqrt(np.maximum(spread, 1e-12) / np.maximum(there, 1e-6))
        clearer.append(((high - low) / error)[told])
    return seen, scale, offset, support, np.concatenate(clearer)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What was written for the situations, conditions or deeds."""

    index: SparseIndex
    links: Places
    """The places in ``index`` of what was written for each situation, one situation after the other."""
    start: Places

    @classmethod
    def of(cls, texts: Sequence[dict[str, float]], written: Sequence[Sequence[int]]) -> _Kind:
        used = sorted({n for some in written for n in some})
        place = {n: at for at, n in enumerate(used)}
        links = np.array([place[n] for some in written for n in some], dtype=np.int64)
        start = np.cumsum([0, *(len(some) for some in written[:-1])])
        return cls(SparseIndex([texts[n] for n in used]), links, start)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Conditions, then deeds; and how far each was written for each situation: the squared likeness, 0 to 1, of the
    likest of its kind that was."""

    texts: Sequence[dict[str, float]]
    conditions: int
    kinds: tuple[_Kind, _Kind]

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        strategies: Sequence[Strategy],
        own: Sequence[Sequence[int]],
        taught: Sequence[Sequence[int]],
    ) -> _Rows:
        texts = [dict.fromkeys(words(text), 1.0) for text in (*names, *(s.do for s in strategies))]
        first = _Kind.of(texts, [[n for at in some for n in own[at]] for some in taught])
        second = _Kind.of(texts, [[len(names) + at for at in some] for some in taught])
        return cls(texts, len(names), (first, second))

    def __len__(self) -> int:
        return len(self.texts)

    def parts(self) -> list[slice[int, int, None]]:
        """All rows, some at once, conditions apart from deeds."""
        edges = [*range(0, self.conditions, _AT_ONCE), *range(self.conditions, len(self), _AT_ONCE), len(self)]
        return [slice(start, stop) for start, stop in pairwise(edges)]

    def table(self, part: slice[int, int, None]) -> Floats:
        """Of these rows, one column a situation."""
        kind = self.kinds[int(part.start >= self.conditions)]
        likes = np.stack([kind.index.scores(text) for text in self.texts[part]], axis=1)
        nearest: Floats = np.maximum.reduceat(likes[kind.links], kind.start, axis=0)
        return np.square(nearest.T)


def _states(situations: Sequence[Situation]) -> tuple[list[str], Floats, Floats]:
    """Terms, how rare each is, and a row of length 1 a situation."""
    seen = Counter(term for terms in situations for term in terms)
    often = sorted((term for term, count in seen.items() if count > 1), key=lambda term: (-seen[term], term))
    names = sorted(often[:_TERMS])
    count = len(situations) + ORDINARY
    held = [seen[term] + ORDINARY * share(term) for term in names]
    idf = np.array([math.log(1 + (count - n + 0.5) / (n + 0.5)) ** 0.75 for n in held], dtype=np.float32)
    place = {term: n for n, term in enumerate(names)}
    rows = np.zeros((len(situations), len(names)), dtype=np.float32)
    for row, terms in zip(rows, situations, strict=True):
        for term, weight in terms.items():
            if term in place:
                row[place[term]] = 1 + math.log(weight) if weight > 1 else weight
    rows *= idf
    return names, idf, rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-9))
