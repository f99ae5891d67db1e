"""What proving found, and the evidence that goes into the library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from preceptor.evaluate.prove.replay import Replay
from preceptor.library.changes import Evidence, EvidenceVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """One strategy's evidence."""

    strategy: str
    text: str
    """When, do and avoid, as the student read them."""
    verdict: EvidenceVerdict
    lift: float
    """Preference for the reply with it over the one without, -1 to 1."""
    low: float
    high: float
    """95% interval of ``lift`` that holds over all looks."""
    rank: float
    """The lift drawn towards the mean by how unsure it is: what to sort by."""
    risk: float
    """Chance, after all that was seen, that the lift is below ``HARM``."""
    held: bool
    """True: the risk is above ``prove.risk`` and the lift at least its standard error below 0, so that it is held
    back although its harm is not proven."""
    q: float
    """Smallest false-discovery rate at which it gets a verdict."""
    n: int
    """Replays."""
    clusters: int
    """Customers that these come from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The whole result. The same run gives the same bytes, whatever the concurrency."""

    format: int = 1
    domain: str
    simulated: bool
    """True when any seat was held by a practice model: the figures are then a flight simulator's."""
    student: str
    models: Mapping[str, str]
    seed: int
    rate: float
    """False-discovery rate that was held."""
    looks: int
    calls: int
    """Calls that the dialogues and replays took, answers from the journal counted."""
    dialogues: int
    situations: int
    failed: int
    """Replays that a model spoiled."""
    noise: float
    """Verdicts that the same replays give on average with their sides swapped at random: what luck alone brings."""
    strategies: tuple[Proved, ...]
    """Best first."""
    untried: tuple[str, ...]
    """Strategies that no scenario calls up: nothing can be said of them."""
    replays: tuple[Replay, ...]

    @property
    def held(self) -> tuple[Proved, ...]:
        """Strategies that are held back although their harm is not proven, riskiest first."""
        held = (s for s in self.strategies if s.held and s.verdict != "harmful")
        return tuple(sorted(held, key=lambda s: (-s.risk, s.strategy)))

    def having(self, verdict: EvidenceVerdict) -> tuple[Proved, ...]:
        """Strategies with this verdict, best first."""
        return tuple(s for s in self.strategies if s.verdict == verdict)


def evidence(proof: Proof, run: str, *, elsewhere: bool = False) -> list[Evidence]:
    """The changes that put the proof into a library; ``elsewhere``: of another student than the project's own."""
    return [
        Evidence(
            strategy_id=s.strategy,
            verdict=s.verdict,
            lift=round(s.lift, 4),
            interval=(round(s.low, 4), round(s.high, 4)),
            n=s.n,
            run=run,
            measure="preference",
            student=proof.student,
            elsewhere=elsewhere,
            held=s.held,
        )
        for s in sorted(proof.strategies, key=lambda s: s.strategy)
    ]
