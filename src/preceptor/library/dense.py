"""Vectors of documents, searched exactly without reading all of them, or approximately where there are very many.

Vectors are turned (an orthogonal matrix, from the principal axes), so that their first coordinates carry most of
their length. Products do not change by that. The product of the first coordinates, and that of the lengths of the
rest (Cauchy-Schwarz), bound the cosine from above: of every document by few coordinates, of those that this does
not shut out by more; only what may still be among the best is read whole.
"""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from preceptor.library.postings import Floats, Places
from preceptor.library.rounding import ROUNDING

HEAD = 128
"""Coordinates that bound the cosine closely."""
_FEW = 512
_AT_ONCE = 512
"""Documents that are read whole at once, so that they stay near the processor."""
_APART = 3
"""Heads of more than one in so many documents are read faster all in a row."""
_SAMPLE = 20_000
"""Documents that tell the principal axes, and unrelated pairs."""
_LEAST_WIDTH = 32
"""Coordinates from which turning is worth its product."""
_SIGN_EXPONENT_FRACTION = np.int32(~0x70000000)
_HALF = 1.001
"""What lengths are widened by where numbers are kept in 16 bits."""
_PROBES, _PROBED = 48, 200
"""Cells of the approximate index that are looked into where so many documents are asked for, or more."""
_TRAIN = 40
"""Documents a cell that the approximate index is trained on."""


