"""Text to meaning, as far as a flight simulator needs it: stems, synonyms, weighted overlap.

No state but bounded memos inside an object; the same text always gives the same scores.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

_STOP = (
    "a an the and or but so of to in on at by for from with as is are was were be been being am it its this "
    "that these those i you he she we they me my your his her our their them us him do does did done has have "
    "had will would can could shall should may might must just very really please also there here then than "
    "too if when say says said tell tells told know knows known message messages reply replies what which who "
    "how why let not no any some all one more up out about into over customer customers agent "
)
STOP = frozenset(_STOP.split())
_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+(?:[.:,]\d+)*|[a-z\d]+")
_SENTENCE = re.compile(r"(?<=[.!?…])[\"')\]]*\s+|\n+")
_CLAUSE = re.compile(r"\s*(?:;|:\s|,?\s+(?:and then|then|and|but|while)\s+|,\s+)\s*")
_NEGATION = re.compile(
    r"\b(?:not|never|cannot|without|unable|nor|avoid|refrain|instead of)\b|n't\b|\bnon-", re.IGNORECASE
)
_SUFFIXES = (
    ("ations", ""), ("ation", ""), ("ingly", ""), ("ments", ""), ("ment", ""), ("ness", ""), ("iest", "y"),
    ("ied", "y"), ("ies", "y"), ("ably", ""), ("able", ""), ("ible", ""), ("ing", ""), ("ers", ""), ("ed", ""),
    ("er", ""), ("ly", ""), ("es", ""), ("s", ""),
)  # fmt: skip


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A rough English stem: ``delivered``, ``delivery`` and ``delivering`` meet in ``deliv``-like forms."""
    if "'" in word:
        word = word.split("'", maxsplit=1)[0]
    if len(word) <= 3 or word[0].isdigit():
        return word
    for suffix, repl in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word[: -len(suffix)] + repl
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiousl":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word[-1] in "ey" else word


def tokens(text: str) -> list[str]:
    """Lower-case words and numbers."""
    return _TOKEN.findall(text.lower())


@lru_cache(maxsize=20_000)
def sentences(text: str) -> tuple[str, ...]:
    """Sentences and lines, stripped, none empty."""
    return tuple(s for part in _SENTENCE.split(text) if (s := part.strip()))


@lru_cache(maxsize=20_000)
def clauses(sentence: str) -> tuple[str, ...]:
    """Parts of a sentence between commas, semicolons and conjunctions, of three words or more."""
    return tuple(
        c for part in _CLAUSE.split(" ".join(sentence.split())) if (c := part.strip()) and len(c.split()) >= 3
    )


def negated(text: str) -> bool:
    """True where the text holds a negation."""
    return _NEGATION.search(text) is not None


class Lexicon:
    """Words to concepts: stems, with the synonyms of a world folded together."""

    def __init__(self, groups: Iterable[Sequence[str]]) -> None:
        self._single: dict[str, str] = {}
        self._phrases: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for group in groups:
            head = "=" + self._plain(group[0])[0]
            for entry in group:
                stems = tuple(self._plain(entry))
                if len(stems) == 1:
                    self._single.setdefault(stems[0], head)
                elif stems:
                    self._phrases.setdefault(stems[0], []).append((stems, head))
        for options in self._phrases.values():
            options.sort(key=lambda o: -len(o[0]))

    @staticmethod
    def _plain(text: str) -> list[str]:
        return [stem(t) for t in tokens(text) if t not in STOP] or [stem(t) for t in tokens(text)]

    def concepts(self, text: str) -> list[str]:
        """Concepts in order, stop words left out."""
        stems = [stem(t) for t in tokens(text) if t not in STOP]
        found: list[str] = []
        i = 0
        while i < len(stems):
            for phrase, head in self._phrases.get(stems[i], ()):
                if tuple(stems[i : i + len(phrase)]) == phrase:
                    found.append(head)
                    i += len(phrase)
                    break
            else:
                found.append(self._single.get(stems[i], stems[i]))
                i += 1
        return found


@dataclass(frozen=True, slots=True)
class Example:
    """One known way to say ``key``. A ``sign`` counts by how much of it a text covers, a ``say`` by likeness."""

    key: str
    text: str
    mode: Literal["say", "sign"] = "say"


