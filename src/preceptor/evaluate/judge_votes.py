"""People's votes on pairs of dialogues, and the judge's preferences beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from preceptor.core.ids import derive_seed
from preceptor.evaluate.result import Evaluation, Item
from preceptor.evaluate.statistics import Estimate
from preceptor.evaluate.statistics.agreement import Agreement, Rated, agreement
from preceptor.evaluate.statistics.intervals import estimate, ratio_of_sums, share
from preceptor.evaluate.summary import spelled
from preceptor.judge import Preferred

Side = Literal["first", "second", "same"]
PairKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """Which of two dialogues of one customer a person found better."""

    unit: str
    first: str
    second: str
    """The two arms."""
    by: str
    better: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Votes:
    """The judge's preferences beside people's votes on the same pairs."""

    votes: int
    people: int
    pairs: int
    unknown: int
    """Votes on pairs that the evaluation does not hold, or of which the judge gave no usable answer."""
    same: Estimate
    """Share of votes that the judge shares, a tie being an answer of its own."""
    opposed: float
    """Share of votes for one dialogue where the judge prefers the other one."""
    overall: Agreement
    """Weighted kappa over 1 (first), 0 (the same), -1 (second); the bias is the judge's lean to the arm that the
    pair names first."""
    between: Estimate | None
    """Two people on the same pair: share that say the same. None where nobody voted on the same."""


_VALUE: Mapping[str, float] = {"first": 1.0, "same": 0.0, "second": -1.0}


def pair_of(unit: str, one: str, other: str) -> PairKey:
    """A pair whichever way round it was told."""
    low, high = sorted((one, other))
    return unit, low, high


def winner(preferred: Preferred, first: str, second: str) -> str:
    """The arm that is preferred; empty for a tie."""
    return {"first": first, "second": second, "tie": ""}[preferred.winner]


def _compared(found: Evaluation) -> dict[PairKey, str]:
    """Pairs that the evaluation's judge compared, with the arm that it prefers; empty for a tie."""
    pairs = found.preferences.pairs if found.preferences is not None else ()
    return {pair_of(p.unit, p.first, p.second): winner(p.preferred, p.first, p.second) for p in pairs}


def to_ask(found: Evaluation, votes: Sequence[Vote]) -> list[tuple[Item, Item]]:
    """Pairs of dialogues that people voted on and that the evaluation's judge has not compared."""
    items = {(i.unit, i.arm): i for i in found.items if i.dialogue.turns and not i.failure}
    known = _compared(found)
    wanted: dict[PairKey, tuple[Item, Item]] = {}
    for vote in votes:
        pair = pair_of(vote.unit, vote.first, vote.second)
        one, other = items.get((pair[0], pair[1])), items.get((pair[0], pair[2]))
        if pair not in known and one is not None and other is not None:
            wanted[pair] = (one, other)
    return [wanted[p] for p in sorted(wanted)]


def count_votes(
    found: Evaluation, votes: Sequence[Vote], judged: Mapping[PairKey, str], *, seed: int
) -> Votes | None:
    """The judge beside people's votes; None where it has compared none of their pairs.

    Args:
        judged: pairs beyond the evaluation's own, with the arm that the judge prefers (empty: a tie).
    """
    known = {**_compared(found), **judged}
    profiles = {i.unit: i.profile for i in found.items}
    rows: list[tuple[Vote, Rated]] = []
    for vote in votes:
        preferred = known.get(pair_of(vote.unit, vote.first, vote.second))
        if preferred is not None:
            judge: Side = "same" if not preferred else "first" if preferred == vote.first else "second"
            name = f"{vote.unit} {vote.first} {vote.second} {vote.by}"
            profile = profiles[vote.unit]
            rows.append((vote, Rated(item=name, cluster=profile, judge=_VALUE[judge], person=_VALUE[vote.better])))
    told = [r for _, r in rows]
    same = share_of([(r.cluster, float(r.judge == r.person)) for r in told], derive_seed(seed, "votes"))
    if same is None:
        return None
    together: dict[PairKey, dict[str, str]] = {}
    for vote, _ in rows:
        better = {"first": vote.first, "second": vote.second, "same": ""}[vote.better]
        together.setdefault(pair_of(vote.unit, vote.first, vote.second), {})[vote.by] = better
    between = [
        (profiles[pair[0]], float(by_person[a] == by_person[b]))
        for pair, by_person in together.items()
        for a, b in combinations(sorted(by_person), 2)
    ]
    return Votes(
        votes=len(rows),
        people=len({v.by for v, _ in rows}),
        pairs=len(together),
        unknown=len(votes) - len(rows),
        same=same,
        opposed=float(np.mean([r.judge * r.person < 0 for r in told])),
        overall=agreement(told, seed=derive_seed(seed, "votes")),
        between=share_of(between, derive_seed(seed, "votes-between")),
    )


def mean_of(rows: Sequence[tuple[str, float]], seed: int) -> Estimate | None:
    """The mean of (cluster, value) rows with its interval; None without rows."""
    clusters: dict[str, list[float]] = {}
    for cluster, value in rows:
        clusters.setdefault(cluster, []).append(value)
    if not clusters:
        return None
    groups = [clusters[c] for c in sorted(clusters)]
    sums, sizes = np.array([sum(g) for g in groups]), np.array([float(len(g)) for g in groups])
    return estimate(ratio_of_sums(sums, sizes), n=len(rows), clusters=len(groups), seed=seed)


def share_of(rows: Sequence[tuple[str, float]], seed: int) -> Estimate | None:
    """:func:`mean_of` for a share, 0 to 1."""
    found = mean_of(rows, seed)
    return None if found is None else share(found)


def sentences(v: Votes) -> list[str]:
    """In plain words, a line each."""
    found = [
        f"people's votes on pairs ({v.people} people, {v.votes} votes, {v.pairs} pairs): the judge says the same "
        f"in {spelled(v.same, percent=True)} and the opposite in {v.opposed * 100:.0f}%; {kappa(v.overall)}"
    ]
    if v.between is not None:
        found.append(f"people among themselves on pairs: the same in {spelled(v.between, percent=True)}")
    if v.unknown:
        found.append(f"{v.unknown} votes are on pairs that the judge did not compare")
    return found


def kappa(found: Agreement) -> str:
    """Its kappa in words, or why there is none."""
    if found.kappa is None:
        return found.reason
    return f"weighted kappa {spelled(found.kappa)}"
