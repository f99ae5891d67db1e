"""From many strategies that fit to the few that are worth a small model's attention."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from preceptor.coach.wording import worded
from preceptor.core.records import Chosen
from preceptor.library.index import Hit


class Limits(Protocol):
    """The part of the coach's settings that choosing needs."""

    @property
    def strategies(self) -> int: ...
    @property
    def general(self) -> int: ...
    @property
    def words(self) -> int: ...
    @property
    def floor(self) -> float: ...
    @property
    def variety(self) -> float: ...


class Likeness(Protocol):
    """How alike strategies are, 0..1 each: one row for each of ``some``."""

    def likeness(self, some: Sequence[int], others: Sequence[int]) -> NDArray[np.float32]: ...


def choose(index: Likeness, hits: Sequence[Hit], limits: Limits) -> tuple[Chosen, ...]:
    """Maximal marginal relevance (Carbonell, Goldstein 1998) within floor and limits.

    The best hit always comes first; each next one is the hit with the highest
    ``(1 - variety) * score - variety * likeness to the nearest chosen one``. What does not fit the word limit is
    passed over. Scenario-bound strategies stand before domain-wide ones, each in order of choice.
    """
    pool = [hit for hit in hits if hit.score >= limits.floor and hit.score > 0]
    if not pool or not limits.strategies:
        return ()
    places = [hit.position for hit in pool]
    alike = index.likeness(places, places)
    worth = [(1 - limits.variety) * hit.score for hit in pool]
    nearest = [0.0] * len(pool)
    chosen: list[Chosen] = []
    words = general = 0
    for _ in pool:
        values = [value - limits.variety * near for value, near in zip(worth, nearest, strict=True)]
        at = values.index(max(values))
        worth[at] = -math.inf
        one = _chosen(pool[at])
        length = worded(one.strategy).words
        is_general = one.strategy.scope == "domain"
        if words + length > limits.words or (is_general and general >= limits.general):
            continue
        words += length
        general += is_general
        chosen.append(one)
        if len(chosen) == limits.strategies:
            break
        nearest = list(map(max, nearest, alike[at].tolist()))
    return tuple(sorted(chosen, key=lambda one: one.strategy.scope == "domain"))


def _chosen(hit: Hit) -> Chosen:
    return Chosen(strategy=hit.strategy, score=hit.score, lexical=hit.lexical, dense=hit.dense)
