"""A run's events in numbers, for its page: pure, fed by events, also while it goes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from preceptor.core.events import ItemDone, ItemFailed, PhaseStarted, RunEnded, RunStarted, Spent, TryFailed
from preceptor.runs.eventlog import Told
from preceptor.runs.run import Run

_LAST_FAILURES = 8


@dataclass(slots=True)
class Phase:
    """One phase of one stage."""

    begun: PhaseStarted
    done: int = 0
    failed: int = 0
    over: bool = False
    """Another phase began since, or the run is done."""

    @property
    def share(self) -> int:
        """Percent that is done; 0 where the total is not known. Some phases do not tell of their items."""
        if self.over and not self.done + self.failed:
            return 100
        total = self.begun.total
        return min(100, round(100 * (self.done + self.failed) / total)) if total else 0


@dataclass(slots=True)
class Seat:
    """What one seat spent."""

    calls: int = 0
    replayed: int = 0
    tokens: int = 0
    usd: float = 0.0
    unpriced: bool = False


@dataclass(slots=True)
class Progress:
    """Sums over the events so far."""

    phases: list[Phase] = field(default_factory=list[Phase])
    items: Counter[str] = field(default_factory=Counter[str])
    outcomes: Counter[str] = field(default_factory=Counter[str])
    """Lessons by outcome."""
    seats: dict[str, Seat] = field(default_factory=dict[str, Seat])
    failures: Counter[str] = field(default_factory=Counter[str])
    """Failures by kind."""
    last_failures: list[ItemFailed] = field(default_factory=list[ItemFailed])
    status: str = "running"
    message: str = ""
    cursor: int = 0
    at: str = ""
    _seen: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    @property
    def stages(self) -> tuple[tuple[int, tuple[Phase, ...]], ...]:
        """The phases of each stage, in the order in which they began."""
        found: dict[int, list[Phase]] = {}
        for phase in self.phases:
            found.setdefault(phase.begun.stage, []).append(phase)
        return tuple((stage, tuple(phases)) for stage, phases in sorted(found.items()))

    def add(self, told: Told) -> None:
        """One more event."""
        self.cursor, self.at = told.cursor, told.at
        event = told.event
        match event:
            case RunStarted():
                self.status = "running"
            case PhaseStarted():
                self._begin(event)
            case ItemDone():
                self._done(event)
            case ItemFailed():
                self.failures[event.failure] += 1
                self.last_failures = [*self.last_failures[-_LAST_FAILURES + 1 :], event]
                if self.phases and self.phases[-1].begun.counts(event.kind):
                    self.phases[-1].failed += 1
            case Spent():
                self._spend(event)
            case TryFailed():
                pass  # what a call comes to in the end is told by its item
            case RunEnded():
                self.status, self.message = event.status, event.message
                if self.phases and event.status == "done":
                    self.phases[-1].over = True

    @property
    def calls(self) -> int:
        """Calls that were made, not replayed."""
        return sum(seat.calls for seat in self.seats.values())

    @property
    def usd(self) -> float:
        """What is known of the cost."""
        return sum(seat.usd for seat in self.seats.values())

    @property
    def unpriced(self) -> bool:
        """Whether some calls have no known price."""
        return any(seat.unpriced for seat in self.seats.values())

    def _begin(self, event: PhaseStarted) -> None:
        """A run that was resumed tells its phase again, from the beginning."""
        for phase in self.phases:
            phase.over = True
        self.phases = [p for p in self.phases if (p.begun.name, p.begun.stage) != (event.name, event.stage)]
        self.phases.append(Phase(event))

    def _done(self, event: ItemDone) -> None:
        if self.phases and self.phases[-1].begun.counts(event.kind):
            self.phases[-1].done += 1
        if (event.kind, event.id) in self._seen:
            return
        self._seen.add((event.kind, event.id))
        self.items[event.kind] += 1
        if event.kind == "lesson":
            self.outcomes[event.detail] += 1

    def _spend(self, event: Spent) -> None:
        seat = self.seats.setdefault(event.seat, Seat())
        if event.replayed:
            seat.replayed += 1
            return
        seat.calls += 1
        seat.tokens += event.input_tokens + event.output_tokens
        seat.unpriced |= event.usd is None
        seat.usd += event.usd or 0.0


def progress_of(run: Run) -> Progress:
    """The run's events so far."""
    told = Progress()
    for event in run.events():
        told.add(event)
    return told
