"""What learning and evaluation hand back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from preceptor.core.records import Strategy
from preceptor.evaluate.latency import Latency
from preceptor.evaluate.prove import Proof
from preceptor.evaluate.result import Evaluation
from preceptor.evaluate.transfer import Transfer
from preceptor.learn import PrimerReport, StageReport
from preceptor.learn.log_report import Report
from preceptor.llm import LedgerRow


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnResult:
    """A finished learning run."""

    run: str
    folder: Path
    """The run's folder: settings, events, journal, results."""
    stages: tuple[StageReport, ...]
    strategies: tuple[Strategy, ...]
    """What the library now offers to the student, all runs together."""
    simulated: bool
    """True when any seat was held by a practice model."""
    spend: tuple[LedgerRow, ...]
    primer: PrimerReport | None = None
    """What the teacher wrote from the domain alone, where the run began with that."""
    log: Report | None = None
    """What reading the logs found, when it learned from logs."""

    @property
    def lessons(self) -> int:
        """Scenarios that were compared or taught."""
        return sum(sum(s.outcomes.values()) for s in self.stages)

    @property
    def learned(self) -> int:
        """Strategies that this run proposed."""
        return sum(s.proposed for s in self.stages)

    @property
    def failed(self) -> int:
        """Scenarios lost to failures of models."""
        return sum(s.failed for s in self.stages)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProveResult:
    """A finished proving run."""

    run: str
    folder: Path
    proof: Proof
    written: int
    """Strategies whose evidence is in the library now."""
    changed: tuple[str, ...]
    """Strategies whose words changed while the run went: the evidence is of their old words and was not written."""
    spend: tuple[LedgerRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferResult:
    """A finished transfer."""

    run: str
    folder: Path
    transfer: Transfer
    spend: tuple[LedgerRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateResult:
    """A finished evaluation."""

    run: str
    folder: Path
    evaluation: Evaluation
    spend: tuple[LedgerRow, ...]
    latency: tuple[Latency, ...] = ()
    """Seconds a reply by arm; of live calls, in this run and in what it went on from."""

    @property
    def simulated(self) -> bool:
        """True when any seat was held by a practice model."""
        return self.evaluation.simulated
