"""An inverted index over weighted terms, in three numpy arrays."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ids = NDArray[np.int32]


_IDF_POWER = 0.75
"""Below 1, rare words count a little less: in talk they are mostly names. Chosen on STAR (docs/star.md)."""
_COMMON_SHARE = 1 / 12
_COMMON_LEAST = 64
"""Documents from which a term is common."""


class SparseIndex:
    """Documents of weighted terms, scored by cosine of ``(1 + ln tf) * idf``, idf as in BM25 (Robertson and
    Zaragoza 2009).

    A cosine lies in 0..1 and means the same for short and long queries, which plain BM25 sums do not.
    """

    def __init__(self, documents: Sequence[Mapping[str, float]]) -> None:
        self._count = len(documents)
        seen = Counter(term for document in documents for term in document)
        self._terms = {term: n for n, term in enumerate(sorted(seen))}
        self._idf = np.array([self._rarity(seen[term]) for term in self._terms], dtype=np.float32)
        rows = [self._row(document) for document in documents]
        sizes = np.array([len(ids) for ids, _ in rows], dtype=np.int64)
        self._row_start = np.concatenate([[0], np.cumsum(sizes)])
        self._row_terms: Ids = np.concatenate([np.zeros(0, np.int32), *(ids for ids, _ in rows)])
        self._row_values: Floats = np.concatenate([np.zeros(0, np.float32), *(values for _, values in rows)])
        order = np.argsort(self._row_terms, kind="stable")
        self._posting_documents = np.repeat(np.arange(self._count, dtype=np.int32), sizes)[order]
        self._posting_values = self._row_values[order]
        self._posting_start = np.searchsorted(self._row_terms[order], np.arange(len(self._terms) + 1))
        self._common_at, self._common = self._lay_out_common()

    def __len__(self) -> int:
        return self._count

    def scores(self, query: Mapping[str, float]) -> Floats:
        """Cosine of the query with every document, 0..1. Terms that no document has still count in its length."""
        found = np.zeros(self._count, dtype=np.float32)
        unknown = sum((_damped(w) * self._rarity(0)) ** 2 for t, w in query.items() if t not in self._terms)
        ids, values = self._weighted(query)
        norm = math.sqrt(float(values @ values) + unknown)
        if not norm:
            return found
        for term, value in zip(ids.tolist(), (values / np.float32(norm)).tolist(), strict=True):
            row = self._common_at[term]
            if row >= 0:
                found += np.float32(value) * self._common[row]
            else:
                start, end = self._posting_start[term], self._posting_start[term + 1]
                found[self._posting_documents[start:end]] += np.float32(value) * self._posting_values[start:end]
        return np.clip(found, 0.0, 1.0)

    def likeness(self, some: Sequence[int], others: Sequence[int]) -> Floats:
        """Cosines of some documents with others: one row for each of ``some``."""
        rows = [slice(self._row_start[n], self._row_start[n + 1]) for n in (*some, *others)]
        sizes = [row.stop - row.start for row in rows]
        _, columns = np.unique(np.concatenate([self._row_terms[row] for row in rows]), return_inverse=True)
        wide = np.zeros((len(rows), int(columns.max(initial=-1)) + 1), dtype=np.float32)
        wide[np.repeat(np.arange(len(rows)), sizes), columns] = np.concatenate(
            [self._row_values[row] for row in rows]
        )
        return wide[: len(some)] @ wide[len(some) :].T

    def _lay_out_common(self) -> tuple[Ids, Floats]:
        """Rows over all documents for the terms that many have: adding a whole row is faster than its postings."""
        sizes = np.diff(self._posting_start)
        common = np.flatnonzero(sizes > max(_COMMON_LEAST, self._count * _COMMON_SHARE))
        at = np.full(len(self._terms), -1, dtype=np.int32)
        at[common] = np.arange(len(common), dtype=np.int32)
        rows = np.zeros((len(common), self._count), dtype=np.float32)
        for row, term in enumerate(common.tolist()):
            span = slice(self._posting_start[term], self._posting_start[term + 1])
            rows[row, self._posting_documents[span]] = self._posting_values[span]
        return at, rows

    def _rarity(self, documents: int) -> float:
        return math.log(1 + (self._count - documents + 0.5) / (documents + 0.5)) ** _IDF_POWER

    def _weighted(self, document: Mapping[str, float]) -> tuple[Ids, Floats]:
        known = sorted((self._terms[t], _damped(w)) for t, w in document.items() if t in self._terms and w > 0)
        ids = np.array([i for i, _ in known], dtype=np.int32)
        return ids, np.array([w for _, w in known], dtype=np.float32) * self._idf[ids]

    def _row(self, document: Mapping[str, float]) -> tuple[Ids, Floats]:
        ids, values = self._weighted(document)
        norm = float(np.linalg.norm(values))
        return ids, values / norm if norm else values


def _damped(weight: float) -> float:
    """Repeats of a term count less and less; a weight below 1 stays as it is."""
    return 1 + math.log(weight) if weight > 1 else weight
