"""Running an evaluation: every arm meets the same customers, and every dialogue is rated."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from preceptor.coach import Coach
from preceptor.core.errors import ConfigError, RunError
from preceptor.core.events import Emit, PhaseStarted
from preceptor.core.executor import Executor, InProcess
from preceptor.core.ids import derive_seed
from preceptor.core.records import Profile
from preceptor.core.settings import EvaluateConfig
from preceptor.evaluate.again import again
from preceptor.evaluate.arms import BASELINE, CEILING, Arm, Ground, Learned, check_file_arm, open_arm, phase_of
from preceptor.evaluate.arms.needs import require
from preceptor.evaluate.dialogues import Stage, play_all, task
from preceptor.evaluate.figures import lengths, measures, satisfaction_of, scores, summary, unseen
from preceptor.evaluate.found import Met, Preferences, Stopping
from preceptor.evaluate.pairwise import judge_pairs
from preceptor.evaluate.precise import until_precise
from preceptor.evaluate.profiles import heldout_profiles
from preceptor.evaluate.result import Evaluation, Item
from preceptor.evaluate.spend import SpendOf, nothing_spent
from preceptor.evaluate.statistics import analyse


async def evaluate(
    ground: Ground,
    *,
    settings: EvaluateConfig,
    concurrency: int,
    emit: Emit,
    spend: SpendOf = nothing_spent,
    executor: Executor | None = None,
) -> Evaluation:
    """Play and rate the dialogues of all arms and analyse them, paired.

    The seed of a dialogue derives from ``settings.seed``, profile and repeat, not from the arm: all arms meet the
    same customers (common random numbers). A dialogue or rating that fails is recorded and its pairs are
    dropped, with a count; nothing is put in its place.

    Args:
        ground: its domain must hold out profiles, and only these are used; its coach is None where nothing was
            learned yet. Seed and limits of arms are taken from ``settings``.
        concurrency: dialogues under way at once. It does not change the result.
        spend: asked at the end what each arm's phase (:func:`~preceptor.evaluate.arms.phase_of`) cost;
            :meth:`preceptor.evaluate.spend.SpendTally.of`.
        executor: where dialogues and pairs are run; None: in this process.

    Raises:
        InputError: no profile is held out.
        ConfigError: an arm that cannot be opened.
        RunError: not one dialogue of the baseline was rated, or of the others.
        PreceptorError: what ends a run: budget, stop, a model that is down.
    """
    ground = replace(ground, seed=settings.seed, window=settings.window, guide_words=settings.guide_words)
    names = arms_of(settings, ground.files, ground.coach, ground.learned)
    baseline = BASELINE if BASELINE in names else names[0]
    compared = _compared(names, baseline)
    precise = settings.until_precise
    limit = len(ground.domain.profiles) if precise is not None else settings.profiles
    profiles = heldout_profiles(ground.domain, limit=limit, seed=settings.seed)
    arms = [await open_arm(name, ground) for name in names]
    stage = Stage(
        ground=ground,
        settings=settings,
        concurrency=concurrency,
        emit=emit,
        executor=executor or InProcess(),
    )
    stopping: Stopping | None = None
    if precise is None:
        items = await _fixed(stage, arms, profiles)
    else:
        items, stopping = await until_precise(stage, arms, profiles, compared=(compared, baseline), target=precise)
    _refuse_empty(items, baseline)
    twice: list[Item] = []
    preferences: Preferences | None = None
    if stopping is None or stopping.ended != "budget":  # what a cap ended has nothing left for more
        twice = await _second_time(stage, next(a for a in arms if a.name == baseline), items, profiles)
        preferences = await judge_pairs(stage, items, profiles, baseline) if settings.pairwise else None
    played = _Played(arms=arms, profiles=profiles, items=items, twice=twice)
    found = _evaluation(stage, played, baseline, spend)
    return replace(found, preferences=preferences, stopping=stopping)


def arms_of(
    settings: EvaluateConfig, files: Mapping[str, str], coach: Coach | None, learned: Learned
) -> tuple[str, ...]:
    """The names of the arms that are compared, the files' last.

    Raises:
        ConfigError: one cannot be called so or lacks what it needs, or ``until_precise`` has nothing to compare.
    """
    for name in files:
        check_file_arm(name)
    names = tuple(dict.fromkeys((*settings.arms, *files)))
    for name in names:
        require(name, coach, learned)
    if settings.until_precise is not None and not _compared(names, BASELINE if BASELINE in names else names[0]):
        raise ConfigError("until_precise needs two arms to compare", hint="name another arm in evaluate.arms")
    return names


_BESIDE = ("again", "pairs")
"""Phases of calls that belong to no arm."""


def _compared(names: Sequence[str], baseline: str) -> str:
    """The comparison that a headline speaks of: ``coached``, else the last arm."""
    others = [n for n in names if n != baseline]
    return "coached" if "coached" in others else others[-1] if others else ""


async def _fixed(stage: Stage, arms: Sequence[Arm], profiles: Sequence[Profile]) -> list[Item]:
    tasks = [
        task(arm, p, r, stage.settings)
        for r in range(stage.settings.repeats)
        for p in profiles
        for arm in arms  # innermost, so that a run that is stopped early leaves whole pairs
    ]
    stage.emit(PhaseStarted(name="evaluate", stage=0, total=len(tasks), kind="dialogue"))
    items = await play_all(stage, tasks)
    done = {(i.arm, i.profile, i.repeat): i for i in items}
    return [done[a.name, p.id, r] for a in arms for p in profiles for r in range(stage.settings.repeats)]


async def _second_time(stage: Stage, arm: Arm, items: Sequence[Item], profiles: Sequence[Profile]) -> list[Item]:
    """The baseline once more, for the A/A: with the first ``settings.aa`` of the profiles in an order of chance."""
    settings = stage.settings
    if not settings.aa:
        return []
    met = {i.profile for i in items if i.repeat == 0}
    drawn = sorted(
        (p for p in profiles if p.id in met), key=lambda p: (derive_seed(settings.seed, "aa", p.id), p.id)
    )
    tasks = [task(arm, p, 0, settings, again=True) for p in drawn[: settings.aa]]
    stage.emit(PhaseStarted(name="again", stage=0, total=len(tasks), kind="dialogue"))
    return await play_all(stage, tasks)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Played:
    arms: Sequence[Arm]
    profiles: Sequence[Profile]
    items: Sequence[Item]
    twice: Sequence[Item]


def _evaluation(stage: Stage, played: _Played, baseline: str, spend: SpendOf) -> Evaluation:
    ground, settings, items = stage.ground, stage.settings, played.items
    seats = (ground.seats.student, ground.seats.teacher, ground.seats.customer, ground.seats.judge)
    models = {seat.name: seat.spec for seat in seats}
    analysis = analyse(
        scores(items, satisfaction_of),
        baseline=baseline,
        ceiling=CEILING,
        seed=derive_seed(settings.seed, "analysis"),
    )
    met = {i.profile for i in items}
    practised = {p.issue for p in ground.domain.profiles if not p.heldout}
    return Evaluation(
        domain=ground.domain.name,
        simulated=any(spec.startswith("practice:") for spec in models.values()),
        models=models,
        prompts=ground.prompts.hashes(),
        strategies=len(ground.coach) if ground.coach is not None else 0,
        seed=settings.seed,
        profiles=len(met),
        repeats=settings.repeats,
        max_turns=settings.max_turns,
        arms=tuple(summary(arm, items, settings.seed, spend) for arm in played.arms),
        analysis=analysis,
        items=tuple(items),
        customers=tuple(_met(p, practised) for p in played.profiles if p.id in met),
        unseen=unseen(items, {p.id for p in played.profiles if p.issue not in practised}, baseline, settings.seed),
        release=ground.release,
        measures=measures(items, baseline, settings.seed),
        lengths=lengths(items, baseline, settings.seed),
        again=again(items, played.twice, analysis, seed=settings.seed),
        again_items=tuple(played.twice),
        spend={name: dict(sorted(spent.items())) for name in _BESIDE if (spent := spend(phase_of(name)))},
    )


def _met(profile: Profile, practised: Collection[str]) -> Met:
    return Met(
        profile=profile.id,
        issue=profile.issue,
        style=profile.style,
        emotion=profile.emotion,
        demanding=profile.demanding,
        practised=profile.issue in practised,
    )


def _refuse_empty(items: Sequence[Item], baseline: str) -> None:
    rated = {i.arm for i in items if i.rating is not None}
    for item in items:
        if item.arm not in rated and (item.arm == baseline or not rated - {baseline}):
            raise RunError(
                f"not one dialogue of the arm '{item.arm}' could be rated; the first failed with: {item.failure}",
                hint="check the models in the student, customer and judge seats with one dialogue first",
            )
