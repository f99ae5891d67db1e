"""Running an evaluation: every arm meets the same customers, and every dialogue is rated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from preceptor.coach import Coach
from preceptor.core.errors import ModelError, RunError
from preceptor.core.events import Emit, ItemDone, ItemFailed, PhaseStarted
from preceptor.core.ids import derive_seed
from preceptor.core.pool import run_all
from preceptor.core.records import Dialogue, Domain, Profile, Turn
from preceptor.core.settings import EvaluateConfig
from preceptor.core.untrusted import one_line
from preceptor.dialogue import Customer, play
from preceptor.evaluate.arms import BASELINE, CEILING, Arm, Ground, open_arm, phase_of
from preceptor.evaluate.profiles import heldout_profiles
from preceptor.evaluate.result import ArmSummary, Evaluation, Item
from preceptor.evaluate.spend import SpendOf, nothing_spent
from preceptor.evaluate.statistics import Estimate, Score, analyse
from preceptor.evaluate.statistics.cells import collect
from preceptor.evaluate.statistics.paired import mean_of
from preceptor.judge import Rating, rate
from preceptor.llm import Seats
from preceptor.prompts import PromptSet


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    arm: Arm
    profile: Profile
    repeat: int
    seed: int

    @property
    def unit(self) -> str:
        return f"{self.profile.id}/{self.repeat}"

    @property
    def id(self) -> str:
        return f"{self.arm.name}:{self.unit}"


async def evaluate(
    *,
    domain: Domain,
    seats: Seats,
    coach: Coach | None,
    prompts: PromptSet,
    settings: EvaluateConfig,
    concurrency: int,
    emit: Emit,
    spend: SpendOf = nothing_spent,
) -> Evaluation:
    """Play and rate the dialogues of all arms and analyse them, paired.

    The seed of a dialogue derives from ``settings.seed``, profile and repeat, not from the arm: all arms meet the
    same customers (common random numbers). A dialogue or rating that fails is recorded and its pairs are
    dropped, with a count; nothing is put in its place.

    Args:
        domain: must hold out profiles; only these are used.
        coach: None where nothing was learned yet; the arm ``coached`` is then refused.
        concurrency: dialogues under way at once. It does not change the result.
        spend: asked at the end what each arm's phase (:func:`~preceptor.evaluate.arms.phase_of`) cost;
            :meth:`preceptor.evaluate.spend.SpendTally.of`.

    Raises:
        InputError: no profile is held out.
        ConfigError: an arm that cannot be opened.
        RunError: not one dialogue of the baseline was rated, or of the others.
        PreceptorError: what ends a run: budget, stop, a model that is down.
    """
    ground = Ground(domain=domain, seats=seats, coach=coach, prompts=prompts)
    profiles = heldout_profiles(domain, limit=settings.profiles, seed=settings.seed)
    names = tuple(dict.fromkeys(settings.arms))
    arms = [await open_arm(name, ground) for name in names]
    tasks = [
        _Task(arm=arm, profile=p, repeat=r, seed=derive_seed(settings.seed, "evaluate", p.id, r))
        for r in range(settings.repeats)
        for p in profiles
        for arm in arms  # innermost, so that a run that is stopped early leaves whole pairs
    ]
    emit(PhaseStarted(name="evaluate", stage=0, total=len(tasks)))
    done = await _all(tasks, ground, settings.max_turns, concurrency, emit)
    items = [done[f"{name}:{p.id}/{r}"] for name in names for p in profiles for r in range(settings.repeats)]
    baseline = BASELINE if BASELINE in names else names[0]
    _refuse_empty(items, baseline)
    scores = [_score(i, i.rating.satisfaction) for i in items if i.rating is not None]
    models = {seat.name: seat.spec for seat in (seats.student, seats.teacher, seats.customer, seats.judge)}
    return Evaluation(
        domain=domain.name,
        simulated=any(spec.startswith("practice:") for spec in models.values()),
        models=models,
        prompts=prompts.hashes(),
        strategies=len(coach) if coach is not None else 0,
        seed=settings.seed,
        profiles=len(profiles),
        repeats=settings.repeats,
        max_turns=settings.max_turns,
        arms=tuple(_summary(name, items, settings.seed, spend) for name in names),
        analysis=analyse(scores, baseline=baseline, ceiling=CEILING, seed=derive_seed(settings.seed, "analysis")),
        items=tuple(items),
    )


async def _all(
    tasks: Sequence[_Task], ground: Ground, max_turns: int, concurrency: int, emit: Emit
) -> Mapping[str, Item]:
    """All tasks by id, at most ``concurrency`` at once."""

    async def work(task: _Task) -> tuple[str, Item]:
        item = await _one(task, ground, max_turns)
        if item.rating is None:
            kind = "rating" if item.dialogue.end != "failed" else "dialogue"
            failure, _, reason = item.failure.partition(": ")
            emit(ItemFailed(kind=kind, id=task.id, failure=failure, reason=reason))
        else:
            emit(ItemDone(kind="dialogue", id=task.id, detail=f"{item.rating.satisfaction:g}"))
        return task.id, item

    return dict(await run_all(tasks, work, concurrency=concurrency))


async def _one(task: _Task, ground: Ground, max_turns: int) -> Item:
    phase = phase_of(task.arm.name)
    dialogue = await play(
        id=task.id,
        profile=task.profile,
        customer=Customer(ground.seats.customer, ground.domain, task.profile, ground.prompts),
        agent=task.arm.speaker(task.id),
        max_turns=max_turns,
        seed=task.seed,
        phase=phase,
    )
    rating, failure = None, dialogue.failure
    if dialogue.end != "failed":
        rating, failure = await _rated(task, dialogue, ground, phase)
    return Item(
        arm=task.arm.name,
        unit=task.unit,
        profile=task.profile.id,
        repeat=task.repeat,
        seed=task.seed,
        dialogue=dialogue,
        rating=rating,
        failure=one_line(failure, 400),
        advised=_advised(task.arm, dialogue.turns),
    )


def _advised(arm: Arm, turns: Sequence[Turn]) -> tuple[tuple[str, ...], ...]:
    """What the coach gave, reply by reply: it is pure, so asked again it says the same."""
    if arm.advised is None:
        return ()
    return tuple(arm.advised(turns[:n]) for n, turn in enumerate(turns) if turn.speaker == "agent")


async def _rated(task: _Task, dialogue: Dialogue, ground: Ground, phase: str) -> tuple[Rating | None, str]:
    if not any(turn.speaker == "agent" for turn in dialogue.turns):
        return None, "no-reply: the customer left before the agent could say a word"
    try:
        found = await rate(
            ground.seats.judge,
            ground.prompts,
            domain=ground.domain,
            profile=task.profile,
            turns=dialogue.turns,
            seed=derive_seed(task.seed, "judge"),
            phase=phase,
            item=task.id,
        )
    except ModelError as error:
        if error.ends_run:
            raise
        return None, f"{error.kind}: {error}"
    return found, ""


def _score(item: Item, value: float) -> Score:
    return Score(arm=item.arm, unit=item.unit, cluster=item.profile, score=value)


def _summary(name: str, items: Sequence[Item], seed: int, spend: SpendOf) -> ArmSummary:
    mine = [i for i in items if i.arm == name]
    rated = [(i, i.rating) for i in mine if i.rating is not None]
    words = [w for i, _ in rated for w in i.words]
    resolved: Estimate | None = None
    if rated:
        cells = collect([_score(i, float(rating.resolved)) for i, rating in rated])
        resolved = mean_of(cells, name, seed=derive_seed(seed, "resolved"))
    return ArmSummary(
        arm=name,
        planned=len(mine),
        rated=len(rated),
        failed=len(mine) - len(rated),
        resolved=resolved,
        replies=len(words) / len(rated) if rated else None,
        words=float(np.mean(words)) if words else None,
        spend=dict(sorted(spend(phase_of(name)).items())),
    )


def _refuse_empty(items: Sequence[Item], baseline: str) -> None:
    rated = {i.arm for i in items if i.rating is not None}
    for item in items:
        if item.arm not in rated and (item.arm == baseline or not rated - {baseline}):
            raise RunError(
                f"not one dialogue of the arm '{item.arm}' could be rated; the first failed with: {item.failure}",
                hint="check the models in the student, customer and judge seats with one dialogue first",
            )
