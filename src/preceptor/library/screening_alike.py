"""Whether two strategies say the same, or the opposite, for one situation: by their words, without a model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from sys import intern
from typing import Literal, NamedTuple, Self

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
SAME = 0.78
"""Dice's coefficient of two rules from which they are one."""
SITUATION = 0.5
"""Of two situations from which they are about the same."""
RULE = 0.6
"""Of a rule and a negated one from which they are opposites."""
WITHIN = 0.7
"""Share of what is avoided that is done, from which it is done."""


Side = Literal["do", "avoid"]
"""Field of a strategy that may tell the opposite of another one."""


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


_NOTHING = Words(frozenset(), negated=False)


class Forms(NamedTuple):
    """What a strategy is compared by."""

    when: Words
    do: Words
    avoid: Words

    @classmethod
    def of(cls, strategy: Strategy) -> Self:
        """Those of its words."""
        return cls(words_of(strategy.when), words_of(strategy.do), words_of(strategy.avoid))

    def packed(self) -> str:
        """As one text, in which they are stored."""
        return "|".join(f"{'!' * part.negated}{' '.join(sorted(part.stems))}" for part in self)

    @classmethod
    def unpacked(cls, text: str) -> Self:
        """From :meth:`packed`; what was altered compares as something else."""
        parts = [Words(frozenset(map(intern, p.lstrip("!").split())), p.startswith("!")) for p in text.split("|")]
        return cls(*(*parts, *[_NOTHING] * 3)[:3])


def same(mine: Forms, theirs: Forms) -> bool:
    """Whether both say the same."""
    if mine.do.negated != theirs.do.negated:
        return False
    return _dice(mine.do, theirs.do) >= SAME and _dice(mine.when, theirs.when) >= SITUATION


def opposed(mine: Forms, theirs: Forms) -> Side | None:
    """The field of mine that tells the opposite of theirs in about the same situation, if one does."""
    if theirs.when.negated != mine.when.negated or _dice(mine.when, theirs.when) < SITUATION:
        return None
    if mine.do.negated != theirs.do.negated and _dice(mine.do, theirs.do) >= RULE:
        return "do"
    if not mine.do.negated and _within(theirs.avoid, mine.do):
        return "do"
    return "avoid" if not theirs.do.negated and _within(mine.avoid, theirs.do) else None


def twins(strategy: Strategy, others: Iterable[Strategy]) -> Iterator[Strategy]:
    """The others that say the same."""
    mine = Forms.of(strategy)
    return (o for o in others if o.id != strategy.id and same(mine, Forms.of(o)))


def opponents(strategy: Strategy, others: Iterable[Strategy]) -> Iterator[tuple[Strategy, Side]]:
    """The others that tell the opposite in about the same situation, with the field that does."""
    mine = Forms.of(strategy)
    for other in others:
        side = None if other.id == strategy.id else opposed(mine, Forms.of(other))
        if side:
            yield other, side


def _dice(one: Words, other: Words) -> float:
    size = len(one.stems) + len(other.stems)
    return 2 * len(one.stems & other.stems) / size if size else 0.0


def _within(avoided: Words, done: Words) -> bool:
    """Whether what is avoided is about what is done."""
    return len(avoided.stems) > 1 and len(avoided.stems & done.stems) / len(avoided.stems) >= WITHIN


def _stem(word: str) -> str:
    for end in ("ings", "ing", "edly", "ed", "es", "s", "e"):
        if word.endswith(end) and len(word) - len(end) >= 3:
            return word[: -len(end)]
    return word
