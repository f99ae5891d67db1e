"""Arms against a baseline on the same units: means, paired differences, corrected tests, share of the gap."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from preceptor.core.errors import InputError
from preceptor.core.ids import derive_seed
from preceptor.evaluate.statistics.cells import Cells, Score, by_cluster, cluster_means, collect
from preceptor.evaluate.statistics.intervals import RESAMPLES, Estimate, Floats, estimate, ratio_of_sums
from preceptor.evaluate.statistics.permutation import holm, sign_flip
from preceptor.evaluate.statistics.power import ALPHA, clustered_error, further_units, smallest_detectable

PairedBy = Literal["unit", "cluster"]
Finding = Literal["higher", "lower", "unclear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmMean:
    """One arm by itself, over every unit that it has a score for."""

    arm: str
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One arm against the baseline, over the units that both have a score for."""

    arm: str
    baseline: str
    paired_by: PairedBy
    """``cluster``: no unit is in both arms, so cluster means were paired."""
    arm_mean: float
    """The arm's mean over the pairs, so that ``arm_mean - baseline_mean`` is the difference."""
    baseline_mean: float
    estimate: Estimate
    """Mean paired difference, arm minus baseline, in score points."""
    dropped: int
    """Units that only one of the two arms has a score for."""
    sd: float | None
    """Standard deviation of the paired differences; None for fewer than 2 pairs."""
    p: float
    """Two-sided sign-flip test by cluster."""
    p_exact: bool
    p_holm: float
    """``p`` corrected for all comparisons of the analysis (Holm)."""
    smallest_detectable: float | None
    """True difference that this many pairs would find in 80% of cases; None where it cannot be told."""
    further: int | None
    """Dialogues per arm to add, on new profiles, for an 80% chance to settle it if the true difference is the
    one seen. 0 when it is settled; None where it cannot be told."""
    finding: Finding
    """By ``p_holm`` at 5%."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GapShare:
    """Share of the way from student to teacher that an arm goes: (arm - student) / (teacher - student)."""

    arm: str
    low_arm: str
    high_arm: str
    gap: Estimate
    """Teacher minus student, on the units that all three arms have."""
    share: Estimate | None
    """None where the gap is not clearly positive; ``reason`` says so."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """All of it."""

    baseline: str
    arms: tuple[ArmMean, ...]
    differences: tuple[Difference, ...]
    shares: tuple[GapShare, ...]
    notes: tuple[str, ...]
    """What a reader must know before believing the numbers, in words."""


def analyse(
    scores: Sequence[Score], *, baseline: str, ceiling: str = "", seed: int, resamples: int = RESAMPLES
) -> Analysis:
    """The paired analysis of every arm against ``baseline``.

    ``ceiling`` names the arm whose lead over the baseline is the gap to close; empty, or not among the arms:
    no shares. The result depends on the set of scores and the seed, not on the order of the rows.

    Raises:
        InputError: as :func:`collect`; the baseline has no scores. An arm that shares nothing with the baseline
            is not compared, and ``notes`` says so.
    """
    cells = collect(scores)
    if baseline not in cells.scores:
        raise InputError(
            f"the baseline arm '{baseline}' has no scores",
            hint=f"arms with scores: {', '.join(sorted(cells.arms))}",
        )
    others = [arm for arm in cells.arms if arm != baseline]
    arms = tuple(
        ArmMean(arm=arm, estimate=mean_of(cells, arm, seed=seed, resamples=resamples)) for arm in cells.arms
    )
    raw: list[Difference] = []
    apart: list[str] = []
    for arm in others:
        try:
            raw.append(compare(cells, arm, baseline, seed=seed, resamples=resamples, comparisons=len(others)))
        except InputError as error:
            apart.append(str(error))
    corrected = holm([d.p for d in raw])
    differences = tuple(_corrected(d, p) for d, p in zip(raw, corrected, strict=True))
    shares = tuple(
        share_of_gap(cells, arm, (baseline, ceiling), seed=seed, resamples=resamples)
        for arm in others
        if ceiling in others and arm != ceiling
    )
    return Analysis(
        baseline=baseline,
        arms=arms,
        differences=differences,
        shares=shares,
        notes=(*apart, *_notes(cells, differences)),
    )


def mean_of(cells: Cells, arm: str, *, seed: int, resamples: int = RESAMPLES) -> Estimate:
    """An arm's mean over its units, each unit counting the same, with an interval clustered."""
    values = cells.scores[arm]
    sums, sizes = by_cluster(values, cells.clusters)
    return estimate(
        ratio_of_sums(sums, sizes),
        n=len(values),
        clusters=len(sums),
        seed=derive_seed(seed, "mean", arm),
        resamples=resamples,
    )


