"""Whether two strategies say the same, or the opposite, for one situation: by their words, without a model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from preceptor.core.records import Strategy

_WORD = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)?")
_COMMON = frozenset(
    [
        "a",
        "an",
        "the",
        "and",
        "or",
        "but",
        "of",
        "to",
        "in",
        "on",
        "at",
        "for",
        "with",
        "by",
        "from",
        "as",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "it",
        "its",
        "this",
        "that",
        "these",
        "those",
        "their",
        "them",
        "they",
        "he",
        "she",
        "his",
        "her",
        "then",
        "than",
        "so",
        "if",
        "when",
        "where",
        "who",
        "which",
        "what",
        "how",
        "has",
        "have",
        "had",
        "do",
        "does",
        "did",
        "will",
        "would",
        "can",
        "could",
        "may",
        "might",
        "should",
        "must",
        "you",
        "your",
        "we",
        "our",
        "us",
        "one",
        "any",
        "some",
        "all",
        "each",
        "there",
        "here",
        "about",
        "into",
        "out",
        "up",
        "again",
        "only",
        "also",
        "just",
        "very",
        "customer",
        "customers",
        "asks",
        "says",
        "tell",
        "say",
        "said",
        "give",
        "gives",
    ]
)
_NOT = frozenset(("not", "never", "no", "without", "don't", "don’t", "cannot", "can't", "can’t", "nor", "avoid"))
_SAME = 0.78
_SITUATION = 0.5
_RULE = 0.6
_WITHIN = 0.7


class Words(NamedTuple):
    """What two texts are compared by."""

    stems: frozenset[str]
    negated: bool


@lru_cache(maxsize=100_000)
def words_of(text: str) -> Words:
    """Stems of the words that carry meaning, and whether the text says no an odd number of times."""
    found = [w.casefold() for w in _WORD.findall(text)]
    stems = frozenset(_stem(w) for w in found if w not in _COMMON and w not in _NOT)
    return Words(stems, sum(w in _NOT for w in found) % 2 == 1)


def twins(strategy: Strategy, others: Iterable[Strategy]) -> Iterator[Strategy]:
    """The others that say the same."""
    when, do = words_of(strategy.when), words_of(strategy.do)
    for other in others:
        theirs = words_of(other.do)
        if other.id == strategy.id or do.negated != theirs.negated:
            continue
        if _dice(do, theirs) >= _SAME and _dice(when, words_of(other.when)) >= _SITUATION:
            yield other


def opponents(strategy: Strategy, others: Iterable[Strategy]) -> Iterator[tuple[Strategy, str]]:
    """The others that tell the opposite in about the same situation, with the field that does."""
    when, do, avoid = words_of(strategy.when), words_of(strategy.do), words_of(strategy.avoid)
    for other in others:
        situation = words_of(other.when)
        if other.id == strategy.id or situation.negated != when.negated or _dice(when, situation) < _SITUATION:
            continue
        theirs, their_avoid = words_of(other.do), words_of(other.avoid)
        if (do.negated != theirs.negated and _dice(do, theirs) >= _RULE) or (
            not do.negated and _within(their_avoid, do)
        ):
            yield other, "do"
        elif not theirs.negated and _within(avoid, theirs):
            yield other, "avoid"


def _dice(one: Words, other: Words) -> float:
    size = len(one.stems) + len(other.stems)
    return 2 * len(one.stems & other.stems) / size if size else 0.0


def _within(avoided: Words, done: Words) -> bool:
    """Whether what is avoided is about what is done."""
    return len(avoided.stems) > 1 and len(avoided.stems & done.stems) / len(avoided.stems) >= _WITHIN


def _stem(word: str) -> str:
    for end in ("ings", "ing", "edly", "ed", "es", "s", "e"):
        if word.endswith(end) and len(word) - len(end) >= 3:
            return word[: -len(end)]
    return word
