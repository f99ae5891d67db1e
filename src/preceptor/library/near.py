"""Which strategies of a library say about the same, or the opposite: an index kept current by the log.

What they are compared by stands in a column of its own (:meth:`Forms.packed`), so that nothing else of a strategy
is read, and after a change only what it touched.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from threading import Lock

from preceptor.core.records import Status, Strategy
from preceptor.library.screening_alike import Forms, Side, opposed, same
from preceptor.library.store import FormRow, Library

_MOST_EACH = 3
"""Twins, and opponents, that are named."""
_RAREST = 10
"""Words by which those that are alike are found: the rarest of the strategy."""
_MOST_HOLDING = 5000
_MOST_CANDIDATES = 120


@dataclass(frozen=True, slots=True)
class Alike:
    """A strategy's id and how much it shares, 0 to 1 (cosine of words weighted by rarity)."""

    id: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """Approved strategies that a strategy repeats or contradicts, oldest first, three of each at most."""

    same: tuple[str, ...] = ()
    opposed: tuple[tuple[str, Side], ...] = ()
    """With the field of the strategy that tells the opposite."""

    @property
    def ids(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys((*self.same, *(i for i, _ in self.opposed))))


@dataclass(slots=True)
class _Known:
    id: str
    first_seq: int
    status: Status
    forms: Forms


class Near:
    """Reads every strategy's words once, at the first question. Safe to share between threads."""

    def __init__(self, library: Library, *, status: Status | None = None) -> None:
        """``status``: only these are known of, for one who asks once and no more."""
        self._library = library
        self._status: Status | None = status
        self._lock = Lock()
        self._seq = 0
        self._known: dict[str, _Known] = {}
        self._when: defaultdict[str, set[str]] = defaultdict(set)
        self._do: defaultdict[str, set[str]] = defaultdict(set)

    def against(self, strategy: Strategy, *, without: Collection[str] = ()) -> Against:
        """What of the approved ones says the same, or the opposite, in about the same situation; never itself,
        and none of ``without``."""
        mine = Forms.of(strategy)
        with self._lock:
            self._follow()
            found = [
                k
                for i in self._in_situation(mine)
                if i != strategy.id and i not in without and (k := self._known[i]).status == "approved"
            ]
        found.sort(key=lambda k: k.first_seq)
        return Against(
            same=tuple(k.id for k in islice((k for k in found if same(mine, k.forms)), _MOST_EACH)),
            opposed=tuple(islice(_opposed(mine, found), _MOST_EACH)),
        )

    def like(self, strategy: Strategy, *, least: float = 0.45, limit: int = 40) -> tuple[Alike, ...]:
        """The strategies that say about the same, closest first, ties by id; never itself."""
        terms = _terms(Forms.of(strategy))
        with self._lock:
            self._follow()
            rare = sorted(terms, key=lambda t: (self._holding(t), t))[:_RAREST]
            votes: Counter[str] = Counter()
            for term in rare:
                # A word in nearly all strategies finds nothing that the rarer ones did not.
                if votes and self._holding(term) > _MOST_HOLDING:
                    continue
                votes.update(self._when.get(term, ()))
                votes.update(self._do.get(term, ()))
            votes.pop(strategy.id, None)
            idf: dict[str, float] = {}
            weights = self._weighted(terms, idf)
            near = [
                Alike(i, score)
                for i, _ in votes.most_common(_MOST_CANDIDATES)
                if (score := _cosine(weights, self._weighted(_terms(self._known[i].forms), idf))) >= least
            ]
        return tuple(sorted(near, key=lambda a: (-a.score, a.id))[:limit])

    def _follow(self) -> None:
        seq, rows = self._library.forms(since=self._seq, status=None if self._seq else self._status)
        for row in rows:
            self._put(row)
        self._seq = seq

    def _put(self, row: FormRow) -> None:
        forms = Forms.unpacked(row.forms)
        known = self._known.get(row.id)
        if known is not None and known.forms == forms:
            known.status = row.status
            return
        if known is not None:
            _drop(self._when, known.forms.when.stems, row.id)
            _drop(self._do, known.forms.do.stems, row.id)
        self._known[row.id] = _Known(row.id, row.first_seq, row.status, forms)
        for stem in forms.when.stems:
            self._when[stem].add(row.id)
        for stem in forms.do.stems:
            self._do[stem].add(row.id)

    def _in_situation(self, mine: Forms) -> Iterator[str]:
        """Ids of all that may apply in about the same situation.

        Half of the words of both are shared (Dice's coefficient), so at least a third of those of each one.
        """
        stems = mine.when.stems
        shared: Counter[str] = Counter()
        for stem in stems:
            shared.update(self._when.get(stem, ()))
        least = -(-len(stems) // 3)
        return (i for i, many in shared.items() if many >= least)

    def _holding(self, stem: str) -> int:
        return len(self._when.get(stem, ())) + len(self._do.get(stem, ()))

    def _weighted(self, terms: dict[str, int], idf: dict[str, float]) -> dict[str, float]:
        for term in terms.keys() - idf.keys():
            idf[term] = 0.3 + math.log((2 * len(self._known) + 1) / (1 + self._holding(term)))
        return {t: n * idf[t] for t, n in terms.items()}


def _opposed(mine: Forms, found: Iterable[_Known]) -> Iterator[tuple[str, Side]]:
    for known in found:
        side = opposed(mine, known.forms)
        if side:
            yield known.id, side


def _drop(postings: defaultdict[str, set[str]], stems: Iterable[str], strategy_id: str) -> None:
    for stem in stems:
        postings[stem].discard(strategy_id)


def _terms(forms: Forms) -> dict[str, int]:
    """Words with their weight: what is done counts twice."""
    return {**dict.fromkeys(forms.when.stems, 1), **dict.fromkeys(forms.do.stems, 2)}


def _cosine(one: dict[str, float], other: dict[str, float]) -> float:
    dot = sum(value * other[t] for t, value in one.items() if t in other)
    size = math.sqrt(sum(v * v for v in one.values()) * sum(v * v for v in other.values()))
    return max(0.0, dot / size) if size else 0.0
