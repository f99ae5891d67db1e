"""Documents of weighted terms, by number: who holds which term, in a few numpy arrays.

Several sets of documents that are asked at once stand in one (:meth:`Postings.joined`): each call of numpy costs
more than the few numbers that most searches look at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from preceptor.library import quick
from preceptor.library.rounding import ROUNDING

if TYPE_CHECKING:
    from preceptor.library import compiled

Floats = NDArray[np.float32]
Ids = NDArray[np.int32]
Places = NDArray[np.int64]

_COMMON_LEAST = 64
"""Documents below which no term is common."""
_FEW = 256
"""Documents fewer than which are scored one by one, however few there are in all."""
_SEEN = 16
"""Postings that an approximate search looks at, for each document that it names."""
_AT_ONCE = 512
"""Documents that others are compared with in one table."""
_ONE = np.float32(1.0)
_ROUNDING = np.float32(ROUNDING)


@dataclass(frozen=True, slots=True)
class Query:
    """Numbers of terms with weights, scaled so that products with documents are cosines; first those asked of the
    first part, then those of the next."""

    terms: Ids
    weights: Floats
    sizes: tuple[int, ...]
    """How many terms each part is asked."""


class Postings:
    """Scores by cosine, exactly or from above.

    What many documents have says little and costs most to add up. So :meth:`ceilings` adds the rare terms and
    bounds the common ones (Cauchy-Schwarz over both common parts), and :meth:`exact` adds all terms of the
    documents that can still matter.

    Args:
        rows: per document the numbers of its terms, and their weights: of length 1.
        rarities: of each term, and last of a term that no document has, whose number is the last.
        common: share of the documents from which a term is common. The fewer terms are added up, the higher are
            ceilings above scores.
    """

    def __init__(self, rows: Sequence[tuple[Ids, Floats]], rarities: Sequence[float], *, common: float) -> None:
        self._rarities = np.array(rarities, dtype=np.float32)
        sizes = np.array([len(ids) for ids, _ in rows], dtype=np.int64)
        self._row_start = np.concatenate([[0], np.cumsum(sizes)])
        self._row_terms: Ids = np.concatenate([np.zeros(0, np.int32), *(ids for ids, _ in rows)])
        self._row_values: Floats = np.concatenate([np.zeros(0, np.float32), *(values for _, values in rows)])
        order = np.argsort(self._row_terms, kind="stable")
        owners = np.repeat(np.arange(len(rows), dtype=np.int32), sizes)
        self._posting_documents = owners[order]
        self._posting_values = self._row_values[order]
        self._posting_start = np.searchsorted(self._row_terms[order], np.arange(len(rarities) + 1))
        held = np.diff(self._posting_start)
        self._common = held > max(_COMMON_LEAST, len(rows) * common)
        self._rare = np.where(self._common, 0, held)
        squares = np.where(self._common[self._row_terms], self._row_values, 0) ** 2
        self._common_length = np.sqrt(np.bincount(owners, squares, len(rows))).astype(np.float32)
        self._parts = np.array([0, len(rows)])

    @classmethod
    def joined(cls, first: Postings, second: Postings) -> Postings:
        """Both as one, with the numbers of documents and terms of the second behind those of the first."""
        made = cls.__new__(cls)
        documents, terms, held = len(first), len(first._rarities), len(first._row_terms)
        made._rarities = np.concatenate([first._rarities, second._rarities])
        made._row_start = np.concatenate([first._row_start[:-1], second._row_start + held])
        made._row_terms = np.concatenate([first._row_terms, second._row_terms + np.int32(terms)])
        made._row_values = np.concatenate([first._row_values, second._row_values])
        behind = second._posting_documents + np.int32(documents)
        made._posting_documents = np.concatenate([first._posting_documents, behind])
        made._posting_values = np.concatenate([first._posting_values, second._posting_values])
        made._posting_start = np.concatenate([first._posting_start[:-1], second._posting_start + held])
        made._common = np.concatenate([first._common, second._common])
        made._rare = np.concatenate([first._rare, second._rare])
        made._common_length = np.concatenate([first._common_length, second._common_length])
        made._parts = np.concatenate([first._parts, second._parts[1:] + documents])
        return made

    def __len__(self) -> int:
        return len(self._common_length)

    @cached_property
    def native(self) -> compiled.Held | None:
        """The same, compiled, where that can be."""
        return quick.compiled and quick.compiled.Held(
            self._row_start,
            self._row_terms,
            self._row_values,
            self._posting_start,
            self._posting_documents,
            self._posting_values,
            self._common,
            self._common_length,
            self._rarities,
        )

    @property
    def rarities(self) -> Floats:
        """How rare each term is."""
        return self._rarities

    @property
    def terms(self) -> int:
        """How many terms there are, with the one of each part that stands for all unknown ones."""
        return len(self._rarities)

    def query(self, terms: Ids, weights: Floats, sizes: tuple[int, ...]) -> Query:
        """Terms with their weights as they were counted, each once. What no document has still counts in the
        length: what is mostly unknown fits nothing well.

        Args:
            sizes: how many terms are asked of each part; these stand first to last.
        """
        found = np.maximum(weights, _ONE)
        np.log(found, out=found)
        found += np.minimum(weights, _ONE)
        found *= self._rarities.take(terms)
        start = 0
        for size in sizes:
            part = found[start : start + size]
            length = math.sqrt(float(part @ part))
            if length:
                part *= np.float32(1 / length)
            start += size
        return Query(terms, found, sizes)

    def all(self, query: Query) -> Floats:
        """Cosine of the query with every document, 0..1."""
        starts = self._posting_start.take(query.terms)
        return np.minimum(self._sums(query, starts, self._posting_start.take(query.terms + 1) - starts), _ONE)

    def ceilings(self, query: Query) -> list[Floats]:
        """What no document's score lies above, part by part."""
        starts = self._posting_start.take(query.terms)
        high = self._sums(query, starts, self._rare.take(query.terms))
        high += _ROUNDING
        common = query.weights * self._common.take(query.terms)
        found: list[Floats] = []
        start, parts = 0, self._parts.tolist()
        for size, first, end in zip(query.sizes, parts, parts[1:], strict=False):
            asked = common[start : start + size]
            length = math.sqrt(float(asked @ asked))
            if length:
                high[first:end] += self._common_length[first:end] * np.float32(length)
            start += size
            found.append(high[first:end])
        np.minimum(high, _ONE, out=high)
        return found

    def exact(self, query: Query, documents: Places) -> Floats:
        """Cosine of the query with each of ``documents``, 0..1."""
        if self.native is not None:
            return self.native.exact(query.terms, query.weights, documents)
        if len(documents) * 8 >= len(self) + _FEW:
            return self.all(query).take(documents)
        places, owners = self._spans(documents)
        terms = self._row_terms.take(places)
        wanted: Floats = np.empty(self.terms, dtype=np.float32)
        wanted[terms] = 0  # all others are not looked at
        wanted[query.terms] = query.weights
        products = wanted.take(terms)
        products *= self._row_values.take(places)
        found = np.bincount(owners, products, len(documents)).astype(np.float32)
        return np.minimum(found, _ONE, out=found)

    def near(self, query: Query, part: int, most: int) -> Places:
        """At most ``most`` documents of a part that hold the query's rarest terms, those with the largest sums of
        them. For indexes too large to look at every document; ``exact`` tells their scores."""
        start = sum(query.sizes[:part])
        asked = slice(start, start + query.sizes[part])
        terms = query.terms[asked]
        starts = self._posting_start.take(terms)
        sizes = self._posting_start.take(terms + 1) - starts
        order = np.argsort(sizes, kind="stable")
        seen = _SEEN * most
        kept = order[: max(1, int(np.searchsorted(np.cumsum(sizes[order]), seen, side="right")))]
        if self.native is not None:
            documents, sums = self.native.gathered(terms[kept], query.weights[asked][kept], seen)
            return documents.take(highest(sums, most)) - int(self._parts[part])
        places, owners = runs(starts[kept], np.minimum(sizes[kept], seen))
        values = self._posting_values.take(places)
        values *= query.weights[asked][kept].take(owners)
        # Documents with the order of what was seen in one number each: these are sorted fastest.
        both = (self._posting_documents.take(places).astype(np.int64) << 32) + np.arange(len(places))
        both.sort()
        documents = both >> 32
        first = np.flatnonzero(np.diff(documents, prepend=-1))
        sums = np.add.reduceat(values.take(both & 0xFFFFFFFF), first) if len(first) else values
        return documents.take(first.take(highest(sums, most))) - int(self._parts[part])

    def likeness(self, some: Sequence[int] | Places, others: Sequence[int] | Places) -> Floats:
        """Cosines of some documents with others: one row for each of ``some``."""
        table = self.table(np.concatenate([some, others]).astype(np.int64))
        return table[: len(some)] @ table[len(some) :].T

    def support(self, found: Places, voters: Places, votes: Floats) -> tuple[Floats, Floats]:
        """How far voters agree on each document found: the sum of the votes, each times the squared cosine of voter
        and document; and the cosines of those found with each other."""
        if self.native is not None:
            return self.native.support(found, voters, votes)
        table = self.table(np.concatenate([found, voters[:_AT_ONCE]]))
        own, theirs = table[: len(found)], table[len(found) :]
        told = np.square(own @ theirs.T) @ votes[:_AT_ONCE]
        for start in range(_AT_ONCE, len(voters), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            told += np.square(self.likeness(found, voters[part])) @ votes[part]
        return told, own @ own.T

    def table(self, documents: Places) -> Floats:
        """These documents with all their terms' weights, a row each: products of rows are cosines."""
        places, owners = self._spans(documents)
        terms = self._row_terms.take(places)
        # A column for each term that is there, in no order: each is known by where it comes up last. Sorting them
        # would take longer than all else.
        each = np.arange(len(terms))
        last: Places = np.empty(self.terms, dtype=np.int64)
        last[terms] = each
        last = last.take(terms)
        columns = (last == each).cumsum()
        width = int(columns[-1]) if len(terms) else 0
        wide = np.zeros((len(documents), width), dtype=np.float32)
        owners *= width
        owners += columns.take(last)
        owners -= 1
        wide.ravel()[owners] = self._row_values.take(places)
        return wide

    def _sums(self, query: Query, starts: Places, sizes: Places) -> Floats:
        """Per document the sum over so many postings of each term."""
        ends = sizes.cumsum()
        places = np.arange(int(ends[-1]) if len(ends) else 0)
        places += (starts - ends + sizes).repeat(sizes)
        values = self._posting_values.take(places)
        values *= query.weights.repeat(sizes)
        return np.bincount(self._posting_documents.take(places), values, len(self)).astype(np.float32)

    def _spans(self, documents: Places) -> tuple[Places, Places]:
        """Places of the documents' terms in the rows, and for each which of ``documents`` it belongs to."""
        starts = self._row_start.take(documents)
        return runs(starts, self._row_start.take(documents + 1) - starts)


def runs(starts: Places, sizes: Places) -> tuple[Places, Places]:
    """``sizes[n]`` numbers from ``starts[n]`` on, for each ``n``; and which ``n`` each is of."""
    ends = sizes.cumsum()
    places = np.arange(int(ends[-1]) if len(ends) else 0)
    places += (starts - ends + sizes).repeat(sizes)
    return places, np.arange(len(starts)).repeat(sizes)


def highest(values: Floats, count: int) -> Places:
    """Places of the ``count`` highest, in no order."""
    kept = len(values) - count
    return np.arange(len(values)) if kept <= 0 else np.argpartition(values, kept - 1)[kept:]
