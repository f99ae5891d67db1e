"""Verdicts after several looks at many strategies, with the false-discovery rate held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from preceptor.evaluate.prove.lifts import Lift
from preceptor.evaluate.statistics.permutation import benjamini_hochberg
from preceptor.library.changes import EvidenceVerdict


@dataclass(slots=True)
class Looks:
    """What was seen at each look. ``planned`` looks are paid for from the first on.

    A strategy's p-value is its smallest over the looks, times their number (Bonferroni over looks), so that ending
    its trial early when it looks clear does not make a verdict out of luck. Benjamini and Hochberg over strategies
    then hold the share of false verdicts among all verdicts.
    """

    planned: int
    rate: float
    best: dict[str, Lift] = field(default_factory=dict[str, Lift])
    """Per strategy the look with the smallest p-value."""
    last: dict[str, Lift] = field(default_factory=dict[str, Lift])

    def look(self, found: Mapping[str, Lift]) -> None:
        """One more look, with all replays so far."""
        for name, lift in found.items():
            known = self.best.get(name)
            if known is None or lift.p < known.p:
                self.best[name] = lift
            self.last[name] = lift

    @property
    def level(self) -> float:
        """Level of one look's interval with which all looks together hold with 95%."""
        return 1 - 0.05 / self.planned

    def q(self) -> dict[str, float]:
        """Per strategy the smallest false-discovery rate at which it gets a verdict."""
        corrected = benjamini_hochberg([min(1.0, self.planned * x.p) for x in self.best.values()])
        return dict(zip(self.best, corrected, strict=True))

    def verdicts(self) -> dict[str, EvidenceVerdict]:
        """Helpful or harmful where it is settled and all replays together say the same; else unproven."""
        found: dict[str, EvidenceVerdict] = {}
        for name, q in self.q().items():
            now, then = self.last[name].value, self.best[name].value
            settled = q <= self.rate and now * then > 0
            found[name] = ("helpful" if now > 0 else "harmful") if settled else "unproven"
        return found
