"""Parts of a result beside the main comparison: further measures, length, A/A, preferences, stopping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from preceptor.evaluate.statistics import Analysis, Difference, Estimate
from preceptor.evaluate.statistics.length import LengthAdjusted
from preceptor.evaluate.statistics.preference import Strength
from preceptor.judge import Preferred

MeasureName = Literal["resolved", "kept", "reliability", "assurance", "empathy", "responsiveness"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """Which customer a profile is: what groups are made by."""

    profile: str
    issue: str
    style: str
    emotion: str
    demanding: bool
    practised: bool = True
    """False: no training profile has this issue, so that learning cannot have met it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """An arm's paired difference with new customers: of issues that learning met, and of others."""

    arm: str
    profiles: Estimate | None
    """New customers, known issues; None where there are none."""
    issues: Estimate | None
    """New customers, new issues; None where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One further measure of all arms: shares (``resolved``, ``kept``: 0 to 1) or ratings (1 to 5)."""

    name: MeasureName
    analysis: Analysis
    """Holm's correction holds over the arms within this measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmLength:
    """Length beside the score: the paired difference of an arm with and without what goes with words a reply."""

    arm: str
    adjusted: LengthAdjusted


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A/A: an arm against itself. Nothing but noise lies between the two."""

    arm: str
    difference: Difference
    """The second time minus the first."""
    experiments: int
    """A/A experiments of the size of this evaluation, drawn from these pairs with sides turned by chance."""
    passed: float
    """Share of them that the 5% gate lets through: about 0.05 where the gate is sound."""
    noise: float
    """The size of difference that 95% of them stay below: what noise alone looks like at this size."""
    as_large: dict[str, float]
    """Arm to the share of them whose difference is at least as large as the one that this arm showed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedPair:
    """Two dialogues of one customer, preferred one over the other."""

    unit: str
    profile: str
    first: str
    second: str
    preferred: Preferred


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRate:
    """How often ``arm`` is preferred to ``other``, ties counting one half."""

    arm: str
    other: str
    wins: int
    ties: int
    losses: int
    rate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What pairwise judging found."""

    pairs: tuple[JudgedPair, ...]
    failed: int
    rates: tuple[WinRate, ...]
    strengths: tuple[Strength, ...]
    """Bradley-Terry, best first; the baseline stands at 0."""
    first_shown: float | None
    """Share of the answers naming a dialogue that name the one in front; 0.5 without position bias."""
    contradicted: float
    """Share of pairs whose two orders name different dialogues."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The confidence sequence after ``n`` customers."""

    n: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """How dialogues were added until it was precise enough."""

    arm: str
    baseline: str
    target: float
    """Half-width that was asked for, in score points."""
    method: str
    looks: tuple[Look, ...]
    """After each batch. All hold together with 95%, so that one may stop at any of them."""
    ended: Literal["precise", "budget", "most"]
    lost: int
    """Customers whose pair failed and is in no look."""
