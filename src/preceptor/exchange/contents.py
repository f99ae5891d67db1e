"""What is exported: strategies as they stand, and what stands behind them. Values only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from preceptor.core.records import Finding, Lesson, Scenario, Status, Strategy
from preceptor.core.untrusted import one_line
from preceptor.library.changes import Provenance
from preceptor.library.conversation_state import read_state
from preceptor.library.entry import Entry, Measured
from preceptor.library.release import Release


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One strategy with what the library or the release knows of it."""

    strategy: Strategy
    version: int
    status: Status
    lesson_id: str | None = None
    evidence: Measured | None = None
    findings: tuple[Finding, ...] = ()
    provenance: tuple[Provenance, ...] = ()

    @property
    def verdict(self) -> str:
        """``unproven`` until measured."""
        return self.evidence.verdict if self.evidence else "unproven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """A lesson, and where it came from."""

    lesson: Lesson
    run: str
    stage: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What goes into an export."""

    domain: str
    """Name of the domain; untrusted like everything else here."""
    source: str
    """``library``, or the id of a release."""
    items: tuple[Item, ...]
    scenarios: Mapping[str, Scenario] = field(default_factory=dict[str, Scenario])
    """The scenarios that the strategies name, as far as they are known."""
    lessons: Sequence[Taught] = ()
    topics: Mapping[str, str] = field(default_factory=dict[str, str])
    """Strategy id to what its customers come with, in words; strategies without one are absent."""
    logged: int = 0
    """Scenarios that hold words of real customers."""

    @property
    def trial(self) -> bool:
        """True: holds strategies that no person has approved."""
        return any(item.status != "approved" for item in self.items)


def items_of(entries: Iterable[Entry], *, trial: bool) -> tuple[Item, ...]:
    """What may leave a library: what is approved and not spoken against; for a trial, all that a run may use."""
    return tuple(
        Item(
            strategy=e.strategy,
            version=e.version,
            status=e.status,
            lesson_id=e.lesson_id,
            evidence=e.evidence,
            findings=e.findings,
            provenance=e.provenance,
        )
        for e in entries
        if e.usable and (trial or e.status == "approved")
    )


def contents_of_release(release: Release, domain: str) -> Contents:
    """A release by itself: its strategies, and of its scenarios the end, which is all that it holds."""
    items = tuple(Item(strategy=r.strategy, version=r.version, status=r.status) for r in release.strategies().all())
    scenarios = {
        id: Scenario(id=id, turns=read_state(text), profile="", stage=0) for id, text in release.states().items()
    }
    return Contents(domain=domain, source=release.id, items=items, scenarios=scenarios)


def topics_of(items: Iterable[Item], topic: Callable[[str], str]) -> dict[str, str]:
    """Strategy id to its topic: that of most of its scenarios, the first in case of a tie.

    Args:
        topic: scenario id to topic; empty where it is not known.
    """
    found: dict[str, str] = {}
    for item in items:
        named = [t for t in (one_line(topic(i)) for i in item.strategy.scenarios) if t]
        if named and item.strategy.scope == "scenario":
            found[item.strategy.id] = max(dict.fromkeys(named), key=named.count)
    return found


def sections(contents: Contents) -> list[tuple[str, list[Item]]]:
    """Items by topic for people to read: domain-wide ones first under an empty title, then topic by topic in order
    of their names, then those without one under ``Other situations``. Within a section sorted by ``when``."""
    general = [i for i in contents.items if i.strategy.scope == "domain"]
    bound = [i for i in contents.items if i.strategy.scope != "domain"]
    groups: dict[str, list[Item]] = {}
    for item in bound:
        groups.setdefault(contents.topics.get(item.strategy.id, ""), []).append(item)
    rest = groups.pop("", [])
    named = sorted(groups.items(), key=lambda pair: pair[0].casefold())
    found = [("", general), *named, ("Other situations" if named else "In particular situations", rest)]
    return [(title, sorted(items, key=_order)) for title, items in found if items]


def _order(item: Item) -> tuple[str, str]:
    return item.strategy.when.casefold(), item.strategy.id
