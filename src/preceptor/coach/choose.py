"""From many strategies that fit to the few that are worth a small model's attention."""

from __future__ import annotations

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
    worth = (1 - limits.variety) * np.array([hit.score for hit in pool])
    nearest = np.zeros(len(pool))
    chosen: list[Hit] = []
    words = general = 0
    for _ in pool:
        at = int((worth - limits.variety * nearest).argmax())
        worth[at] = -np.inf
        hit = pool[at]
        length = worded(hit.strategy).words
        is_general = hit.strategy.scope == "domain"
        if words + length > limits.words or (is_general and general >= limits.general):
            continue
        words += length
        general += is_general
        chosen.append(hit)
        if len(chosen) == limits.strategies:
            break
        np.maximum(nearest, alike[at], out=nearest)
    chosen.sort(key=lambda hit: hit.strategy.scope == "domain")
    return tuple(_chosen(hit) for hit in chosen)


def _chosen(hit: Hit) -> Chosen:
    return Chosen(strategy=hit.strategy, score=hit.score, lexical=hit.lexical, dense=hit.dense)
