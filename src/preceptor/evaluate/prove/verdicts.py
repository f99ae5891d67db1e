"""Verdicts after several looks at many strategies, with the false-discovery rate held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from preceptor.evaluate.prove.lifts import Lift
from preceptor.evaluate.statistics.permutation import benjamini_hochberg
from preceptor.library.changes import EvidenceVerdict


@dataclass(slots=True)
class Looks:
    """What is known after each of ``planned`` looks.

    Half of the false-discovery rate is spent on the last look, the other half evenly on those before (alpha
    spending: Lan and DeMets 1983), each time by Benjamini and Hochberg over all strategies. What is settled stays
    settled and is tried no more, so that its effect no longer hides those of others.
    """

    planned: int
    rate: float
    done: int = 0
    last: dict[str, Lift] = field(default_factory=dict[str, Lift])
    q: dict[str, float] = field(default_factory=dict[str, float])
    """Per strategy the smallest false-discovery rate at which it has a verdict, its looks paid for."""

    def look(self, found: Mapping[str, Lift]) -> None:
        """One more look, with all replays so far."""
        self.done += 1
        self.last.update(found)
        share = 0.5 if self.done >= self.planned else 0.5 / (self.planned - 1)
        corrected = benjamini_hochberg([x.p for x in self.last.values()])
        for name, q in zip(self.last, corrected, strict=True):
            if name not in self.settled:
                self.q[name] = min(1.0, q / share)

    @property
    def settled(self) -> frozenset[str]:
        """Strategies with a verdict."""
        return frozenset(name for name, q in self.q.items() if q <= self.rate)

    def verdicts(self) -> dict[str, EvidenceVerdict]:
        """Helpful or harmful where that is settled, else unproven."""
        settled = self.settled
        return {
            name: "unproven" if name not in settled else "helpful" if lift.value > 0 else "harmful"
            for name, lift in self.last.items()
        }
