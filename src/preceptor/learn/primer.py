"""The primer: the teacher's first strategies, from the domain alone, before any dialogue."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from preceptor.core.errors import ModelError
from preceptor.core.events import Emit, Event, ItemDone, ItemFailed, PhaseStarted
from preceptor.core.ids import derive_seed
from preceptor.core.pool import run_all
from preceptor.core.records import Domain, Issue, Scope, Strategy
from preceptor.core.untrusted import fence, one_line
from preceptor.learn.batch import batch, settle
from preceptor.learn.consolidate import distinct
from preceptor.learn.context import Context
from preceptor.learn.rules import Rules, strategy
from preceptor.library.changes import Change
from preceptor.llm.model import ChatMessage

PHASE = "primer"
WHOLE = "primer"
"""Item of the call about the whole domain; that about an issue is ``primer-KEY``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrimerReport:
    """The primer in numbers."""

    asked: int
    """Answers asked for: one about the whole domain, one about each issue."""
    failed: int
    """Of these, lost to failures of the teacher; each is an event with its reason."""
    proposed: int
    merged: int
    contradictions: int
    blocked: int
    """Strategies proposed with a blocking finding: kept for people to see, not used."""


def primed_issues(domain: Domain, most: int) -> tuple[Issue, ...]:
    """At most ``most`` issues, in the domain's order: where there are more, those with most training profiles."""
    met = Counter(p.issue for p in domain.profiles if not p.heldout)
    ranked = sorted(range(len(domain.issues)), key=lambda n: (-met[domain.issues[n].key], n))
    return tuple(domain.issues[n] for n in sorted(ranked[:most]))


async def prime(context: Context) -> tuple[list[Change], PrimerReport]:
    """First strategies as library changes: one call about the whole domain, one about each issue.

    They have no scenario and are found by their own words. Those about the whole domain have the scope ``domain``,
    those about an issue the scope ``scenario``, so that what is learned in dialogues can be merged with them.
    Nothing in them comes from a customer's text. The result depends on the domain and the seed alone.
    """
    asks = [None, *primed_issues(context.domain, context.settings.primer_issues)]
    context.emit(PhaseStarted(name=PHASE, stage=0, total=len(asks), kind="strategy"))

    async def one(issue: Issue | None) -> list[Strategy] | None:
        return await _asked(context, issue)

    answers = await run_all(asks, one, concurrency=context.concurrency)
    found = list({s.id: s for answer in answers for s in answer or ()}.values())
    general = distinct((s for s in found if s.scope == "domain"), context.settings.merge_likeness)
    fresh = [*general[: context.settings.general], *(s for s in found if s.scope == "scenario")]
    within = replace(context, emit=_without_phases(context.emit))
    settled = await settle(within, 0, fresh, scenarios={})
    changes = batch(within, 0, primer=fresh, settled=settled, tainted=False)
    consolidation = settled.consolidation
    report = PrimerReport(
        asked=len(asks),
        failed=sum(answer is None for answer in answers),
        proposed=len(fresh),
        merged=sum(len(m.of) for m in consolidation.merged),
        contradictions=len(consolidation.contradictions),
        blocked=settled.blocked,
    )
    return changes, report


async def _asked(context: Context, issue: Issue | None) -> list[Strategy] | None:
    """The strategies of one answer; None where it cannot be used, which is told."""
    domain, settings = context.domain, context.settings
    item = WHOLE if issue is None else f"{WHOLE}-{issue.key}"
    text = context.prompts["primer"].render(
        brief=domain.brief.strip(),
        policy=domain.policy.strip(),
        issue="" if issue is None else fence("issue", _told(issue)),
        issues=fence("issues", "\n".join(f"- {_told(i)}" for i in domain.issues)) if issue is None else "",
        most=str(settings.primer_strategies),
    )
    seed = derive_seed(settings.seed, PHASE, "" if issue is None else issue.key)
    try:
        answer = await context.seats.teacher.fill(
            [ChatMessage("user", text)], Rules, seed=seed, phase=PHASE, item=item
        )
    except ModelError as error:
        if error.ends_run:
            raise
        context.emit(ItemFailed(kind="strategy", id=item, failure=error.kind, reason=str(error)))
        return None
    scope: Scope = "domain" if issue is None else "scenario"
    made = [strategy(r, scope=scope, scenarios=()) for r in answer.strategies[: settings.primer_strategies]]
    context.emit(ItemDone(kind="strategy", id=item, detail=PHASE))
    return made


def _told(issue: Issue) -> str:
    return f"{one_line(issue.title)}. {one_line(issue.story)} Goal: {one_line(issue.goal)}"


def _without_phases(emit: Emit) -> Emit:
    """Consolidation and screening of the primer are part of its phase: those of stage 1 are still to come."""

    def told(event: Event) -> None:
        if not isinstance(event, PhaseStarted):
            emit(event)

    return told
