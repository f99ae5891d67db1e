"""Why we believe it: what stands behind one strategy, ready to be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from preceptor.core.errors import LibraryError
from preceptor.core.records import Attempt, Finding, Lesson, Scenario, Turn
from preceptor.library.entry import Entry
from preceptor.library.near import MOST_EACH, Alike, Near
from preceptor.library.screener import Screened, Screener
from preceptor.library.screening import ALIKE
from preceptor.library.store import Library
from preceptor.review.diff import Piece, compare, marked, retold, taken

_MOST_NEAR = 4
_NEAR = 0.62
"""Likeness from which a strategy is shown beside the one under review."""
_FIELDS = ("when", "do", "avoid", "why")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replies:
    """The three replies to the same customer, with the student's two compared sentence by sentence."""

    before: tuple[Piece, ...]
    teacher: tuple[Piece, ...]
    """``new``: what the student took over."""
    after: tuple[Piece, ...]
    """Empty where nothing was kept."""
    marked: bool
    """False: the student's two replies share no sentence, and nothing is marked in them."""
    attempts: tuple[Attempt, ...]
    """The tries in between, in order, the first and the kept one included."""
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Similar:
    """A strategy that says about the same."""

    entry: Entry
    score: float
    words: tuple[Piece, ...]
    """Its text; ``new``: what the strategy under review does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opposite:
    """An approved strategy of which a finding speaks."""

    finding: Finding
    entry: Entry
    words: tuple[Piece, ...]
    """Its text; ``new``: what the strategy under review does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """All that a reviewer sees of one strategy."""

    entry: Entry
    fields: tuple[tuple[str, tuple[Piece, ...]], ...]
    """Name and text of each field that is not empty, with what findings quote marked."""
    findings: tuple[Finding, ...]
    """Worst first. Of what waits: what screening finds now, which is what an approval will be held against."""
    against: tuple[Opposite, ...]
    """Approved strategies that it repeats or contradicts."""
    lesson: Lesson | None
    lessons: tuple[str, ...]
    """Ids of all lessons behind it."""
    turns: tuple[Turn, ...]
    replies: Replies | None
    near: tuple[Similar, ...]
    flagged: tuple[tuple[str, Entry], ...]
    """Notes of contradictions, each with the strategy on the other side."""

    @property
    def since(self) -> tuple[Finding, ...]:
        """Of the findings, those that are not on record: what they speak of came later."""
        on_record = {_about(f) for f in self.entry.findings}
        return tuple(f for f in self.findings if _about(f) not in on_record)

    @property
    def over(self) -> tuple[Finding, ...]:
        """What is on record and is found no more."""
        now = {_about(f) for f in self.findings}
        return tuple(f for f in self.entry.findings if _about(f) not in now)

    @property
    def blocked(self) -> bool:
        """Whether screening stands against an approval."""
        return any(f.severity == "blocking" for f in self.findings)

    @property
    def worst(self) -> str:
        """Severity of the worst finding; empty for none."""
        return self.findings[0].severity if self.findings else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where a dossier comes from."""

    library: Library
    near: Near
    screener: Screener


def dossier(sources: Sources, entry: Entry, *, lesson_id: str = "") -> Dossier:
    """What stands behind ``entry``; ``lesson_id``: with another lesson than its first.

    Raises:
        LibraryError: the library is damaged.
    """
    library, ids = sources.library, lessons_of(entry)
    lesson = _lesson(library, lesson_id if lesson_id in ids else next(iter(ids), ""))
    scenario = lesson.scenario if lesson else _scenario(library, entry)
    turns = scenario.turns if scenario else ()
    order = {"blocking": 0, "warning": 1, "info": 2}
    # What is alike first: it is most of what screening asks for, and read with it once.
    alike = sources.near.like(entry.strategy, least=_NEAR, limit=_MOST_NEAR + 2 * MOST_EACH, alive=True)
    flagged = [(f.note, i) for f in entry.flags for i in f.others]
    library.named([*(a.id for a in alike[:_MOST_NEAR]), *(i for _, i in flagged)])
    screened = _screened(sources.screener, entry)
    against = [s.id for _, s in screened.against]
    beside = [a for a in alike if a.id not in against][: max(1, _MOST_NEAR - len(against))]
    named = library.named([*(a.id for a in beside), *(i for _, i in flagged), *against])
    return Dossier(
        entry=entry,
        fields=tuple(
            (name, _marked(entry, name, screened.findings)) for name in _FIELDS if getattr(entry.strategy, name)
        ),
        findings=tuple(sorted(screened.findings, key=lambda f: order[f.severity])),
        against=_against(entry, screened, named),
        lesson=lesson,
        lessons=ids,
        turns=turns,
        replies=_replies(lesson) if lesson else None,
        near=_near(named, entry, beside),
        flagged=tuple((note, named[i]) for note, i in flagged if i in named),
    )


def _about(finding: Finding) -> tuple[str, str, str]:
    """What makes two findings the same; reasons name strategies and may be told in other words."""
    return finding.check, finding.field, finding.quote


def _screened(screener: Screener, entry: Entry) -> Screened:
    """Anew for what waits; what was decided keeps what was found then."""
    if entry.status == "proposed":
        return screener.look(entry.strategy, entry.findings)
    return Screened(findings=entry.findings)


def _against(entry: Entry, screened: Screened, named: Mapping[str, Entry]) -> tuple[Opposite, ...]:
    own = entry.strategy.text()
    return tuple(
        Opposite(finding=found, entry=named[other.id], words=compare(own, other.text())[1])
        for found, other in screened.against
        if other.id in named
    )


def lessons_of(entry: Entry) -> tuple[str, ...]:
    """Ids of the lessons behind an entry, the first one first."""
    named = [entry.lesson_id] if entry.lesson_id else []
    named += [lesson for p in entry.provenance for lesson in p.lessons]
    return tuple(dict.fromkeys(named))


def _marked(entry: Entry, name: str, findings: Sequence[Finding]) -> tuple[Piece, ...]:
    """What speaks of the whole field, as those do that compare strategies, marks nothing in it."""
    quotes = [f.quote for f in findings if f.field == name and f.check not in ALIKE]
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
    before, after = retold(first, kept.reply) if kept else ((Piece("same", first),) if first else (), ())
    return Replies(
        before=before,
        teacher=taken(lesson.teacher_reply, kept.reply if kept else ""),
        after=after,
        marked=first == (kept.reply if kept else "") or any(p.kind != "same" for p in (*before, *after)),
        attempts=lesson.attempts,
        kept=lesson.kept,
    )


def _near(named: Mapping[str, Entry], entry: Entry, beside: Sequence[Alike]) -> tuple[Similar, ...]:
    known = [(named[a.id], a.score) for a in beside if a.id in named]
    own = entry.strategy.text()
    return tuple(Similar(entry=e, score=s, words=compare(own, e.strategy.text())[1]) for e, s in known)
