"""What a report tells, before it is drawn or written: groups, examples, and what stands beside the evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from preceptor.core.ids import derive_seed, plain
from preceptor.evaluate.figures import satisfaction_of
from preceptor.evaluate.latency import Latency
from preceptor.evaluate.result import Evaluation, Item
from preceptor.evaluate.sections import told
from preceptor.evaluate.statistics import Estimate
from preceptor.evaluate.statistics.intervals import estimate, ratio_of_sums
from preceptor.evaluate.summary import failures, headline, remarks

GROUPS = ("issue", "style", "emotion", "demanding")
_FEWEST = 3
"""Customers in a group below which no figure is told."""
_SCALE = 4.0
"""What two ratings of 1 to 5 can differ by at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of the learning that came before."""

    number: int
    good: int
    """Scenarios in which the student was as good as the teacher from the start."""
    taught: int
    improved: int
    not_taught: int
    strategies: int
    """Proposed in this stage."""
    calls: int
    tokens: int
    usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """A strategy with its evidence."""

    id: str
    text: str
    verdict: str
    lift: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What stands in a project beside the evaluation; empty where there is none."""

    run: str = ""
    started: str = ""
    learned: str = ""
    """The learning run that came before."""
    stages: tuple[Stage, ...] = ()
    proved: tuple[Proved, ...] = ()
    judge: tuple[str, ...] = ()
    """What a check of the judge found, a sentence each."""
    latency: tuple[Latency, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The difference among customers of one kind. A description: not corrected for looking at many."""

    by: str
    value: str
    customers: int
    difference: Estimate | None
    """None for fewer than 3 customers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """An issue and a trait."""

    issue: str
    by: str
    value: str
    customers: int
    difference: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """The same customer with the baseline and with the arm."""

    why: str
    unit: str
    baseline: Item
    arm: Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a report shows."""

    evaluation: Evaluation
    arm: str
    """The arm that the headline is about; empty where nothing was compared."""
    headline: str
    groups: tuple[Group, ...]
    cells: tuple[Cell, ...]
    examples: tuple[Example, ...]
    notes: tuple[str, ...]
    beside: Beside

    @classmethod
    def of(cls, evaluation: Evaluation, beside: Beside | None = None) -> Report:
        """The report of an evaluation."""
        compared = [d.arm for d in evaluation.analysis.differences]
        arm = "coached" if "coached" in compared else compared[-1] if compared else ""
        pairs = _pairs(evaluation, arm)
        return cls(
            evaluation=evaluation,
            arm=arm,
            headline=headline(evaluation),
            groups=_groups(evaluation, pairs),
            cells=_cells(evaluation, pairs),
            examples=_examples(pairs),
            notes=(*told(evaluation), *remarks(evaluation.analysis), *failures(evaluation.arms)),
            beside=beside or Beside(),
        )


Pairs = Sequence[tuple[Item, Item, float]]
"""Baseline, arm, difference in satisfaction."""


def _pairs(evaluation: Evaluation, arm: str) -> Pairs:
    base = {i.unit: i for i in evaluation.items if i.arm == evaluation.analysis.baseline}
    found: list[tuple[Item, Item, float]] = []
    for item in evaluation.items:
        other = base.get(item.unit)
        if item.arm != arm or other is None:
            continue
        high, low = satisfaction_of(item), satisfaction_of(other)
        if high is not None and low is not None:
            found.append((other, item, high - low))
    return found


def _kinds(evaluation: Evaluation) -> dict[str, dict[str, str]]:
    return {
        m.profile: {
            "issue": m.issue,
            "style": m.style,
            "emotion": m.emotion,
            "demanding": "demanding" if m.demanding else "not demanding",
        }
        for m in evaluation.customers
    }


def _groups(evaluation: Evaluation, pairs: Pairs) -> tuple[Group, ...]:
    kinds = _kinds(evaluation)
    found: list[Group] = []
    for by in GROUPS:
        values = dict.fromkeys(k[by] for k in kinds.values())
        for value in values:
            mine = [(i.profile, d) for _, i, d in pairs if kinds.get(i.profile, {}).get(by) == value]
            found.append(_group(by, value, mine, evaluation.seed))
    return tuple(found)


def _group(by: str, value: str, rows: Sequence[tuple[str, float]], seed: int) -> Group:
    clusters: dict[str, list[float]] = {}
    for profile, difference in rows:
        clusters.setdefault(profile, []).append(difference)
    difference = None
    if len(clusters) >= _FEWEST:
        groups = [clusters[c] for c in sorted(clusters)]
        sums, sizes = np.array([sum(g) for g in groups]), np.array([float(len(g)) for g in groups])
        seed = derive_seed(seed, "group", by, value)
        difference = _on_the_scale(
            estimate(ratio_of_sums(sums, sizes), n=len(rows), clusters=len(groups), seed=seed)
        )
    return Group(by=by, value=value, customers=len(clusters), difference=difference)


def _on_the_scale(found: Estimate) -> Estimate:
    """Student's t of a handful of customers reaches beyond what two ratings of 1 to 5 can differ by."""
    if found.low is None or found.high is None:
        return found
    return replace(found, low=max(-_SCALE, found.low), high=min(_SCALE, found.high))


def _cells(evaluation: Evaluation, pairs: Pairs) -> tuple[Cell, ...]:
    kinds = _kinds(evaluation)
    found: list[Cell] = []
    for issue in dict.fromkeys(k["issue"] for k in kinds.values()):
        for by in GROUPS[1:]:
            for value in dict.fromkeys(k[by] for k in kinds.values()):
                mine = [
                    d for _, i, d in pairs if (k := kinds.get(i.profile)) and k["issue"] == issue and k[by] == value
                ]
                mean = sum(mine) / len(mine) if mine else None
                found.append(Cell(issue=issue, by=by, value=value, customers=len(mine), difference=mean))
    return tuple(found)


def _examples(pairs: Pairs) -> tuple[Example, ...]:
    """The largest gain, the pair in the middle, and the largest loss: chosen by rule, not by taste."""
    if not pairs:
        return ()
    ranked = sorted(pairs, key=lambda p: (p[2], p[1].unit))
    chosen = {
        "The largest gain": ranked[-1],
        "In the middle": ranked[len(ranked) // 2],
        "The largest loss" if ranked[0][2] < 0 else "The smallest gain": ranked[0],
    }
    found: dict[str, Example] = {}
    for why, (baseline, arm, _) in chosen.items():
        found.setdefault(arm.unit, Example(why=why, unit=arm.unit, baseline=baseline, arm=arm))
    return tuple(found.values())


def report_json(report: Report) -> dict[str, Any]:
    """The figures behind a report, without the dialogues: these are in the evaluation's own file."""
    found = report.evaluation
    kept = {k: v for k, v in plain(found).items() if k not in ("items", "again_items", "preferences")}
    told_pairs = plain(found.preferences) if found.preferences is not None else None
    if told_pairs is not None:
        del told_pairs["pairs"]
    return {
        "headline": report.headline,
        "arm": report.arm,
        **kept,
        "preferences": told_pairs,
        "groups": plain(report.groups),
        "cells": plain(report.cells),
        "examples": [{"why": e.why, "unit": e.unit} for e in report.examples],
        "notes": list(report.notes),
        "beside": plain(report.beside),
    }
