"""From dialogues to figures: arms by themselves, further measures, length."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

import numpy as np

from preceptor.core.errors import InputError
from preceptor.core.ids import derive_seed
from preceptor.evaluate.arms import CEILING, Arm, phase_of
from preceptor.evaluate.found import ArmLength, Measured, MeasureName, Unseen
from preceptor.evaluate.result import ArmSummary, Item
from preceptor.evaluate.spend import SpendOf
from preceptor.evaluate.statistics import Estimate, Score, analyse
from preceptor.evaluate.statistics.cells import collect
from preceptor.evaluate.statistics.intervals import share
from preceptor.evaluate.statistics.length import LengthPair, adjust_for_length
from preceptor.evaluate.statistics.paired import mean_of
from preceptor.judge import DIMENSIONS

Value = Callable[[Item], "float | None"]


def scores(items: Sequence[Item], value: Value) -> list[Score]:
    """One score an item, where it has one."""
    found = ((i, value(i)) for i in items)
    return [Score(arm=i.arm, unit=i.unit, cluster=i.profile, score=v) for i, v in found if v is not None]


def satisfaction_of(item: Item) -> float | None:
    """1 to 5; None where the dialogue or its rating failed."""
    return None if item.rating is None else item.rating.satisfaction


def _resolved(item: Item) -> float | None:
    return None if item.rating is None else float(item.rating.resolved)


def _kept(item: Item) -> float | None:
    return None if item.policy is None else float(item.policy.kept)


def _dimension(name: str) -> Value:
    def value(item: Item) -> float | None:
        return None if item.service is None else float(getattr(item.service, name))

    return value


def summary(arm: Arm, items: Sequence[Item], seed: int, spend: SpendOf) -> ArmSummary:
    """One arm by itself."""
    mine = [i for i in items if i.arm == arm.name]
    rated = [i for i in mine if i.rating is not None]
    words = [w for i in rated for w in i.words]
    checks = [i.policy for i in rated if i.policy is not None]
    return ArmSummary(
        arm=arm.name,
        planned=len(mine),
        rated=len(rated),
        failed=len(mine) - len(rated),
        resolved=_share(rated, _resolved, derive_seed(seed, "resolved")),
        replies=len(words) / len(rated) if rated else None,
        words=float(np.mean(words)) if words else None,
        spend=dict(sorted(spend(phase_of(arm.name)).items())),
        kept=_share(rated, _kept, derive_seed(seed, "kept")),
        breaches=sum(len(c.breaches) for c in checks),
        unfounded=sum(c.unfounded for c in checks),
        text=arm.text,
        note=arm.note,
    )


def _share(items: Sequence[Item], value: Value, seed: int) -> Estimate | None:
    found = scores(items, value)
    return share(mean_of(collect(found), found[0].arm, seed=seed)) if found else None


def measures(items: Sequence[Item], baseline: str, seed: int) -> tuple[Measured, ...]:
    """Every further measure that was taken, of all arms, paired with the baseline."""
    values: dict[MeasureName, Value] = {"resolved": _resolved, "kept": _kept}
    values |= {name: _dimension(name) for name in DIMENSIONS}  # pyright: ignore[reportAssignmentType]
    found: list[Measured] = []
    for name, value in values.items():
        taken = scores(items, value)
        if any(s.arm == baseline for s in taken):
            analysis = analyse(taken, baseline=baseline, ceiling=CEILING, seed=derive_seed(seed, "measure", name))
            found.append(Measured(name=name, analysis=analysis))
    return tuple(found)


def unseen(items: Sequence[Item], strangers: Collection[str], baseline: str, seed: int) -> tuple[Unseen, ...]:
    """The differences in satisfaction with profiles of practised issues, and with ``strangers``: profiles whose
    issue learning never met. Nothing where there are no strangers."""
    rows = scores(items, satisfaction_of)

    def part(of: bool) -> dict[str, Estimate]:
        mine = [r for r in rows if (r.cluster in strangers) is of]
        if not any(r.arm == baseline for r in mine):
            return {}
        found = analyse(mine, baseline=baseline, ceiling=CEILING, seed=derive_seed(seed, "unseen", of))
        return {d.arm: d.estimate for d in found.differences}

    if not any(r.cluster in strangers for r in rows):
        return ()
    known, new = part(False), part(True)
    arms = dict.fromkeys(r.arm for r in rows if r.arm != baseline)
    return tuple(Unseen(arm=a, profiles=known.get(a), issues=new.get(a)) for a in arms)


def lengths(items: Sequence[Item], baseline: str, seed: int) -> tuple[ArmLength, ...]:
    """Per arm the paired difference in satisfaction, with and without what goes with words a reply."""
    by_arm: dict[str, dict[str, Item]] = {}
    for item in items:
        if item.rating is not None and item.words:
            by_arm.setdefault(item.arm, {})[item.unit] = item
    base = by_arm.get(baseline, {})
    found: list[ArmLength] = []
    for arm, mine in by_arm.items():
        pairs = [_pair(mine[unit], base[unit]) for unit in mine if unit in base and arm != baseline]
        try:
            adjusted = adjust_for_length(pairs, seed=derive_seed(seed, "length", arm))
        except InputError:  # no pair, or replies without a word: there is nothing to say of their length
            continue
        found.append(ArmLength(arm=arm, adjusted=adjusted))
    return tuple(found)


def _pair(one: Item, other: Item) -> LengthPair:
    score, baseline_score = satisfaction_of(one), satisfaction_of(other)
    return LengthPair(
        unit=one.unit,
        cluster=one.profile,
        score=math.nan if score is None else score,
        baseline_score=math.nan if baseline_score is None else baseline_score,
        words=float(np.mean(one.words)),
        baseline_words=float(np.mean(other.words)),
    )
