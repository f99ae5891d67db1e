"""The library in memory, kept up to date by its log: so that every page is fast and none is stale."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from threading import Lock

from preceptor.core.records import Strategy
from preceptor.library.entry import Entry
from preceptor.library.store import Library
from preceptor.review.alike import Alike, AlikeIndex
from preceptor.review.ranking import Ranking

_MANY = 400
"""Changed entries above which all are read again at once."""


@dataclass(frozen=True, slots=True)
class View:
    """The entries as of one change. Never altered: a later view is another object."""

    seq: int
    entries: Mapping[str, Entry]
    order: tuple[str, ...]
    """All ids, those to look at first in front (:mod:`preceptor.review.ranking`)."""
    waiting: int = 0
    """How many are proposed."""
    chosen: dict[Hashable, tuple[Entry, ...]] = field(
        default_factory=dict[Hashable, tuple[Entry, ...]], compare=False, repr=False
    )
    """What filters found in it, kept: the page of a strategy and the decision on it ask for the same."""


class Shelf:
    """Safe to share between threads."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = Lock()
        self._view = View(0, {}, ())
        self._alike = AlikeIndex()
        self._ranking = Ranking()

    def view(self) -> View:
        """The library as it is now. LibraryError where it cannot be read."""
        seq = self._library.head()
        with self._lock:
            if seq > self._view.seq:
                self._view = self._caught_up(seq)
            return self._view

    def alike(self, strategy: Strategy, *, least: float = 0.45) -> tuple[Alike, ...]:
        """Strategies that say about the same."""
        self.view()
        with self._lock:
            return self._alike.like(strategy, least=least)

    def _caught_up(self, seq: int) -> View:
        known = self._view
        touched = self._library.touched_since(known.seq)
        many = len(touched) > _MANY
        fresh = self._library.entries() if many else tuple(map(self._library.entry, touched))
        for entry in fresh:
            self._alike.put(entry.strategy)
        self._ranking.put(fresh)
        before = sum(i in known.entries and known.entries[i].status == "proposed" for i in map(_id, fresh))
        now = sum(e.status == "proposed" for e in fresh)
        entries = {**known.entries, **{e.strategy.id: e for e in fresh}}
        return View(seq, entries, self._ranking.order(), known.waiting - before + now)


def _id(entry: Entry) -> str:
    return entry.strategy.id
