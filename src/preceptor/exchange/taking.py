"""Taking what a file holds into a library: proposed, screened, marked; nothing of the library's is changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from preceptor.core.errors import InputError
from preceptor.core.ids import short_id
from preceptor.core.records import Domain, Lesson, Scenario, Strategy
from preceptor.core.untrusted import one_line
from preceptor.exchange.contents import Taught
from preceptor.exchange.plain_form import strategy_of
from preceptor.exchange.reading import Found, Reading, Remark
from preceptor.library.changes import Change, Propose, Provenance, RecordLesson, RecordScenario
from preceptor.library.entry import Entry
from preceptor.library.screening import screen
from preceptor.library.state import lesson_digest
from preceptor.library.store import Library


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What an import did, or would do."""

    name: str
    """Stands where a run's id stands: ``preceptor library list --run NAME``."""
    entries: int
    found: int
    """Strategies in the file."""
    new: tuple[str, ...]
    """Ids of those that the library had not."""
    blocked: tuple[str, ...]
    """Of the new ones: those in which screening found what must not be used."""
    known: int
    """Strategies whose words the library had already; what was decided about them stays."""
    scenarios: int
    lessons: int
    remarks: tuple[Remark, ...]

    @property
    def lost(self) -> int:
        """Places of the file that were not taken."""
        return sum(r.lost for r in self.remarks)


def take(
    library: Library, reading: Reading, domain: Domain, *, author: str, reason: str, dry: bool = False
) -> Taken:
    """Proposes what the file holds; ``dry`` only tells. The same file taken twice changes nothing the second time.

    Raises:
        LibraryError: the library refuses; nothing is taken then.
    """
    taking = _Taking(library, reading, domain)
    changes = taking.changes()
    if changes and not dry:
        library.apply(changes, author=author, reason=reason)
    return taking.taken()


