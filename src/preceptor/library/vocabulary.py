"""A state's words as numbers of terms: each word is looked up once, whoever said it and wherever it is searched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from preceptor.library import quick
from preceptor.library.conversation_state import Said, plain_words
from preceptor.library.postings import Ids, Postings, Query

if TYPE_CHECKING:
    from preceptor.library import compiled

_SAID = ("c:", "a:", "r:", "?:")
"""Parts of a state whose terms are a word each; the others' are names of actions."""
_NAMED = ("x:", "!:")


class Vocabulary:
    """The terms of two sparse indexes joined: of states, where a word has a number for each part that it may play,
    and of strategies' own words.

    Args:
        states: number of each term of the states.
        own: number of each of the strategies' own words.
    """

    def __init__(self, states: Mapping[str, int], own: Mapping[str, int]) -> None:
        unknown, behind = len(states), len(states) + 1
        said = [(start, term[2:], states[term]) for start in _SAID for term in states if term.startswith(start)]
        self._words = {word: n for n, word in enumerate(sorted({*own, *(word for _, word, _ in said)}))}
        numbers = np.full((len(_SAID) + 1, len(self._words) + 1), unknown, dtype=np.int32)
        for start, word, number in said:
            numbers[_SAID.index(start), self._words[word]] = number
        numbers[-1] = behind + len(own)
        for word, number in own.items():
            numbers[-1, self._words[word]] = behind + number
        self._numbers: Ids = numbers.ravel()
        named = sorted(term for term in states if term.startswith(_NAMED))
        self._names = {term: n for n, term in enumerate(named)}
        self._named: Ids = np.array([*(states[term] for term in named), unknown], dtype=np.int32)

    def native(self, fit: Mapping[str, int], postings: Postings) -> compiled.Numbered | None:
        """The same for a compiled search, with the numbers of the terms of a fit, and how rare those asked are."""
        built, words = quick.compiled, self._words
        return built and built.Numbered(words, self._numbers, self._names, self._named, fit, postings.rarities)

    def read(self, said: Said, postings: Postings) -> Query:
        """What to ask of the states, by the part that each word plays, and of the strategies' own words by all that
        was said, whoever said it."""
        plain = plain_words(said)
        width = len(self._words) + 1
        at = dict(zip(plain, map(self._words.get, plain, [width - 1] * len(plain)), strict=True))
        places: list[int] = []
        weights: list[float] = []
        for n, part in enumerate((said.customer, said.agent, said.told, said.asked)):
            if part:
                start = n * width
                places += [at[word] + start for word in part] if n else map(at.__getitem__, part)
                weights += part.values()
        named: list[int] = []
        for start, part in zip(_NAMED, (said.actions, said.news), strict=True):
            if part:
                named += [self._names.get(start + name, -1) for name in part]
                weights += part.values()
        start = len(_SAID) * width
        split = len(places)
        places += [place + start for place in at.values()]
        weights += plain.values()
        numbers = self._numbers.take(places)
        terms = np.concatenate([numbers[:split], self._named.take(named), numbers[split:]])
        return postings.query(terms, np.array(weights, dtype=np.float32), (split + len(named), len(plain)))
