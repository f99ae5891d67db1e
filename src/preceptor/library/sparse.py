"""An inverted index over weighted terms in words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import repeat

import numpy as np

from preceptor.library import ordinary as talk
from preceptor.library.postings import Floats, Ids, Places, Postings, Query

_IDF_POWER = 0.75
"""Below 1, rare words count a little less: in talk they are mostly names. Chosen on STAR (docs/star.md)."""


class SparseIndex:
    """Documents of weighted terms, scored by cosine of ``(1 + ln tf) * idf``, idf as in BM25 (Robertson and
    Zaragoza 2009).

    A cosine lies in 0..1 and means the same for short and long queries, which plain BM25 sums do not.

    Args:
        ordinary: how many documents of ordinary talk count as seen beside these, in telling how rare a term is.
            Where 5 documents all hold "refund", these alone would say that it tells nothing; it does tell that
            they are about refunds, which "please" does not.
        telling: terms that are at least as rare as in an index of one document, where ordinary talk alone tells how
            rare they are: what all documents share still tells whether any of them fits.
        common: see :class:`~preceptor.library.postings.Postings`.
    """

    def __init__(
        self,
        documents: Sequence[Mapping[str, float]],
        *,
        ordinary: float = 0.0,
        common: float = 1 / 12,
        telling: Collection[str] = (),
    ) -> None:
        self._count = len(documents)
        self._ordinary = float(ordinary)
        seen = Counter(term for document in documents for term in document)
        # Ordinary terms have their numbers whether a document holds them or not: all others not seen are as rare.
        self._terms = {term: n for n, term in enumerate(sorted({*seen, *(talk.terms() if ordinary else ())}))}
        rarities = [*(self._rarity(term, seen[term], self._count) for term in self._terms)]
        for term in telling:
            at = self._terms[term]
            rarities[at] = max(rarities[at], self._rarity(term, 1, 1))
        rarities.append(self._rarity("", 0, self._count))
        self._rarities = np.array(rarities, dtype=np.float32)
        self.postings = Postings([self._row(document) for document in documents], rarities, common=common)

    def __len__(self) -> int:
        return self._count

    @property
    def terms(self) -> Mapping[str, int]:
        """The number of each term; the one behind the last stands for those not known."""
        return self._terms

    def query(self, terms: Mapping[str, float]) -> Query:
        """What to ask the postings."""
        ids: Ids = np.fromiter(map(self._terms.get, terms, repeat(len(self._terms))), np.int32, len(terms))
        return self.postings.query(ids, np.fromiter(terms.values(), np.float32, len(terms)), (len(terms),))

    def scores(self, query: Mapping[str, float]) -> Floats:
        """Cosine of the query with every document, 0..1."""
        return self.postings.all(self.query(query))

    def likeness(self, some: Sequence[int] | Places, others: Sequence[int] | Places) -> Floats:
        """Cosines of some documents with others: one row for each of ``some``."""
        return self.postings.likeness(some, others)

    def _rarity(self, term: str, documents: int, count: int) -> float:
        held = documents + self._ordinary * talk.share(term)
        return math.log(1 + (count + self._ordinary - held + 0.5) / (held + 0.5)) ** _IDF_POWER

    def _row(self, document: Mapping[str, float]) -> tuple[Ids, Floats]:
        known = sorted((self._terms[t], _damped(w)) for t, w in document.items() if w > 0)
        ids = np.array([i for i, _ in known], dtype=np.int32)
        values = np.array([w for _, w in known], dtype=np.float32) * self._rarities[ids]
        length = float(np.linalg.norm(values))
        return ids, values / length if length else values


def _damped(weight: float) -> float:
    """Repeats of a term count less and less; a weight below 1 stays as it is."""
    return 1 + math.log(weight) if weight > 1 else weight
