"""Which strategies say about the same: an inverted index that grows with the library."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass

from preceptor.core.records import Strategy
from preceptor.library.conversation_state import words

_RAREST = 10
"""Words by which candidates are found: the rarest of the strategy."""
_MOST_CANDIDATES = 120
_COMMON = frozenset(
    words(
        "a an and are as at be before by for from has have in is it its of on or say so that the their them then "
        "they this to was what when with who"
    )
)


@dataclass(frozen=True, slots=True)
class Alike:
    """A strategy's id and how much it shares, 0 to 1 (cosine of words weighted by rarity)."""

    id: str
    score: float


class AlikeIndex:
    """Not safe for threads by itself: the shelf guards it."""

    def __init__(self) -> None:
        self._terms: dict[str, Counter[str]] = {}
        self._postings: defaultdict[str, set[str]] = defaultdict(set)

    def put(self, strategy: Strategy) -> None:
        """Adds a strategy, or its new words."""
        terms = _terms(strategy)
        known = self._terms.get(strategy.id)
        if known == terms:
            return
        for term in known or ():
            self._postings[term].discard(strategy.id)
        self._terms[strategy.id] = terms
        for term in terms:
            self._postings[term].add(strategy.id)

    def like(self, strategy: Strategy, *, least: float = 0.45, limit: int = 40) -> tuple[Alike, ...]:
        """The strategies that say about the same, closest first, ties by id; never itself."""
        terms = _terms(strategy)
        rare = sorted(terms, key=lambda t: (len(self._postings.get(t, ())), t))[:_RAREST]
        votes: Counter[str] = Counter()
        for term in rare:
            found = self._postings.get(term, ())
            # A word in nearly all strategies finds nothing that the rarer ones did not.
            if len(found) > 5000 and votes:
                continue
            votes.update(found)
        votes.pop(strategy.id, None)
        idf: dict[str, float] = {}
        weights = self._weighted(terms, idf)
        near = [
            Alike(i, score)
            for i, _ in votes.most_common(_MOST_CANDIDATES)
            if (score := _cosine(weights, self._weighted(self._terms[i], idf))) >= least
        ]
        return tuple(sorted(near, key=lambda a: (-a.score, a.id))[:limit])

    def _weighted(self, terms: Counter[str], idf: dict[str, float]) -> dict[str, float]:
        for term in terms.keys() - idf.keys():
            idf[term] = 0.3 + math.log((len(self._terms) + 1) / (1 + len(self._postings.get(term, ()))))
        return {t: n * idf[t] for t, n in terms.items()}


def _terms(strategy: Strategy) -> Counter[str]:
    found = Counter(w for w in words(f"{strategy.when} {strategy.do} {strategy.do}") if w not in _COMMON)
    return Counter({w: min(n, 2) for w, n in found.items()})


def _cosine(one: dict[str, float], other: dict[str, float]) -> float:
    dot = sum(value * other[t] for t, value in one.items() if t in other)
    size = math.sqrt(sum(v * v for v in one.values()) * sum(v * v for v in other.values()))
    return max(0.0, dot / size) if size else 0.0
