"""The matrix of students and domains, and what single strategies do for each student."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, overload

from preceptor.core.ids import derive_seed
from preceptor.evaluate.prove import Proof
from preceptor.evaluate.result import Evaluation
from preceptor.evaluate.statistics import Estimate, Score, analyse
from preceptor.evaluate.statistics.paired import Difference
from preceptor.evaluate.statistics.permutation import holm
from preceptor.library.changes import EvidenceVerdict

BASE, COACHED = "student", "coached"
LEVEL = 0.05
Says = Literal["helps", "harms", "no gain shown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One student in one domain, without and with the strategies."""

    domain: str
    student: str
    home: bool
    """True: the domain that the strategies were learned in."""
    base: Estimate
    coached: Estimate
    gain: Estimate
    """Paired difference in satisfaction, 1 to 5, interval clustered by profile."""
    p_holm: float
    """Of no gain, corrected for all cells of the matrix."""
    unseen_profiles: Estimate | None
    """Gain with customers never met whose issue was practised; None where there are none."""
    unseen_issues: Estimate | None
    """Gain with customers whose issue was never practised; None where there are none."""
    p_known: float | None
    """Of no gain with customers of practised issues, corrected for all cells that have them."""
    p_new: float | None
    """The same of issues never practised."""
    advised: float
    """Share of the coached student's turns for which there was advice at all."""

    @property
    def says(self) -> Says:
        """What is shown at 5%, corrected for all cells."""
        return _says(self.gain, self.p_holm)

    @property
    def says_known(self) -> Says | None:
        """The same of practised issues alone; None where no such customer was met."""
        return _says(self.unseen_profiles, self.p_known)

    @property
    def says_new(self) -> Says | None:
        """The same of issues never practised alone; None where no such customer was met."""
        return _says(self.unseen_issues, self.p_new)


@overload
def _says(gain: Estimate, p: float) -> Says: ...
@overload
def _says(gain: Estimate | None, p: float | None) -> Says | None: ...
def _says(gain: Estimate | None, p: float | None) -> Says | None:
    if gain is None or p is None:
        return None
    if p >= LEVEL:
        return "no gain shown"
    return "helps" if gain.value > 0 else "harms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Versatile:
    """What one strategy does for each student, in the domain that it was learned in."""

    strategy: str
    text: str
    verdicts: Mapping[str, EvidenceVerdict]
    """Student to verdict; students with whom it was not tried are left out."""
    lifts: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    withheld: tuple[str, ...]
    """Students for which it is held back: it harms them, or may well do."""

    @property
    def kind(self) -> str:
        """``helps everyone``, ``helps some``, ``harms some`` (whoever else it helps) or ``unproven``."""
        said = set(self.verdicts.values())
        if "harmful" in said:
            return "harms some"
        if said == {"helpful"} and len(self.verdicts) > 1:
            return "helps everyone"
        return "helps some" if "helpful" in said else "unproven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """The whole result."""

    format: int = 1
    release: str
    """Id of the release; empty: what the library offers to a run."""
    strategies: int
    learned_with: str
    """The project's own student."""
    simulated: bool
    models: Mapping[str, str]
    seed: int
    cells: tuple[Cell, ...]
    proofs: tuple[Proof, ...]
    """One per student, where strategies were measured one by one."""
    versatile: tuple[Versatile, ...]
    """Strategies that were tried with every student, best lift over all students first."""

    @property
    def without_gain(self) -> tuple[Cell, ...]:
        """The cells of other students in the domain that was learned in, where no gain was shown with customers
        of practised issues: the strategies are held back for them. What they bring where an issue is new says
        nothing of the strategies, which are of other issues, and much of when to advise: it is told apart."""
        others = (c for c in self.cells if c.home and c.student != self.learned_with)
        return tuple(c for c in others if c.says_known in ("no gain shown", "harms"))


def matrix_cell(found: Evaluation, *, student: str, home: bool, practised: Collection[str], advised: float) -> Cell:
    """The cell that an evaluation of base and coached student fills; its p-values are as yet uncorrected.

    Args:
        practised: keys of the issues that learning met.
        advised: as in :class:`Cell`.
    """
    issues = {c.profile: c.issue for c in found.customers}
    rows = [
        Score(arm=i.arm, unit=i.unit, cluster=i.profile, score=i.rating.satisfaction)
        for i in found.items
        if i.rating is not None
    ]
    seed = derive_seed(found.seed, "transfer", student)
    whole = analyse(rows, baseline=BASE, ceiling="", seed=seed)
    means = {a.arm: a.estimate for a in whole.arms}

    def part(*, seen: bool) -> Difference | None:
        those = [r for r in rows if (issues[r.cluster] in practised) is seen]
        if {r.arm for r in those} != {BASE, COACHED}:
            return None
        return analyse(those, baseline=BASE, ceiling="", seed=derive_seed(seed, seen)).differences[0]

    difference, known, new = whole.differences[0], part(seen=True), part(seen=False)
    return Cell(
        domain=found.domain,
        student=student,
        home=home,
        base=means[BASE],
        coached=means[COACHED],
        gain=difference.estimate,
        p_holm=difference.p,
        unseen_profiles=known.estimate if known else None,
        unseen_issues=new.estimate if new else None,
        p_known=known.p if known else None,
        p_new=new.p if new else None,
        advised=advised,
    )


def corrected(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """The cells with their p-values corrected (Holm): of the whole, of practised and of new issues, each family
    over all cells that have it."""
    found = list(cells)
    for field in ("p_holm", "p_known", "p_new"):
        those = [(n, p) for n, c in enumerate(found) if (p := getattr(c, field)) is not None]
        for (n, _), p in zip(those, holm([p for _, p in those]), strict=True):
            found[n] = replace(found[n], **{field: p})
    return tuple(found)


def holding_back(proof: Proof) -> Proof:
    """The proof of a student whom the strategies together bring no gain: all are held back. What helps where it
    fits best need not help where it is advised for want of anything better, so single verdicts excuse nothing."""
    return replace(proof, strategies=tuple(replace(s, held=True) for s in proof.strategies))


def versatility(proofs: Sequence[Proof]) -> tuple[Versatile, ...]:
    """Strategies that every proof measured, by their mean rank over the students."""
    by_student = {p.student: {s.strategy: s for s in p.strategies} for p in proofs}
    if not by_student:
        return ()
    shared = [i for i in next(iter(by_student.values())) if all(i in found for found in by_student.values())]
    ranks = {i: sum(found[i].rank for found in by_student.values()) for i in shared}
    return tuple(
        Versatile(
            strategy=i,
            text=next(iter(by_student.values()))[i].text,
            verdicts={student: found[i].verdict for student, found in by_student.items()},
            lifts={student: found[i].lift for student, found in by_student.items()},
            intervals={student: (found[i].low, found[i].high) for student, found in by_student.items()},
            withheld=tuple(n for n, found in by_student.items() if found[i].held or found[i].verdict == "harmful"),
        )
        for i in sorted(shared, key=lambda i: (-ranks[i], i))
    )