class Index:
    """Scores a text against keys, each with several examples.

    A ``say`` scores the cosine of inverse-frequency weighted concepts, a ``sign`` 0.85 times the weight share
    of its concepts that the text holds; a key scores its best example, 0 to 1.
    """

    def __init__(self, examples: Sequence[Example], lexicon: Lexicon, weights: Mapping[str, float]) -> None:
        self._lexicon = lexicon
        ordered = sorted(examples, key=lambda e: e.key)
        bags = [set(lexicon.concepts(e.text)) for e in ordered]
        concepts: set[str] = {c for bag in bags for c in bag}
        self._vocabulary = {c: i for i, c in enumerate(sorted(concepts))}
        self._weight = np.array([weights.get(c, _RARE) for c in self._vocabulary], dtype=np.float32)
        self._rare = _RARE
        say = np.zeros((len(self._vocabulary), len(ordered)), dtype=np.float32)
        sign = np.zeros_like(say)
        for column, (example, bag) in enumerate(zip(ordered, bags, strict=True)):
            rows = [self._vocabulary[c] for c in sorted(bag)]
            w = self._weight[rows]
            if example.mode == "say":
                say[rows, column] = w / max(1e-6, float(np.linalg.norm(w)))
            else:
                sign[rows, column] = SIGN * w / max(1e-6, float(w.sum()))
        self._say, self._sign = say, sign
        self._held = ((say + sign) > 0).astype(np.float32)
        # One shared word is an accident, unless it is all that the sign consists of.
        alone = [len(b) == 1 and not _literal(e, b) for e, b in zip(ordered, bags, strict=True)]
        self._enough = np.where(alone, 1.0, 2.0).astype(np.float32)
        self.keys = tuple(sorted({e.key for e in ordered}))
        firsts = {k: [e.key for e in ordered].index(k) for k in self.keys}
        self._starts = np.array([firsts[k] for k in self.keys], dtype=np.intp)
        # "up to you" leaves no concept, "at the end" only a common one: such signs must stand there as they are.
        position = {k: i for i, k in enumerate(self.keys)}
        self._literal = tuple(
            (" ".join(tokens(e.text)), position[e.key])
            for e, b in zip(ordered, bags, strict=True)
            if _literal(e, b)
        )
        self._memo: dict[str, NDArray[np.float32]] = {}
        self._bests: dict[str, tuple[str, float]] = {}

    def scores(self, text: str) -> NDArray[np.float32]:
        """One score per key of :attr:`keys`."""
        known = self._memo.get(text)
        if known is None:
            if len(self._memo) > 20_000:
                self._memo.clear()
            known = self._memo[text] = self._scores(text)
        return known

    def _scores(self, text: str) -> NDArray[np.float32]:
        bag = set(self._lexicon.concepts(text))
        rows = [i for c in sorted(bag) if (i := self._vocabulary.get(c)) is not None]
        found = self._likeness(bag, rows) if rows else np.zeros(len(self.keys), dtype=np.float32)
        plain = f" {' '.join(tokens(text))} "
        for phrase, key in self._literal:
            if f" {phrase} " in plain:
                found[key] = max(found[key], SIGN)
        return found

    def _likeness(self, bag: set[str], rows: list[int]) -> NDArray[np.float32]:
        w = self._weight[rows]
        # Words that no example knows count against likeness, but less than known ones.
        norm = math.sqrt(float((w * w).sum()) + 0.3 * self._rare**2 * (len(bag) - len(rows)))
        both = np.maximum((w @ self._say[rows]) / norm, self._sign[rows].sum(axis=0))
        both = np.where(self._held[rows].sum(axis=0) >= self._enough, both, LONE * both)
        return np.maximum.reduceat(both, self._starts)

    def best(self, text: str) -> tuple[str, float]:
        """The best key and its score; ``("", 0.0)`` where nothing is shared."""
        known = self._bests.get(text)
        if known is None:
            if len(self._bests) > 20_000:
                self._bests.clear()
            known = self._bests[text] = self._best(text)
        return known

    def _best(self, text: str) -> tuple[str, float]:
        scores = self.scores(text)
        if not len(scores):
            return "", 0.0
        i = int(scores.argmax())
        return (self.keys[i], float(scores[i])) if scores[i] > 0 else ("", 0.0)


_RARE = 3.0
SIGN = 0.85
"""What a sign is worth that stands in the text in full."""
LONE = 0.5
"""What a likeness is worth that rests on one shared word."""


def _literal(example: Example, concepts: set[str]) -> bool:
    return example.mode == "sign" and len(concepts) < 2 and len(tokens(example.text)) > 1


def idf(texts: Iterable[str], lexicon: Lexicon) -> dict[str, float]:
    """Smoothed inverse document frequency per concept, about 0.5 (everywhere) to 3 (once), capped."""
    bags = [set(lexicon.concepts(t)) for t in texts]
    count: dict[str, int] = {}
    for bag in bags:
        for concept in bag:
            count[concept] = count.get(concept, 0) + 1
    n = max(1, len(bags))
    return {c: min(_RARE, 0.3 + math.log(1 + n / (1 + 3 * f))) for c, f in sorted(count.items())}