class _Taking:
    def __init__(self, library: Library, reading: Reading, domain: Domain) -> None:
        self._library = library
        self._reading = reading
        self._domain = domain
        self._entries: dict[str, Entry] = {e.strategy.id: e for e in library.entries()}
        self._by_words: dict[tuple[str, ...], str] = {
            _words(e.strategy): e.strategy.id for e in self._entries.values()
        }
        self._here = {id: e.strategy for id, e in self._entries.items()}
        """What the library holds and what the file has brought so far."""
        self._scenarios = {s.id: s for s in library.scenarios()}
        self._lesson_digests = {row.id: row.digest for row in library.lessons()}
        # Ids in the file to those that they get here.
        self._scenario_names: dict[str, str] = {}
        self._lesson_names: dict[str, str] = {}
        self._changes: list[Change] = []
        self._new: dict[str, bool] = {}
        self._known = self._new_scenarios = self._new_lessons = 0
        self._remarks = list(reading.remarks)

    def changes(self) -> list[Change]:
        """All changes, in an order in which the library can take them."""
        for scenario in self._reading.scenarios:
            self._take_scenario(scenario)
        for taught in self._reading.lessons:
            self._take_lesson(taught)
        for found in self._reading.strategies:
            try:
                self._take_strategy(found)
            except InputError as error:
                self._remarks.append(Remark(where=found.where, kind="wrong-entry", reason=error.message, lost=True))
        return self._changes

    def taken(self) -> Taken:
        return Taken(
            name=self._reading.name,
            entries=self._reading.entries,
            found=len(self._reading.strategies),
            new=tuple(self._new),
            blocked=tuple(i for i, blocked in self._new.items() if blocked),
            known=self._known,
            scenarios=self._new_scenarios,
            lessons=self._new_lessons,
            remarks=tuple(self._remarks),
        )

    def _take_scenario(self, scenario: Scenario) -> None:
        mine = self._own_scenario(scenario)
        if mine.id not in self._scenarios:
            self._scenarios[mine.id] = mine
            self._new_scenarios += 1
            self._changes.append(RecordScenario(scenario=mine))

    def _own_scenario(self, scenario: Scenario) -> Scenario:
        """The scenario under an id that is free here, or that means the same here."""
        id = _usable(scenario.id)
        if not id or self._scenarios.get(id, replace(scenario, id=id)) != replace(scenario, id=id):
            id = short_id("scenario", replace(scenario, id=""))
        self._scenario_names[scenario.id] = id
        return replace(scenario, id=id)

    def _take_lesson(self, taught: Taught) -> None:
        scenario = self._own_scenario(taught.lesson.scenario)
        lesson = replace(taught.lesson, scenario=scenario)
        known = self._lesson_digests.get(lesson.id)
        if not _usable(lesson.id) or known not in (None, lesson_digest(lesson)):
            lesson = replace(lesson, id=short_id("lesson", replace(lesson, id="")))
        self._lesson_names[taught.lesson.id] = lesson.id
        if lesson.id not in self._lesson_digests:
            self._record(lesson, taught)

    def _record(self, lesson: Lesson, taught: Taught) -> None:
        self._lesson_digests[lesson.id] = lesson_digest(lesson)
        self._new_lessons += 1
        self._new_scenarios += lesson.scenario.id not in self._scenarios
        self._scenarios.setdefault(lesson.scenario.id, lesson.scenario)
        self._changes.append(RecordLesson(lesson=lesson, run=self._run(taught.run), stage=taught.stage))

    def _take_strategy(self, found: Found) -> None:
        told = found.item.strategy
        named = tuple(dict.fromkeys(self._scenario_names.get(i, i) for i in told.scenarios))
        scenarios = tuple(i for i in named if i in self._scenarios)
        if len(scenarios) < len(named):
            reason = f"{len(named) - len(scenarios)} of its scenarios are neither in the file nor here"
            self._remarks.append(Remark(where=found.where, kind="no-scenario", reason=reason, lost=False))
        strategy = self._named(told.id, strategy_of(told, "", told.scope, scenarios))
        turns = [turn for i in scenarios for turn in self._scenarios[i].turns]
        findings = screen(strategy, turns=turns, domain=self._domain)
        if strategy.id in self._entries or strategy.id in self._new:
            self._known += 1
        else:
            self._here[strategy.id] = strategy
            self._new[strategy.id] = any(f.severity == "blocking" for f in findings)
        for origin in found.item.provenance or (Provenance(run="", scenarios=scenarios),):
            self._changes.append(
                Propose(
                    strategy=strategy,
                    provenance=self._marked(origin),
                    findings=findings,
                    lesson_id=self._lesson_names.get(found.item.lesson_id or ""),
                )
            )

    def _named(self, told: str, strategy: Strategy) -> Strategy:
        """Under the id that its words have here already; else as the file calls it, where that is free."""
        mine, entry = self._here.get(told), self._entries.get(told)
        # An id that follows from these very words: they were proposed here once, and edited since.
        edited = entry is not None and entry.version > 1 and told == strategy.id
        if mine is not None and (edited or _words(mine) == _words(strategy)):
            return replace(strategy, id=told)
        known = self._by_words.get(_words(strategy))
        if known is None:
            free = (i for i in (told, strategy.id) if _usable(i) and i not in self._here)
            otherwise = short_id("strategy", [self._reading.name, *_words(strategy), *strategy.scenarios])
            known = next(free, otherwise)
        return replace(strategy, id=known)

    def _marked(self, told: Provenance) -> Provenance:
        """As the file tells it, under the import's name, and tainted: whoever wrote the file is not known."""
        return replace(
            told,
            run=self._run(told.run),
            scenarios=tuple(self._scenario_names.get(i, i) for i in told.scenarios),
            lessons=tuple(self._lesson_names[i] for i in told.lessons if i in self._lesson_names),
            tainted=True,
        )

    def _run(self, told: str) -> str:
        run = one_line(told, 120)
        # A library that is exported and imported again and again must not gather ever longer names.
        return f"{self._reading.name}/{run.rpartition('/')[2]}" if run else self._reading.name


def _words(strategy: Strategy) -> tuple[str, ...]:
    return strategy.when, strategy.do, strategy.avoid, strategy.scope


def _usable(id: str) -> str:
    """The id where the library can take it; else nothing."""
    return id if id and len(id) <= 200 and id.isprintable() and id == one_line(id) else ""