class DenseIndex:
    """Documents by their vectors. A cosine is read against what unrelated documents have with this embedder.

    Args:
        vectors: one row of length 1 a document.
        questions: vectors of what will be asked like; their mean cosine with documents that have nothing to do
            with them counts as 0.
        approximate: prepare for :meth:`near` (extra ``faiss``); without the extra it reads every document's head.
        first: how many coordinates are looked at in every document, at most ``HEAD``. With cells of an approximate
            index none are kept apart.
    """

    def __init__(self, vectors: Floats, questions: Floats, *, approximate: bool = False, first: int = HEAD) -> None:
        self._base = _background(questions, vectors)
        self._turn = _axes(vectors)
        turned = self._turned(vectors)
        self._head = np.ascontiguousarray(turned[:, :HEAD], dtype=np.float32)
        self._rest = turned[:, HEAD:].astype(np.float16)
        self._length = _lengths(turned[:, HEAD:])
        self._cells = _cells(turned) if approximate else np.zeros(0, dtype=np.uint8)
        first = 0 if len(self._cells) else first
        # A coordinate of all documents in a row: products are made a third faster so than document by document.
        self._first = np.ascontiguousarray(turned[:, :first].T, dtype=np.float32)
        self._first_length = _lengths(turned[:, first:]) if first else self._length[:0]

    def __len__(self) -> int:
        return len(self._head)

    @property
    def approximate(self) -> bool:
        """Whether :meth:`near` needs not read every document's head."""
        return len(self._cells) > 0 and find_spec("faiss") is not None

    def ready(self) -> None:
        """Opens the approximate index, which the first question would otherwise wait for."""
        if self.approximate:
            _ = self._opened

    def question(self, vector: Floats) -> DenseScore:
        """The scores of one question's vector."""
        return DenseScore(self, self._turned(vector))

    def ceilings(self, turned: Floats, documents: Places | None = None) -> Floats:
        """See :class:`DenseScore`."""
        width = self._head.shape[1]
        if documents is not None:
            found, lengths = self._heads(turned, documents), self._length.take(documents)
        elif len(self._first):
            width = len(self._first)
            found, lengths = turned[:width] @ self._first, self._first_length
        else:
            found, lengths = self._head @ turned[:width], self._length
        found += np.float32(np.linalg.norm(turned[width:])) * lengths
        found += np.float32(ROUNDING)
        return self._read(found)

    def exact(self, turned: Floats, documents: Places) -> Floats:
        """See :class:`DenseScore`."""
        found = self._heads(turned, documents)
        width = self._head.shape[1]
        for start in range(0, len(documents) if self._rest.shape[1] else 0, _AT_ONCE):
            part = documents[start : start + _AT_ONCE]
            found[start : start + _AT_ONCE] += widened(self._rest.take(part, axis=0)) @ turned[width:]
        return self._read(found)

    def _heads(self, turned: Floats, documents: Places) -> Floats:
        """Products of the first coordinates."""
        asked = turned[: self._head.shape[1]]
        if len(documents) * _APART > len(self):
            return (self._head @ asked).take(documents)
        found = np.empty(len(documents), dtype=np.float32)
        for start in range(0, len(documents), _AT_ONCE):
            found[start : start + _AT_ONCE] = self._head.take(documents[start : start + _AT_ONCE], axis=0) @ asked
        return found

    def near(self, turned: Floats, most: int) -> Places:
        """See :class:`DenseScore`."""
        if not self.approximate:
            return np.argsort(-(self._head @ turned[: self._head.shape[1]]), kind="stable")[:most]
        looked = import_module("faiss").SearchParametersIVF(nprobe=-(-_PROBES * min(most, _PROBED) // _PROBED))
        _, found = self._opened.search(turned[None], most, params=looked)
        return np.asarray(found[0][found[0] >= 0], dtype=np.int64)

    @cached_property
    def _opened(self) -> Any:
        """The approximate index; opened when it is first asked."""
        return import_module("faiss").deserialize_index(np.array(self._cells))

    def _turned(self, vectors: Floats) -> Floats:
        return np.asarray(vectors @ self._turn if len(self._turn) else vectors, dtype=np.float32)

    def _read(self, cosines: Floats) -> Floats:
        """Against the background, in place."""
        cosines -= np.float32(self._base)
        cosines *= np.float32(1 / (1 - self._base))
        return np.clip(cosines, 0.0, 1.0, out=cosines)


class DenseScore:
    """One question's cosines, read against the background: 0 is unrelated, 1 the same."""

    def __init__(self, index: DenseIndex, turned: Floats) -> None:
        self._index = index
        self._turned = turned

    def ceilings(self, documents: Places | None = None) -> Floats:
        """What the cosine of none of these documents lies above; of none at all, less closely, where none are
        named."""
        return self._index.ceilings(self._turned, documents)

    def exact(self, documents: Places) -> Floats:
        """The cosines of these documents."""
        return self._index.exact(self._turned, documents)

    def near(self, most: int) -> Places:
        """About ``most`` documents among which the best probably are."""
        return self._index.near(self._turned, most)


def widened(halves: NDArray[np.float16]) -> Floats:
    """Finite 16-bit numbers as 32-bit ones, several times as fast as numpy does it: the sign, then exponent and
    fraction in their new places, and what the exponents' offsets differ by (127 - 15) as a factor."""
    bits = np.ascontiguousarray(halves).view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= _SIGN_EXPONENT_FRACTION
    found = bits.view(np.float32)
    found *= np.float32(2.0**112)
    return found


def _background(questions: Floats, documents: Floats) -> float:
    """Mean cosine of rows that have nothing to do with each other: shifted pairs, at most 1,000."""
    count = min(len(questions), len(documents), 1000)
    if count < 3:
        return 0.0
    shifted = np.roll(documents[:count], count // 2, axis=0)
    mean = float(np.einsum("ij,ij->", questions[:count], shifted)) / count
    return min(max(mean, 0.0), 0.95)


def _axes(vectors: Floats) -> Floats:
    """Principal axes as columns, the strongest first; empty where there are so few documents that turning would
    cost more than it saves."""
    if len(vectors) <= _FEW or vectors.shape[1] <= _LEAST_WIDTH:
        return np.zeros((0, 0), dtype=np.float32)
    some = vectors[:: -(-len(vectors) // _SAMPLE)].astype(np.float64)
    _, columns = np.linalg.eigh(some.T @ some)
    return np.asarray(columns[:, ::-1], dtype=np.float32)


def _lengths(rows: Floats) -> Floats:
    """At least those of these rows, however they are rounded to 16 bits."""
    return (_HALF * np.linalg.norm(rows, axis=1)).astype(np.float32)


def _cells(turned: Floats) -> NDArray[np.uint8]:
    """An inverted file over 8-bit vectors (Jegou, Douze, Schmid 2011); empty where the extra is not installed."""
    if find_spec("faiss") is None or not len(turned):
        return np.zeros(0, dtype=np.uint8)
    faiss = import_module("faiss")
    count = max(1, min(4096, int(4 * len(turned) ** 0.5), len(turned) // _TRAIN))
    index = faiss.index_factory(turned.shape[1], f"IVF{count},SQ8", faiss.METRIC_INNER_PRODUCT)
    index.cp.seed = 1
    rows = np.ascontiguousarray(turned, dtype=np.float32)
    index.train(rows[:: max(1, len(rows) // (_TRAIN * count))])
    index.add(rows)
    return np.asarray(faiss.serialize_index(index), dtype=np.uint8)
