"""What a run has told so far, in numbers: pure, fed by events, read by whatever shows progress."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from preceptor.core.events import (
    Event,
    ItemDone,
    ItemFailed,
    Kind,
    PhaseStarted,
    RunEnded,
    RunStarted,
    Spent,
    TryFailed,
)

PHASES = {
    "primer": "reading the domain",
    "generate": "talking with customers",
    "probe": "comparing replies",
    "teach": "teaching",
    "consolidate": "merging and generalising",
    "screen": "screening",
    "review": "screening",
    "evaluate": "meeting customers",
    "again": "meeting some again",
    "judge": "asking the judge again",
    "pairs": "comparing dialogues",
    "prove: dialogues": "talking with customers",
    "prove": "replaying",
}
"""Phase names as people read them; others are shown as they are."""

_SHARE = {
    "primer": (0.0, 0.0),
    "generate": (0.0, 0.35),
    "probe": (0.35, 0.25),
    "teach": (0.6, 0.35),
    "consolidate": (0.95, 0.03),
}
"""Where in a stage a phase begins and its share of the stage's time, as practice runs showed: for the time left."""


@dataclass(slots=True)
class Tally:
    """Sums over a run's events. ``stages`` is 0 for jobs without stages."""

    stages: int = 0
    run: str = ""
    job: str = ""
    resumed: bool = False
    phase: str = ""
    stage: int = 0
    total: int = 0
    done: int = 0
    items: Counter[str] = field(default_factory=Counter[str])
    """Items that came out, by kind."""
    outcomes: Counter[str] = field(default_factory=Counter[str])
    """Lessons by outcome."""
    failures: int = 0
    failed_tries: int = 0
    """Tries of calls without a usable answer; most are made again and come out right."""
    last_failure: str = ""
    calls: int = 0
    replayed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    unpriced: bool = False
    status: str = ""
    _begun: PhaseStarted | None = None

    def add(self, event: Event) -> None:
        """One more event."""
        match event:
            case RunStarted():
                self.run, self.job, self.resumed = event.run, event.job, event.resumed
            case PhaseStarted():
                self.phase, self.stage, self.total, self.done = event.name, event.stage, event.total, 0
                self._begun = event
            case ItemDone():
                self.items[event.kind] += 1
                if event.kind == "lesson":
                    self.outcomes[event.detail] += 1
                self._advance(event.kind)
            case ItemFailed():
                self.failures += 1
                self.last_failure = f"{event.failure}: {event.reason}" if event.reason else event.failure
                self._advance(event.kind)
            case TryFailed():
                self.failed_tries += 1
            case Spent():
                self._spend(event)
            case RunEnded():
                self.status = event.status

    def fraction(self) -> float:
        """How much of the run is behind, 0 to 1: an estimate."""
        within = min(1.0, self.done / self.total) if self.total else 0.0
        if not self.stages:
            return within
        begin, share = _SHARE.get(self.phase, (0.98, 0.02))
        return min(1.0, (self.stage + begin + share * within) / self.stages)

    def left(self, elapsed: float) -> float | None:
        """Seconds left, estimated; None while too little is known."""
        fraction = self.fraction()
        if elapsed < 1.5 or fraction < 0.03:
            return None
        return elapsed * (1 - fraction) / fraction

    @property
    def label(self) -> str:
        """The phase in words."""
        return PHASES.get(self.phase, self.phase)

    def money(self) -> str:
        """Spend so far; says so where a price is not known."""
        if self.unpriced:
            return f"${self.usd:.2f} + unpriced" if self.usd else "price unknown"
        return f"${self.usd:.2f}" if self.usd >= 0.01 or not self.usd else f"${self.usd:.4f}"

    def _advance(self, kind: Kind) -> None:
        if self._begun and self._begun.counts(kind) and self.done < self.total:
            self.done += 1

    def _spend(self, event: Spent) -> None:
        if event.replayed:
            self.replayed += 1
            return
        self.calls += 1
        self.input_tokens += event.input_tokens
        self.output_tokens += event.output_tokens
        if event.usd is None:
            self.unpriced = True
        else:
            self.usd += event.usd


def short(number: float) -> str:
    """``940``, ``12.3k``, ``4.1M``."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.1f}{letter}" if number < 100 * size else f"{number / size:.0f}{letter}"
    return f"{number:.0f}"


def minutes(seconds: float) -> str:
    """``0:07``, ``12:30``, ``1:02:03``."""
    whole = int(seconds + 0.5)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
