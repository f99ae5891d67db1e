"""A strategy with all that stands behind it: its lessons with their trails, and its history."""

from __future__ import annotations

from dataclasses import dataclass

from preceptor.core.records import Lesson
from preceptor.library.entry import Entry, Record, State
from preceptor.library.store import Library

_MOST_LESSONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What a person needs to judge a strategy."""

    entry: Entry
    lessons: tuple[Lesson, ...]
    """The lessons it was learned in: for a merged or domain-wide strategy, those of the strategies behind it.
    Best first is not known; they stand in order of discovery, 20 at most."""
    further: int
    """Lessons beyond those."""
    history: tuple[Record, ...]


def story_of(library: Library, id_or_prefix: str, then: State | None = None) -> Story:
    """The story of one strategy; ``then``: as it was in this state of the past.

    Raises:
        LibraryError: no such strategy, or more than one begins so.
    """
    entry = library.entry(id_or_prefix)
    history = library.history(entry.strategy.id)
    if then is not None:
        entry = then.entry(entry.strategy.id)
        history = tuple(r for r in history if r.seq <= entry.changed_seq)
    ids = _lesson_ids(library, entry)
    return Story(
        entry=entry,
        lessons=tuple(library.lesson(i) for i in ids[:_MOST_LESSONS]),
        further=max(0, len(ids) - _MOST_LESSONS),
        history=history,
    )


def _lesson_ids(library: Library, entry: Entry) -> list[str]:
    named = [entry.lesson_id] if entry.lesson_id else []
    named += [lesson for p in entry.provenance for lesson in p.lessons]
    if not named:
        about = set(entry.strategy.scenarios)
        named = [row.id for row in library.lessons() if row.scenario in about]
    return list(dict.fromkeys(named))
