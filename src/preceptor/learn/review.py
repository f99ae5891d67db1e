"""Screening: each strategy is checked by code and, if wished, by the teacher, before the library takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, Field

from preceptor.core.errors import ModelError
from preceptor.core.events import ItemFailed
from preceptor.core.ids import derive_seed
from preceptor.core.pool import Pool
from preceptor.core.records import Finding, Scenario, Severity, Strategy
from preceptor.core.untrusted import fence, one_line
from preceptor.learn.context import Context
from preceptor.library.screening import screen
from preceptor.llm.model import ChatMessage
from preceptor.prompts.transcript import transcript

PHASE = "screen"
Kind = Literal["policy", "private", "setting", "injection", "vague"]
_SEVERITY: Mapping[Kind, Severity] = {
    "policy": "blocking",
    "private": "blocking",
    "injection": "blocking",
    "setting": "warning",
    "vague": "warning",
}
_FIELDS = ("when", "do", "avoid", "why")
_MOST_SHOWN = 3
"""Conversations shown at once for a strategy that rests on many."""


class Problem(BaseModel):
    """One problem in the answer that ``screen.md`` asks for."""

    kind: Kind
    quote: str = Field(default="", max_length=2000)
    reason: str = Field(default="", max_length=2000)


class Problems(BaseModel):
    """The answer that ``screen.md`` asks for."""

    problems: list[Problem] = Field(max_length=20)


class Review:
    """Findings of strategies, which may be handed in one after another while other work goes on.

    A teacher's answer that cannot be used leaves a warning, so that a person sees that the check is missing.
    """

    def __init__(self, context: Context, stage: int, scenarios: Mapping[str, Scenario], pool: Pool) -> None:
        self.findings: dict[str, tuple[Finding, ...]] = {}
        """By strategy id, of every strategy that was handed in; whole when the pool has ended."""
        self._context = context
        self._stage = stage
        self._scenarios = scenarios
        self._pool = pool

    def begin(self, strategies: Sequence[Strategy]) -> None:
        """Has them checked, each once."""
        for strategy in strategies:
            if strategy.id not in self.findings:
                self.findings[strategy.id] = ()
                self._pool.add(lambda strategy=strategy: self._one(strategy))

    async def _one(self, strategy: Strategy) -> None:
        behind = [self._scenarios[i] for i in strategy.scenarios if i in self._scenarios]
        self.findings[strategy.id] = await _screened(self._context, self._stage, strategy, behind)


async def _screened(
    context: Context, stage: int, strategy: Strategy, scenarios: Sequence[Scenario]
) -> tuple[Finding, ...]:
    turns = [t for s in scenarios for t in s.turns]
    by_code = screen(strategy, turns=turns, domain=context.domain)
    if not context.settings.screen_with_teacher or any(f.severity == "blocking" for f in by_code):
        return by_code
    text = context.prompts["screen"].render(
        policy=context.domain.policy.strip(),
        conversation=_shown_talk(scenarios),
        strategy=fence("strategy", _shown(strategy)),
    )
    seed = derive_seed(context.settings.seed, PHASE, stage, strategy.id)
    try:
        answer = await context.seats.teacher.fill(
            [ChatMessage("user", text)], Problems, seed=seed, phase=PHASE, item=strategy.id
        )
    except ModelError as error:
        if error.ends_run:
            raise
        context.emit(ItemFailed(kind="strategy", id=strategy.id, failure=error.kind, reason=str(error)))
        missing = Finding(
            check="teacher",
            severity="warning",
            field="",
            quote="",
            reason=f"the teacher's check failed: {error.kind}",
        )
        return (*by_code, missing)
    return (*by_code, *(f for p in answer.problems if (f := _finding(strategy, p)) is not None))


def _finding(strategy: Strategy, problem: Problem) -> Finding | None:
    """A problem whose words do not stand in the strategy is made up, and is left out."""
    quote = one_line(problem.quote).strip(" \"'“”‘’.")
    # Neither what a strategy tells to avoid nor when it applies is a promise, though teachers often read it so.
    fields = [name for name in _FIELDS if not (problem.kind == "policy" and name in ("avoid", "when"))]
    for name in fields:
        if quote and quote.casefold() in getattr(strategy, name).casefold():
            return Finding(
                check=f"teacher:{problem.kind}",
                severity=_SEVERITY[problem.kind],
                field=name,
                quote=quote,
                start=getattr(strategy, name).casefold().find(quote.casefold()),
                reason=one_line(problem.reason, 300) or "the teacher's view, without a reason",
            )
    return None


def _shown_talk(scenarios: Sequence[Scenario]) -> str:
    if not scenarios:
        return ""
    return fence("conversation", "\n\n".join(transcript(s.turns) for s in scenarios[:_MOST_SHOWN]))


def _shown(strategy: Strategy) -> str:
    return "\n".join(f"{name}: {getattr(strategy, name)}" for name in _FIELDS)
