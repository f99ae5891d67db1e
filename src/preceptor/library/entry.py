"""The values that a library hands out, and the state that they make up. No storage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, Self

from preceptor.core.errors import LibraryError
from preceptor.core.records import Finding, Outcome, Scenario, Severity, Status, Strategy
from preceptor.library.changes import Change, Evidence, EvidenceVerdict, Measure, Provenance
from preceptor.library.law import Approval, Asked, Law, ends_at

_WEIGHT: Mapping[Severity, int] = {"blocking": 100, "warning": 10, "info": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flagged:
    """A contradiction with other strategies."""

    others: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the current version was measured to do; see :class:`~preceptor.library.changes.Evidence`."""

    verdict: EvidenceVerdict
    lift: float
    interval: tuple[float, float]
    n: int
    run: str
    measure: Measure = "satisfaction"
    student: str = ""
    held: bool = False

    @property
    def against(self) -> bool:
        """Whether the student that it was measured with should do without it."""
        return self.held or self.verdict == "harmful"

    @classmethod
    def of(cls, change: Evidence) -> Self:
        """What the change tells."""
        return cls(**{f.name: getattr(change, f.name) for f in fields(cls)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One strategy as the library holds it."""

    strategy: Strategy
    version: int
    """1, and one more for every change of words."""
    status: Status
    provenance: tuple[Provenance, ...]
    """One for each time it was proposed, and those of strategies merged into it."""
    lesson_id: str | None = None
    evidence: Measured | None = None
    elsewhere: tuple[Measured, ...] = ()
    """What it was measured to do with other students than the project's own, one each."""
    overridden: bool = False
    """True: somebody decided, with a reason, that it may be used although measurement speaks against it."""
    findings: tuple[Finding, ...] = ()
    flags: tuple[Flagged, ...] = ()
    merged_into: str | None = None
    approvals: tuple[Approval, ...] = ()
    """Who has approved the current version: all that the law asks for when it is approved, one of two before."""
    until: str = ""
    """The end that was given with the approval; empty: none."""
    first_seq: int
    """Number of the change that brought it: the library's fixed order."""
    changed_seq: int
    """Number of the last change that touched it; what ``expect`` of ``Library.apply`` compares."""
    changed_at: str
    """ISO 8601, UTC."""
    changed_by: str

    @property
    def verdict(self) -> EvidenceVerdict:
        """``unproven`` until measured."""
        return self.evidence.verdict if self.evidence else "unproven"

    @property
    def held_back(self) -> bool:
        """Measured to harm, or not shown to be harmless, and nobody has overridden that."""
        return self.evidence is not None and self.evidence.against and not self.overridden

    @property
    def withheld_from(self) -> tuple[str, ...]:
        """Seat strings of the other students that should do without it."""
        return tuple(m.student for m in self.elsewhere if m.against)

    @property
    def blocked(self) -> bool:
        """True: screening found what must not be used."""
        return any(f.severity == "blocking" for f in self.findings)

    @property
    def tainted(self) -> bool:
        """True: derived from customers' text, and no person has approved it."""
        return self.status != "approved" and any(p.tainted for p in self.provenance)

    @property
    def approved_at(self) -> str:
        """When the last of the people approved; empty while it is not approved."""
        return self.approvals[-1].at if self.status == "approved" and self.approvals else ""

    @property
    def half_approved(self) -> bool:
        """One person has approved it, and the law asks for another."""
        return self.status == "proposed" and bool(self.approvals)

    def ends_at(self, law: Law) -> str:
        """When the approval ends under this law, ISO 8601, UTC; empty: never, or it is not approved."""
        return ends_at(law, approved_at=self.approved_at, until=self.until)

    def expired(self, law: Law, now: str) -> bool:
        """Whether it was approved and that has ended: still shown, and in no new release."""
        end = self.ends_at(law)
        return bool(end) and end <= now

    @property
    def severity(self) -> Severity | Literal[""]:
        """Of the worst finding; empty for none."""
        worst: Severity | Literal[""] = ""
        for found in self.findings:
            if not worst or _WEIGHT[found.severity] > _WEIGHT[worst]:
                worst = found.severity
        return worst

    @property
    def priority(self) -> int:
        """How soon to look at it, higher is sooner: the worst finding, measured harm and contradictions, then how
        much the evidence says (the bound of its interval that is nearer to zero)."""
        concern = _WEIGHT[self.severity] if self.severity else 0
        concern += (5 if self.flags else 0) + (50 if self.verdict == "harmful" else 0)
        strength = -1.0
        if self.evidence is not None:
            low, high = self.evidence.interval
            strength = min(max(low, -high, 0.0), 8.0)
        return concern * 100_000 + round((strength + 1) * 10_000)

    @property
    def usable(self) -> bool:
        """What a run may use: proposed or approved, nothing blocking found, not held back."""
        return self._sound and not self.held_back

    @property
    def provable(self) -> bool:
        """What may be measured: what a run may use, and what is held back without proof, which may clear itself."""
        return self._sound and (not self.held_back or self.verdict != "harmful")

    @property
    def _sound(self) -> bool:
        return self.status in ("proposed", "approved") and not self.blocked


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonRow:
    """What is known of a lesson without reading its trail."""

    id: str
    seq: int
    run: str
    stage: int
    outcome: Outcome
    scenario: str
    digest: str
    """Digest of the whole lesson."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One change as it stands in the log."""

    seq: int
    """1, 2, 3, ... without gaps."""
    id: str
    previous: str
    """Hash of the change before it; empty for the first."""
    kind: str
    change: Change
    author: str
    at: str
    """ISO 8601, UTC."""
    reason: str
    token: str
    """Names the batch that it came with; empty for none."""
    hash: str


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which change it is, and by whom and when it was made."""

    seq: int
    author: str
    at: str


@dataclass(slots=True)
class State:
    """Entries, lessons and scenarios by id, in the order in which they came."""

    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])
    lessons: dict[str, LessonRow] = field(default_factory=dict[str, LessonRow])
    scenarios: dict[str, tuple[int, Scenario]] = field(default_factory=dict[str, tuple[int, Scenario]])
    """Scenario id to the number of the change that brought it, and the scenario."""
    law: Law = field(default_factory=Law)
    asked: Asked | None = None
    """A looser law that waits for a second person."""

    def entry(self, strategy_id: str) -> Entry:
        """The entry; LibraryError where there is none."""
        try:
            return self.entries[strategy_id]
        except KeyError:
            raise LibraryError(
                f"there is no strategy {strategy_id} in the library", hint="see: preceptor library list"
            ) from None

    def snapshot(self) -> tuple[Strategy, ...]:
        """What a run may use, in the library's order."""
        usable = (e for e in self.entries.values() if e.usable)
        return tuple(e.strategy for e in sorted(usable, key=lambda e: e.first_seq))
