"""A list to go along, one strategy after the other; what was skipped stands at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from preceptor.library.entry import Entry
from preceptor.library.paging import Filter, Order, Terms
from preceptor.library.store import Library

MOST_SKIPPED = 300
"""Strategies that one list leaves out by name; those that were skipped first come back first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some of the list."""

    entries: tuple[Entry, ...]
    start: int
    """How many stand before them."""
    total: int
    terms: Terms

    def at(self, place: int) -> Entry | None:
        """What stands at this place of the whole list, where this part reaches there."""
        number = place - self.start
        return self.entries[number] if 0 <= number < len(self.entries) else None


class Line:
    """The list that a filter lets through. Reads only what is asked for."""

    def __init__(
        self, library: Library, which: Filter, *, order: Order = "review", skipped: Mapping[str, int] | None = None
    ) -> None:
        """``skipped``: strategy id to the ``changed_seq`` with which it was put at the end; it comes back to its
        place once it changes."""
        self._library = library
        self._order: Order = order
        self._tail = self._skipped(which, skipped or {})
        self._which = replace(which, without=tuple(e.strategy.id for e in self._tail))

    def place(self, strategy_id: str) -> int | None:
        """How many stand before the strategy; None where it is not in the list."""
        for number, entry in enumerate(self._tail):
            if entry.strategy.id == strategy_id:
                return self._library.page(self._which, limit=0).total + number
        return self._library.position(strategy_id, self._which, order=self._order)

    def part(self, start: int, many: int) -> Part:
        """At most ``many``, from ``start`` on."""
        page = self._library.page(self._which, order=self._order, offset=start, limit=many)
        left = many - len(page.entries)
        skip = max(0, start - page.total)
        tail = self._tail[skip : skip + left]
        total = page.total + len(self._tail)
        return Part(entries=(*page.entries, *tail), start=start, total=total, terms=page.terms)

    def around(self, strategy_id: str, *, before: int, many: int) -> tuple[int | None, Part]:
        """The strategy's place, and the part on which it stands after ``before`` others, or where the list ends,
        after more; the first part where it is not in the list."""
        if any(e.strategy.id == strategy_id for e in self._tail):
            place = self.place(strategy_id) or 0
            return place, self.part(max(0, place - before), many)
        place, page = self._library.around(strategy_id, self._which, order=self._order, before=before, limit=many)
        total = page.total + len(self._tail)
        if page.offset and page.offset + many > total:
            return place, self.part(max(0, total - many), many)
        tail = self._tail[: many - len(page.entries)]
        return place, Part(entries=(*page.entries, *tail), start=page.offset, total=total, terms=page.terms)

    def after(self, strategy_id: str) -> str:
        """The id that follows; empty at the end, or where the strategy is not in the list."""
        tail = [e.strategy.id for e in self._tail]
        if strategy_id in tail:
            return "".join(tail[tail.index(strategy_id) + 1 :][:1])
        following = self._library.following(strategy_id, self._which, order=self._order)
        return "" if following is None else following or "".join(tail[:1])

    def _skipped(self, which: Filter, skipped: Mapping[str, int]) -> tuple[Entry, ...]:
        if not skipped:
            return ()
        terms = self._library.terms()
        found = self._library.named(list(skipped)[-MOST_SKIPPED:])
        return tuple(e for i, e in found.items() if e.changed_seq == skipped[i] and which.fits(e, terms))
