"""An inverted index over weighted terms, in a few numpy arrays."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from preceptor.library import ordinary as talk

Floats = NDArray[np.float32]
Ids = NDArray[np.int32]
Places = NDArray[np.int64]


_IDF_POWER = 0.75
"""Below 1, rare words count a little less: in talk they are mostly names. Chosen on STAR (docs/star.md)."""
_COMMON_SHARE = 1 / 12
_COMMON_LEAST = 64
"""Documents from which a term is common."""
_AT_ONCE = 512
"""Documents that others are compared with in one table: a scenario may have taught very many strategies."""
ROUNDING = 1e-5
"""What bounds are widened by: sums of float32 in another order differ by less."""


@dataclass(frozen=True, slots=True)
class SparseQuery:
    """A query as numbers of terms with weights, scaled so that products with documents are cosines."""

    terms: Ids
    weights: Floats


@dataclass(frozen=True, slots=True)
class Bounds:
    """Per document, between what its score surely lies."""

    low: Floats
    high: Floats


class SparseIndex:
    """Documents of weighted terms, scored by cosine of ``(1 + ln tf) * idf``, idf as in BM25 (Robertson and
    Zaragoza 2009).

    A cosine lies in 0..1 and means the same for short and long queries, which plain BM25 sums do not.

    What many documents have says little and costs most to add up. So :meth:`bounds` adds the rare terms and bounds
    the common ones (Cauchy-Schwarz over both common parts), and :meth:`exact` adds all terms of the documents
    that can still matter.

    Args:
        ordinary: how many documents of ordinary talk count as seen beside these, in telling how rare a term is.
            Where 5 documents all hold "refund", these alone would say that it tells nothing; it does tell that
            they are about refunds, which "please" does not.
    """

    def __init__(self, documents: Sequence[Mapping[str, float]], *, ordinary: float = 0.0) -> None:
        self._count = len(documents)
        self._ordinary = float(ordinary)
        seen = Counter(term for document in documents for term in document)
        # Ordinary terms have their numbers whether a document holds them or not: all others not seen are as rare.
        self._terms = {term: n for n, term in enumerate(sorted({*seen, *(talk.terms() if ordinary else ())}))}
        rarities = [self._rarity(term, seen[term]) for term in self._terms]
        self._idf = np.array([*rarities, self._rarity("", 0)], dtype=np.float32)
        rows = [self._row(document) for document in documents]
        sizes = np.array([len(ids) for ids, _ in rows], dtype=np.int64)
        self._row_start = np.concatenate([[0], np.cumsum(sizes)])
        self._row_terms: Ids = np.concatenate([np.zeros(0, np.int32), *(ids for ids, _ in rows)])
        self._row_values: Floats = np.concatenate([np.zeros(0, np.float32), *(values for _, values in rows)])
        order = np.argsort(self._row_terms, kind="stable")
        owners = np.repeat(np.arange(self._count, dtype=np.int32), sizes)
        self._posting_documents = owners[order]
        self._posting_values = self._row_values[order]
        self._posting_start = np.searchsorted(self._row_terms[order], np.arange(len(self._terms) + 1))
        self._common = np.diff(self._posting_start) > max(_COMMON_LEAST, self._count * _COMMON_SHARE)
        squares = np.where(self._common[self._row_terms], self._row_values, 0) ** 2
        self._common_length = np.sqrt(np.bincount(owners, squares, self._count)).astype(np.float32)

    def __len__(self) -> int:
        return self._count

    def query(self, terms: Mapping[str, float]) -> SparseQuery:
        """Terms that no document has still count in its length: what is mostly unknown fits nothing well."""
        count = len(terms)
        # -1, the number of what is not known, is the place of its rarity.
        ids: Ids = np.fromiter(map(self._terms.get, terms, repeat(-1)), np.int32, count)
        weights = np.fromiter(terms.values(), np.float32, count)
        high = weights > 1
        if high.any():
            weights[high] = 1 + np.log(weights[high])
        weights *= self._idf[ids]
        length = math.sqrt(float(weights @ weights))
        if length:
            weights /= np.float32(length)
        there = ids >= 0
        return SparseQuery(ids[there], weights[there])

    def scores(self, query: Mapping[str, float]) -> Floats:
        """Cosine of the query with every document, 0..1."""
        return self.all(self.query(query))

    def all(self, query: SparseQuery) -> Floats:
        """As :meth:`scores`."""
        return np.clip(self._sums(query.terms, query.weights), 0.0, 1.0)

    def bounds(self, query: SparseQuery) -> Bounds:
        """Between what every document's score lies."""
        common = self._common[query.terms]
        low = self._sums(query.terms[~common], query.weights[~common])
        if not common.any():
            return Bounds(low, low + np.float32(ROUNDING))
        rest = query.weights[common]
        high = self._common_length * np.float32(math.sqrt(float(rest @ rest)))
        high += low
        high += np.float32(ROUNDING)
        return Bounds(low, high)

    def exact(self, query: SparseQuery, documents: Places) -> Floats:
        """Cosine of the query with each of ``documents``, 0..1."""
        wanted = np.zeros(len(self._terms) + 1, dtype=np.float32)
        wanted[query.terms] = query.weights
        places, owners = self._spans(documents)
        products = wanted[self._row_terms[places]] * self._row_values[places]
        return np.clip(np.bincount(owners, products, len(documents)), 0.0, 1.0).astype(np.float32)

    def near(self, query: SparseQuery, most: int) -> Places:
        """Documents that share the query's rarest terms, few postings at a time, until ``most`` postings are seen.
        For indexes too large to look at every document; ``exact`` tells their scores."""
        sizes = self._posting_start[query.terms + 1] - self._posting_start[query.terms]
        order = np.argsort(sizes, kind="stable")
        kept = order[: max(1, int(np.searchsorted(np.cumsum(sizes[order]), most, side="right")))]
        return self._summed(query.terms[kept], query.weights[kept], most)

    def likeness(self, some: Sequence[int] | Places, others: Sequence[int] | Places) -> Floats:
        """Cosines of some documents with others: one row for each of ``some``."""
        places, owners = self._spans(np.array([*some, *others], dtype=np.int64))
        _, columns = np.unique(self._row_terms[places], return_inverse=True)
        wide = np.zeros((len(some) + len(others), int(columns.max(initial=-1)) + 1), dtype=np.float32)
        wide[owners, columns] = self._row_values[places]
        return wide[: len(some)] @ wide[len(some) :].T

    def support(self, some: Places, others: Places, weights: Floats) -> Floats:
        """For each of ``some`` the sum over ``others`` of squared likeness times weight."""
        found = np.zeros(len(some), dtype=np.float32)
        for start in range(0, len(others), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            found += self.likeness(some, others[part]) ** 2 @ weights[part]
        return found

    def _sums(self, terms: Ids, weights: Floats) -> Floats:
        """Per document the sum over these terms; goes through their postings only."""
        spans = self._postings(terms)
        if not spans:
            return np.zeros(self._count, dtype=np.float32)
        documents = np.concatenate([self._posting_documents[span] for span in spans])
        values = np.concatenate([self._posting_values[span] for span in spans])
        values *= np.repeat(weights, [span.stop - span.start for span in spans])
        return np.bincount(documents, values, self._count).astype(np.float32)

    def _summed(self, terms: Ids, weights: Floats, most: int) -> Places:
        """The documents with the largest sums, those with most first, from at most ``most`` postings of each."""
        spans = [slice(span.start, min(span.stop, span.start + most)) for span in self._postings(terms)]
        if not spans:
            return np.zeros(0, dtype=np.int64)
        documents = np.concatenate([self._posting_documents[span] for span in spans])
        values = np.concatenate([self._posting_values[span] for span in spans])
        values *= np.repeat(weights, [span.stop - span.start for span in spans])
        found, places = np.unique(documents, return_inverse=True)
        sums = np.bincount(places, values)
        return found[np.argsort(-sums, kind="stable")].astype(np.int64)

    def _postings(self, terms: Ids) -> list[slice]:
        starts, ends = self._posting_start[terms].tolist(), self._posting_start[terms + 1].tolist()
        return [slice(start, end) for start, end in zip(starts, ends, strict=True)]

    def _spans(self, documents: Places) -> tuple[Places, Places]:
        """Places of the documents' terms in the rows, and for each which of ``documents`` it belongs to."""
        starts = self._row_start[documents]
        sizes = self._row_start[documents + 1] - starts
        ends = np.cumsum(sizes)
        places = np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(starts - (ends - sizes), sizes)
        return places, np.repeat(np.arange(len(documents)), sizes)

    def _rarity(self, term: str, documents: int) -> float:
        held = documents + self._ordinary * talk.share(term)
        return math.log(1 + (self._count + self._ordinary - held + 0.5) / (held + 0.5)) ** _IDF_POWER

    def _row(self, document: Mapping[str, float]) -> tuple[Ids, Floats]:
        known = sorted((self._terms[t], _damped(w)) for t, w in document.items() if w > 0)
        ids = np.array([i for i, _ in known], dtype=np.int32)
        values = np.array([w for _, w in known], dtype=np.float32) * self._idf[ids]
        length = float(np.linalg.norm(values))
        return ids, values / length if length else values


def _damped(weight: float) -> float:
    """Repeats of a term count less and less; a weight below 1 stays as it is."""
    return 1 + math.log(weight) if weight > 1 else weight
