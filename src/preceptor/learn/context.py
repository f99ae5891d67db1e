"""What every step of a learning run is handed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from preceptor.coach import Coach, CoachSettings
from preceptor.core.events import Emit, ignore
from preceptor.core.executor import Executor, InProcess
from preceptor.core.records import Domain, Scenario, Strategy
from preceptor.core.settings import LearnConfig
from preceptor.library.embedder import Embedder
from preceptor.llm import Seats
from preceptor.prompts import PromptSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One learning run's surroundings: nothing in it changes while the run goes."""

    run: str
    domain: Domain
    seats: Seats
    prompts: PromptSet
    settings: LearnConfig
    coach: CoachSettings
    concurrency: int
    embedder: Embedder | None = None
    """Finds strategies by meaning beside their words."""
    emit: Emit = ignore
    executor: Executor = field(default_factory=InProcess)
    """Where dialogues, probes and lessons are run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The library as a stage sees it: frozen when the stage begins."""

    strategies: tuple[Strategy, ...] = ()
    scenarios: Mapping[str, Scenario] = field(default_factory=dict[str, Scenario])
    helpful: tuple[str, ...] = ()
    """Ids of those that were measured to help."""

    def coach(self, context: Context) -> Coach:
        """The coach that the student has throughout the stage."""
        return Coach(
            self.strategies,
            self.scenarios,
            settings=context.coach,
            embedder=context.embedder,
            template=context.prompts["advice"].body,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A scenario that may be taught, with the replies to it that are already paid for."""

    scenario: Scenario
    student_reply: str | None = None
    teacher_reply: str | None = None
