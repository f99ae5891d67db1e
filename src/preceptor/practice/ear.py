"""Understanding the same thing in other words: which of a world's moves, issues and moods a clause names.

A naive Bayes reader over the ways of putting each thing that a world lists under ``heard``. Per feature of a text
(concepts, word beginnings, function words) it knows how much likelier it is where a thing is named than anywhere;
the logarithms add up. No state but bounded memos; the same text always gives the same scores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from preceptor.practice.words import STOP, Lexicon, stem, tokens

_PRIOR = 1.0
"""Imagined phrasings per thing that hold each feature as often as all phrasings do: few examples claim little."""
_AGAINST = -0.25
"""The most that a feature speaks against a thing: an instruction names several things at once, so words that are
foreign to one of them say little."""
_BEGINNING, _FUNCTION = 0.5, 0.4
"""Weights beside a concept's 1: the two repeat part of what concepts say."""
_BARE_WORDS = "a an the and or of to in on at by for with as is are was were be been it its this that"
_BARE = frozenset(_BARE_WORDS.split())
_LETTERS = 5


class Ear:
    """Scores texts against things, each known by several phrasings."""

    def __init__(self, phrasings: Mapping[str, Sequence[str]], lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self.keys = tuple(sorted(phrasings))
        bags = [[self._features(text) for text in phrasings[key]] for key in self.keys]
        everywhere = Counter(f for column in bags for bag in column for f in bag)
        self._row = {feature: i for i, feature in enumerate(sorted(everywhere))}
        count = np.zeros((len(self._row), len(self.keys)), dtype=np.float64)
        for place, column in enumerate(bags):
            for bag in column:
                count[[self._row[f] for f in bag], place] += 1
        sizes = np.array([len(column) for column in bags], dtype=np.float64)
        rate = count.sum(axis=1, keepdims=True) / max(1.0, sizes.sum())
        weight = np.array([_weight(f) for f in self._row])[:, None]
        likelier = np.log((count + _PRIOR * rate) / (sizes + _PRIOR) / rate) if self._row else count
        self._evidence: NDArray[np.float32] = (weight * np.maximum(likelier, _AGAINST)).astype(np.float32)
        self._memo: dict[str, NDArray[np.float32]] = {}
        self._of: dict[tuple[str, frozenset[str] | None], NDArray[np.intp]] = {}

    def evidence(self, text: str) -> NDArray[np.float32]:
        """Per key of :attr:`keys`: the log of how much likelier the text is where it is meant than anywhere."""
        known = self._memo.get(text)
        if known is None:
            if len(self._memo) > 20_000:
                self._memo.clear()
            rows = [i for f in sorted(self._features(text)) if (i := self._row.get(f)) is not None]
            known = self._memo[text] = self._evidence[rows].sum(axis=0)
        return known

    def best(self, text: str, kind: str = "", among: frozenset[str] | None = None) -> tuple[str, float]:
        """The likeliest key and its evidence; ``("", 0.0)`` where nothing speaks for any.

        Args:
            kind: only keys that begin with it, and of these only ``kind`` + one of ``among`` where given.
        """
        places = self._places(kind, among)
        if not len(places):
            return "", 0.0
        scores = self.evidence(text)[places]
        top = int(scores.argmax())
        return (self.keys[int(places[top])], float(scores[top])) if scores[top] > 0 else ("", 0.0)

    def _places(self, kind: str, among: frozenset[str] | None) -> NDArray[np.intp]:
        known = self._of.get((kind, among))
        if known is None:
            allowed = [
                place
                for place, key in enumerate(self.keys)
                if key.startswith(kind) and (among is None or key.removeprefix(kind) in among)
            ]
            known = self._of[kind, among] = np.array(allowed, dtype=np.intp)
        return known

    def _features(self, text: str) -> frozenset[str]:
        words = tokens(text)
        found = set(self._lexicon.concepts(text))
        found.update(f"{w[:_LETTERS]}-" for w in words if w not in STOP and len(w) >= _LETTERS - 1)
        found.update(f"_{stem(w)}" for w in words if w in STOP and w not in _BARE)
        return frozenset(found)


def _weight(feature: str) -> float:
    return _BEGINNING if feature.endswith("-") else _FUNCTION if feature.startswith("_") else 1.0
