"""A built index in and out of a release: loading 100,000 strategies must not mean building their index again.

Everything that an index holds is numbers, arrays and terms, so it is taken apart by walking it, and put together
along an index of today's code. Where today's code builds another index than the release's (told by a fingerprint
over a small fixed corpus), the release's index is left aside and built again from the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from preceptor.core.ids import digest
from preceptor.core.records import Strategy
from preceptor.library.index import Embedder, IndexSettings, StrategyIndex

ROOT = "index"
_GIVEN = frozenset(("_strategies", "_settings", "_embedder"))
"""What an index was given; the rest is what it made of it."""
_LATER = frozenset(("_opened", "_numbered", "_native", "native"))
"""What an index makes of its parts when it is first asked."""


@dataclass(slots=True)
class Parts:
    """An index taken apart; names tell the way to each part."""

    arrays: dict[str, NDArray[Any]] = field(default_factory=dict[str, NDArray[Any]])
    texts: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    scalars: dict[str, float] = field(default_factory=dict[str, float])


class Source(Protocol):
    """Where parts come from: a release."""

    def array(self, name: str) -> NDArray[Any]: ...
    def lines(self, name: str) -> list[str]: ...


def take_apart(index: StrategyIndex) -> Parts:
    """Everything that the index built, by name. TypeError where it holds what no release can carry."""
    parts = Parts()
    _take(index, ROOT, parts)
    return parts


def put_together(
    source: Source,
    scalars: Mapping[str, float],
    strategies: Sequence[Strategy],
    settings: IndexSettings,
    embedder: Embedder | None = None,
) -> StrategyIndex:
    """The index that was taken apart, over the same strategies (in order of id), nothing built again.

    Raises:
        KeyError: a part is missing.
    """
    given = {"_strategies": strategies, "_settings": settings, "_embedder": embedder}
    like = _small_index(settings, None if embedder is None else _Stand())
    return _put(like, ROOT, source, scalars, given)


def algorithm(settings: IndexSettings) -> str:
    """Fingerprint of what today's code builds from a small fixed corpus with these settings."""
    told: list[object] = []
    for embedder in (None, _Stand()):
        parts = take_apart(_small_index(settings, embedder))
        arrays = {name: np.round(a.astype(np.float64), 4).tolist() for name, a in parts.arrays.items()}
        told += [arrays, parts.texts, parts.scalars]
    return digest("index", told)[:16]


def _take(thing: object, name: str, parts: Parts) -> None:
    for key, value in vars(thing).items():
        path = f"{name}.{key.strip('_')}"
        if key in _GIVEN or key in _LATER or value is None:
            continue
        if isinstance(value, np.ndarray):
            parts.arrays[path] = value
        elif isinstance(value, (bool, int, float)):
            parts.scalars[path] = float(value)
        elif isinstance(value, dict):
            parts.texts[path] = _terms(cast("dict[str, int]", value), path)
        elif type(value).__module__.startswith("preceptor.library."):
            _take(value, path, parts)
        else:
            raise TypeError(f"{path}: a release cannot carry a {type(value).__name__}")


def _terms(places: dict[str, int], path: str) -> list[str]:
    """Terms in order of their numbers 0, 1, 2, ..."""
    if list(places.values()) != list(range(len(places))) or any("\n" in term for term in places):
        raise TypeError(f"{path}: a release carries terms numbered in order, each on one line")
    return list(places)


def _put(like: Any, name: str, source: Source, scalars: Mapping[str, float], given: Mapping[str, object]) -> Any:
    made: Any = object.__new__(cast("type[Any]", type(like)))
    attributes = vars(cast("object", like))
    for key, value in attributes.items():
        path = f"{name}.{key.strip('_')}"
        if key in _LATER:
            continue
        if key in _GIVEN:
            found: object = given[key]
        elif value is None:
            found = None
        elif isinstance(value, np.ndarray):
            found = source.array(path)
        elif isinstance(value, (bool, int, float)):
            found = type(value)(scalars[path])
        elif isinstance(value, dict):
            found = {term: n for n, term in enumerate(source.lines(path))}
        else:
            found = _put(value, path, source, scalars, given)
        setattr(made, key, found)
    return made


class _Stand:
    """Stands for an embedder where only the shape of an index is wanted."""

    name = "none"
    dimension = 1

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.ones((len(texts), 1), dtype=np.float32)


def _small_index(settings: IndexSettings, embedder: Embedder | None) -> StrategyIndex:
    strategies = (
        Strategy(id="s-1", when="A customer wants 2 refunds", do="Ask for the booking first", scenarios=("c-1",)),
        Strategy(id="s-2", when="A search failed", do="Say so and offer another way", scenarios=("c-1", "c-2")),
        Strategy(id="s-3", when="Any customer", do="Greet them by name", scope="domain"),
    )
    scenarios = {
        "c-1": "agent: How can I help?\ncustomer: I'd like my refunds, it's been 3 weeks",
        "c-2": "customer: Find it\naction[search]: search(city=Oslo) -> failed\nagent: Sorry\ncustomer: Again",
    }
    return StrategyIndex(strategies, scenarios=scenarios, embedder=embedder, settings=settings)
