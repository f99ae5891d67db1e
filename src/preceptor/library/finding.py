"""Finding strategies by words that a person types: rare words count more, and not every word need stand there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

_ENOUGH = 0.4
"""Share of the best score below which a text is no answer to the question any more."""


def ranked(asked: Sequence[str], texts: Iterable[tuple[str, str]], total: int) -> list[str]:
    """Ids of the texts that hold rare words of ``asked``, best first; equals keep their order.

    A word weighs ``log((1 + total) / texts that hold it)``, an inverse document frequency; parts of
    words count ("refund" finds "refunded").

    Args:
        asked: words in small letters.
        texts: pairs of id and text in small letters, each of which holds at least one of the words.
        total: how many texts there are, those without a hit among them.
    """
    held = [(id, {word for word in asked if word in text}) for id, text in texts]
    counts = {word: sum(word in found for _, found in held) for word in asked}
    weights = {word: math.log((1 + total) / count) for word, count in counts.items() if count}
    scored = [(sum(weights[word] for word in sorted(found)), id) for id, found in held]
    best = max((score for score, _ in scored), default=0.0)
    return [id for score, id in sorted(scored, key=lambda x: -x[0]) if score >= _ENOUGH * best]
