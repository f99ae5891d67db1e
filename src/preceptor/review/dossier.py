"""Why we believe it: what stands behind one strategy, ready to be shown."""

from __future__ import annotations

from dataclasses import dataclass

from preceptor.core.errors import LibraryError
from preceptor.core.records import Attempt, Finding, Lesson, Scenario, Turn
from preceptor.library.entry import Entry
from preceptor.library.store import Library
from preceptor.review.alike import Alike
from preceptor.review.diff import Piece, compare, marked
from preceptor.review.shelf import Shelf, View

_MOST_TURNS = 6
"""Turns that are shown at once; those before them are folded away."""
_MOST_NEAR = 4
_NEAR = 0.62
"""Likeness from which a strategy is shown beside the one under review."""
_FIELDS = ("when", "do", "avoid", "why")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replies:
    """The three replies to the same customer, with the student's two compared by word."""

    before: tuple[Piece, ...]
    teacher: str
    after: tuple[Piece, ...]
    """Empty where nothing was kept."""
    attempts: tuple[Attempt, ...]
    """The tries in between, in order, the first and the kept one included."""
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """A strategy that says about the same."""

    entry: Entry
    score: float
    words: tuple[Piece, ...]
    """Its text; ``new``: what the strategy under review does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """All that a reviewer sees of one strategy."""

    entry: Entry
    fields: tuple[tuple[str, tuple[Piece, ...]], ...]
    """Name and text of each field that is not empty, with what findings quote marked."""
    findings: tuple[Finding, ...]
    """Worst first."""
    lesson: Lesson | None
    lessons: tuple[str, ...]
    """Ids of all lessons behind it."""
    earlier: tuple[Turn, ...]
    turns: tuple[Turn, ...]
    replies: Replies | None
    near: tuple[Near, ...]
    flagged: tuple[tuple[str, Entry], ...]
    """Notes of contradictions, each with the strategy on the other side."""


def dossier(library: Library, shelf: Shelf, entry: Entry, *, lesson_id: str = "") -> Dossier:
    """What stands behind ``entry``; ``lesson_id``: with another lesson than its first.

    Raises:
        LibraryError: the library is damaged.
    """
    view = shelf.view()
    ids = lessons_of(entry)
    lesson = _lesson(library, lesson_id if lesson_id in ids else next(iter(ids), ""))
    scenario = lesson.scenario if lesson else _scenario(library, entry)
    turns = scenario.turns if scenario else ()
    order = {"blocking": 0, "warning": 1, "info": 2}
    return Dossier(
        entry=entry,
        fields=tuple((name, _marked(entry, name)) for name in _FIELDS if getattr(entry.strategy, name)),
        findings=tuple(sorted(entry.findings, key=lambda f: order[f.severity])),
        lesson=lesson,
        lessons=ids,
        earlier=turns[:-_MOST_TURNS],
        turns=turns[-_MOST_TURNS:],
        replies=_replies(lesson) if lesson else None,
        near=_near(view, entry, shelf.alike(entry.strategy, least=_NEAR)),
        flagged=tuple((f.note, view.entries[i]) for f in entry.flags for i in f.others if i in view.entries),
    )


def lessons_of(entry: Entry) -> tuple[str, ...]:
    """Ids of the lessons behind an entry, the first one first."""
    named = [entry.lesson_id] if entry.lesson_id else []
    named += [lesson for p in entry.provenance for lesson in p.lessons]
    return tuple(dict.fromkeys(named))


def _marked(entry: Entry, name: str) -> tuple[Piece, ...]:
    quotes = [f.quote for f in entry.findings if f.field == name]
    return marked(getattr(entry.strategy, name), quotes)


def _lesson(library: Library, lesson_id: str) -> Lesson | None:
    if not lesson_id:
        return None
    try:
        return library.lesson(lesson_id)
    except LibraryError:  # provenance may name lessons of a library that this one was made from
        return None


def _scenario(library: Library, entry: Entry) -> Scenario | None:
    if not entry.strategy.scenarios:
        return None
    return next(iter(library.scenarios(entry.strategy.scenarios[:1])), None)


def _replies(lesson: Lesson) -> Replies:
    kept = next((a for a in lesson.attempts if a.number == lesson.kept and a.number), None)
    first = lesson.attempts[0].reply if lesson.attempts else ""
    before, after = compare(first, kept.reply) if kept else ((Piece("same", first),) if first else (), ())
    return Replies(
        before=before, teacher=lesson.teacher_reply, after=after, attempts=lesson.attempts, kept=lesson.kept
    )


def _near(view: View, entry: Entry, alike: tuple[Alike, ...]) -> tuple[Near, ...]:
    known = [(view.entries[a.id], a.score) for a in alike if a.id in view.entries]
    found = [(other, score) for other, score in known if other.status in ("proposed", "approved")][:_MOST_NEAR]
    own = entry.strategy.text()
    return tuple(Near(entry=e, score=s, words=compare(own, e.strategy.text())[1]) for e, s in found)
