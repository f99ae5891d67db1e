"""Consolidation at a stage's end: the same is merged, contradictions are flagged, what recurs is generalised."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from pydantic import BaseModel, Field

from preceptor.core.errors import ModelError
from preceptor.core.events import ItemFailed, PhaseStarted
from preceptor.core.ids import derive_seed, short_id
from preceptor.core.pool import Pool
from preceptor.core.records import Strategy
from preceptor.core.untrusted import fence, one_line
from preceptor.learn.context import Context
from preceptor.learn.likeness import Likeness, groups
from preceptor.learn.rules import Rule, strategy
from preceptor.llm.model import ChatMessage
from preceptor.prompts.transcript import numbered

PHASE = "consolidate"
_MOST_SHOWN = 80
"""Strategies shown at once for generalising: about what a 16k window holds beside a policy."""


class MergeAnswer(BaseModel):
    """The answer that ``merge.md`` asks for."""

    relation: Literal["same", "different", "contradict"]
    reason: str = Field(default="", max_length=2000)
    merged: Rule | None = None


class GeneralRule(Rule):
    """One rule of ``generalise.md``'s answer; ``from`` holds numbers of the strategies shown."""

    supported_by: list[int] = Field(alias="from", default_factory=list, max_length=500)


class GeneralRules(BaseModel):
    """The answer that ``generalise.md`` asks for."""

    strategies: list[GeneralRule] = Field(max_length=50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """Strategies that say the same, and the one that replaces them."""

    into: Strategy
    of: tuple[Strategy, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """Two strategies that tell the agent to do opposite things."""

    between: tuple[Strategy, Strategy]
    note: str


@dataclass(slots=True, kw_only=True)
class Consolidation:
    """What came of it."""

    merged: list[Merged] = field(default_factory=list[Merged])
    contradictions: list[Contradiction] = field(default_factory=list[Contradiction])
    general: list[Strategy] = field(default_factory=list[Strategy])

    def lasting(self, fresh: Iterable[Strategy]) -> list[Strategy]:
        """What the library is to use of it: those of ``fresh`` that were not merged away, and what is new."""
        gone = {s.id for m in self.merged for s in m.of}
        return [*(s for s in fresh if s.id not in gone), *(m.into for m in self.merged), *self.general]


async def consolidate(
    context: Context,
    stage: int,
    fresh: Sequence[Strategy],
    known: Sequence[Strategy],
    *,
    helpful: Collection[str] = (),
    pool: Pool,
    lasts: Callable[[Sequence[Strategy]], None],
) -> Consolidation:
    """Consolidates the stage's ``fresh`` strategies among themselves and with ``known`` ones of the snapshot.

    The result depends on the strategies and the seed alone, not on concurrency: groups of alike strategies are
    independent of each other, and within a group the order is fixed.

    Args:
        helpful: ids of those that were measured to help; where ``learn.general_evidence`` demands it, domain-wide
            strategies are made from these alone.
        pool: where the work is done, before all else that is in it.
        lasts: told of strategies as soon as nothing here can merge them away any more.
    """
    bound = [s for s in (*known, *fresh) if s.scope == "scenario"]
    new = {s.id for s in fresh}
    found = groups(len(bound), Likeness(bound).pairs(context.settings.merge_likeness))
    alike = [[bound[m] for m in members] for members in found]
    touched = [group for group in alike if any(s.id in new for s in group)]
    context.emit(PhaseStarted(name=PHASE, stage=stage, total=len(touched), kind="strategy"))
    met = {s.id for group in touched for s in group}
    lasts([s for s in fresh if s.id not in met])
    parts: dict[int, Consolidation] = {}

    async def one(number: int) -> None:
        group = touched[number]
        parts[number] = await _fold(context, stage, group, new)
        lasts(parts[number].lasting(s for s in group if s.id in new))

    # A group is one question after another, so the longest is begun first.
    await pool.each(sorted(range(len(touched)), key=lambda n: -len(touched[n])), one)
    result = Consolidation()
    for number in range(len(touched)):
        result.merged += parts[number].merged
        result.contradictions += parts[number].contradictions
    gone = {s.id for m in result.merged for s in m.of}
    alive = [s for s in bound if s.id not in gone] + [m.into for m in result.merged if m.into.id not in gone]
    general = [s for s in known if s.scope == "domain"]
    if context.settings.general_evidence == "helpful":
        alive = [s for s in alive if s.id in helpful]
    [result.general] = await pool.each([alive], lambda bound: _generalise(context, stage, bound, general))
    return result


async def _fold(context: Context, stage: int, group: Sequence[Strategy], new: set[str]) -> Consolidation:
    """Each strategy in turn meets the most alike of those kept before it; known pairs were asked in their stage."""
    result = Consolidation()
    kept: list[Strategy] = []
    origin: dict[str, list[Strategy]] = {}
    for candidate in group:
        fresh_kept = [k for k in kept if candidate.id in new or any(o.id in new for o in origin.get(k.id, [k]))]
        nearest = _nearest(candidate, fresh_kept, context.settings.merge_likeness)
        if nearest is None:
            kept.append(candidate)
            continue
        answer = await _relation(context, stage, nearest, candidate)
        if answer is not None and answer.relation == "same":
            into = _joined(answer, nearest, candidate)
            sources = [*origin.pop(nearest.id, [nearest]), candidate]
            kept[kept.index(nearest)] = into
            origin[into.id] = sources
            result.merged = [m for m in result.merged if m.into.id != nearest.id]
            result.merged.append(Merged(into=into, of=tuple(sources), reason=one_line(answer.reason, 300)))
            continue
        kept.append(candidate)
        if answer is not None and answer.relation == "contradict":
            result.contradictions.append(
                Contradiction(between=(nearest, candidate), note=one_line(answer.reason, 300))
            )
    final = {k.id for k in kept}
    result.contradictions = [c for c in result.contradictions if all(s.id in final for s in c.between)]
    return result


def distinct(strategies: Iterable[Strategy], floor: float) -> list[Strategy]:
    """Those that are not nearly the same as one before them; ``floor`` as in ``learn.merge_likeness``."""
    found: list[Strategy] = []
    for one in strategies:
        if _nearest(one, found, floor) is None:
            found.append(one)
    return found


def _nearest(candidate: Strategy, kept: Sequence[Strategy], floor: float) -> Strategy | None:
    if not kept:
        return None
    same = next((k for k in kept if _same_words(k, candidate)), None)
    if same is not None:
        return same
    scores = Likeness([candidate, *kept]).of(0)[1:]
    best = max(range(len(kept)), key=lambda i: (scores[i], -i))
    # Cosines depend on the collection; inside a small group they run lower than over the whole library.
    return kept[best] if scores[best] >= floor * 0.75 else None


async def _relation(context: Context, stage: int, left: Strategy, right: Strategy) -> MergeAnswer | None:
    if _same_words(left, right):
        rule = Rule(when=left.when, do=left.do, avoid=left.avoid, why=left.why)
        return MergeAnswer(relation="same", reason="the same words", merged=rule)
    text = context.prompts["merge"].render(
        policy=context.domain.policy.strip(), strategies=fence("strategies", numbered([left, right]))
    )
    item = f"{left.id}+{right.id}"
    seed = derive_seed(context.settings.seed, PHASE, stage, left.id, right.id)
    try:
        return await context.seats.teacher.fill(
            [ChatMessage("user", text)], MergeAnswer, seed=seed, phase=PHASE, item=item
        )
    except ModelError as error:
        return _recorded(context, item, error)


def _joined(answer: MergeAnswer, left: Strategy, right: Strategy) -> Strategy:
    scenarios = tuple(dict.fromkeys((*left.scenarios, *right.scenarios)))
    if answer.merged is None:
        merged = replace(left, scenarios=scenarios)
        id = short_id("strategy", [left.when, left.do, left.avoid, left.scope, *scenarios])
        return replace(merged, id=id)
    return strategy(answer.merged, scope="scenario", scenarios=scenarios)


def _same_words(left: Strategy, right: Strategy) -> bool:
    return all(
        getattr(left, name).casefold().rstrip(".") == getattr(right, name).casefold().rstrip(".")
        for name in ("when", "do", "avoid")
    )


async def _generalise(
    context: Context, stage: int, bound: Sequence[Strategy], general: Sequence[Strategy]
) -> list[Strategy]:
    """New domain-wide strategies, each resting on enough different scenarios; none that is already known."""
    settings = context.settings
    room = settings.general - len(general)
    if room <= 0 or len({i for s in bound for i in s.scenarios}) < settings.general_support:
        return []
    shown = sorted(bound, key=lambda s: (-len(s.scenarios), s.id))[:_MOST_SHOWN]
    text = context.prompts["generalise"].render(
        policy=context.domain.policy.strip(),
        strategies=fence("strategies", numbered(shown)),
        least=str(settings.general_support),
        most=str(room),
    )
    item = f"general-{stage}"
    seed = derive_seed(settings.seed, PHASE, stage, "general")
    try:
        answer = await context.seats.teacher.fill(
            [ChatMessage("user", text)], GeneralRules, seed=seed, phase=PHASE, item=item
        )
    except ModelError as error:
        _recorded(context, item, error)
        return []
    found: list[Strategy] = []
    for rule in answer.strategies:
        support = [shown[n - 1] for n in dict.fromkeys(rule.supported_by) if 0 < n <= len(shown)]
        scenarios = tuple(dict.fromkeys(i for s in support for i in s.scenarios))
        made = strategy(rule, scope="domain", scenarios=scenarios)
        enough = len(scenarios) >= settings.general_support
        if enough and _nearest(made, [*general, *found], settings.merge_likeness) is None:
            found.append(made)
    return found[:room]


def _recorded(context: Context, item: str, error: ModelError) -> None:
    """An answer that cannot be used costs this one item; what ends the run goes on up."""
    if error.ends_run:
        raise error
    context.emit(ItemFailed(kind="strategy", id=item, failure=error.kind, reason=str(error)))