def compare(
    cells: Cells, arm: str, baseline: str, *, seed: int, resamples: int = RESAMPLES, comparisons: int = 1
) -> Difference:
    """One arm against another over the units they share; ``p_holm`` is ``p``, as if it were the only one.

    ``comparisons`` is how many are made in all: what could be detected is told at 5% over that many.

    Raises:
        InputError: they share no unit and no cluster.
    """
    mine, theirs, clusters, paired_by = _pair(cells, arm, baseline)
    shared = [unit for unit in mine if unit in theirs]
    d = {unit: mine[unit] - theirs[unit] for unit in shared}
    sums, sizes = by_cluster(d, clusters)
    found = estimate(
        ratio_of_sums(sums, sizes),
        n=len(d),
        clusters=len(sums),
        seed=derive_seed(seed, "difference", arm, baseline),
        resamples=resamples,
    )
    test = sign_flip(sums, seed=derive_seed(seed, "sign-flip", arm, baseline))
    error = clustered_error(sums, sizes)
    values = np.array(list(d.values()))
    alpha = ALPHA / max(1, comparisons)
    result = Difference(
        arm=arm,
        baseline=baseline,
        paired_by=paired_by,
        arm_mean=math.fsum(mine[u] for u in shared) / len(shared),
        baseline_mean=math.fsum(theirs[u] for u in shared) / len(shared),
        estimate=found,
        dropped=len(mine.keys() ^ theirs.keys()),
        sd=float(values.std(ddof=1)) if len(values) > 1 else None,
        p=test.p,
        p_exact=test.exact,
        p_holm=test.p,
        smallest_detectable=smallest_detectable(error, len(sums), alpha=alpha),
        further=further_units(found.value, error, units=len(d), clusters=len(sums), alpha=alpha),
        finding="unclear",
    )
    # Of several comparisons nothing is settled before all their p-values are corrected together.
    return _corrected(result, test.p) if comparisons <= 1 else result


def share_of_gap(
    cells: Cells, arm: str, ends: tuple[str, str], *, seed: int, resamples: int = RESAMPLES
) -> GapShare:
    """Share of the gap between ``ends`` (low arm, high arm) that ``arm`` closes, on units that all three have.

    A ratio means something only when its denominator is clearly not zero: unless the gap's whole 95% interval
    is above 0, there is no share, and ``reason`` says why.
    """
    low_arm, high_arm = ends
    low, middle, high = cells.scores[low_arm], cells.scores[arm], cells.scores[high_arm]
    shared = sorted(low.keys() & middle.keys() & high.keys())
    named = {"arm": arm, "low_arm": low_arm, "high_arm": high_arm}
    if not shared:
        nothing = Estimate(value=0.0, low=None, high=None, n=0, clusters=0, method="none", note="no shared units")
        return GapShare(
            **named, gap=nothing, share=None, reason=f"no unit has scores of all of {', '.join(named.values())}"
        )
    gaps, sizes = by_cluster({u: high[u] - low[u] for u in shared}, cells.clusters)
    gains, _ = by_cluster({u: middle[u] - low[u] for u in shared}, cells.clusters)

    def ratio(top: Floats, bottom: Floats, *parts: str) -> Estimate:
        return estimate(
            ratio_of_sums(top, bottom),
            n=len(shared),
            clusters=len(sizes),
            seed=derive_seed(seed, *parts),
            resamples=resamples,
        )

    gap = ratio(gaps, sizes, "gap", *ends)
    if gap.low is None or gap.low <= 0:
        reason = f"the gap between {low_arm} and {high_arm} is not clearly above 0, so a share of it means nothing"
        return GapShare(**named, gap=gap, share=None, reason=reason)
    share = ratio(gains, gaps, "share", arm, *ends)
    return GapShare(**named, gap=gap, share=share)


def _pair(
    cells: Cells, arm: str, baseline: str
) -> tuple[Mapping[str, float], Mapping[str, float], Mapping[str, str], PairedBy]:
    mine, theirs = cells.scores[arm], cells.scores[baseline]
    if mine.keys() & theirs.keys():
        return mine, theirs, cells.clusters, "unit"
    means = cluster_means(mine, cells.clusters), cluster_means(theirs, cells.clusters)
    shared = means[0].keys() & means[1].keys()
    if not shared:
        raise InputError(
            f"arms '{arm}' and '{baseline}' share no unit and no cluster: there is nothing to pair",
            hint="give rows that belong together the same unit, or at least the same cluster",
        )
    return *means, {c: c for c in shared}, "cluster"


def _corrected(difference: Difference, p: float) -> Difference:
    settled = p <= ALPHA
    finding: Finding = "unclear"
    if settled:
        finding = "higher" if difference.estimate.value > 0 else "lower"
    further = 0 if settled else difference.further or None
    return replace(difference, p_holm=p, finding=finding, further=further)


def _notes(cells: Cells, differences: Sequence[Difference]) -> tuple[str, ...]:
    notes: list[str] = []
    if cells.averaged:
        notes.append(f"{cells.averaged} scores repeat an arm and unit: each such group was averaged before pairing")
    for d in differences:
        if d.paired_by == "cluster":
            notes.append(f"{d.arm} and {d.baseline} share no unit: cluster means were paired instead")
        if d.dropped > d.estimate.n:
            notes.append(
                f"{d.arm} and {d.baseline}: {d.dropped} units have one score only; {d.estimate.n} pairs are left"
            )
    return tuple(notes)
