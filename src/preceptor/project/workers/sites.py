"""What learning and evaluation need around their items, as data that is sent to workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from preceptor.coach import Coach, CoachSettings
from preceptor.core.events import Emit
from preceptor.core.records import Domain, Scenario, Strategy
from preceptor.core.settings import Config
from preceptor.evaluate.arms import Ground, Learned, open_arm
from preceptor.evaluate.dialogues import Stage
from preceptor.learn import Context
from preceptor.library.embedder import Embedder
from preceptor.library.release import Release
from preceptor.llm import Seats
from preceptor.prompts import PromptSet


@dataclass(frozen=True, slots=True, kw_only=True)
class CoachRecipe:
    """What the coach over a library is made of."""

    strategies: tuple[Strategy, ...]
    scenarios: Mapping[str, Scenario]
    settings: CoachSettings
    template: str

    def coach(self, embedder: Embedder | None) -> Coach:
        """The same coach wherever it is made."""
        return Coach(self.strategies, self.scenarios, self.settings, embedder=embedder, template=self.template)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """Around dialogues, probes and lessons."""

    run: str
    domain: Domain
    prompts: PromptSet
    config: Config
    coach: CoachSettings

    async def open(self, seats: Seats, embedder: Embedder | None, emit: Emit) -> Context:
        """See :class:`~preceptor.project.workers.worker.Surroundings`."""
        return self.context(seats, embedder, emit)

    def context(self, seats: Seats, embedder: Embedder | None, emit: Emit) -> Context:
        """The same for who has no event loop yet."""
        return Context(
            run=self.run,
            domain=self.domain,
            seats=seats,
            prompts=self.prompts,
            settings=self.config.learn,
            coach=self.coach,
            embedder=embedder,
            concurrency=self.config.run.concurrency,
            emit=emit,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluating:
    """Around the dialogues and pairs of an evaluation."""

    domain: Domain
    prompts: PromptSet
    config: Config
    coach: CoachRecipe | Release | None
    learned: Learned
    files: Mapping[str, str]
    release: str

    async def open(self, seats: Seats, embedder: Embedder | None, emit: Emit) -> Stage:
        """See :class:`~preceptor.project.workers.worker.Surroundings`. What an arm asks to prepare itself stands in
        the journal: who drives the run asked it first."""
        settings = self.config.evaluate
        if isinstance(self.coach, Release):
            made_with = None if self.coach.manifest.embedder is None else embedder
            coach = Coach.from_release(self.coach, embedder=made_with)
        else:
            coach = None if self.coach is None else self.coach.coach(embedder)
        ground = Ground(
            domain=self.domain,
            seats=seats,
            coach=coach,
            prompts=self.prompts,
            learned=self.learned,
            files=self.files,
            release=self.release,
            seed=settings.seed,
            window=settings.window,
            guide_words=settings.guide_words,
        )
        names = dict.fromkeys((*settings.arms, *self.files))
        arms = {name: await open_arm(name, ground) for name in names}
        return Stage(
            ground=ground, settings=settings, concurrency=self.config.run.concurrency, emit=emit, arms=arms
        )
