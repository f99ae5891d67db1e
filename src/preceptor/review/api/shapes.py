"""What goes over the wire. Values of the house stand in it as they are; see their own docstrings."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from preceptor.core.records import Finding, Lesson, Scope, Severity, Status, Strategy
from preceptor.library.changes import EvidenceVerdict, Provenance
from preceptor.library.entry import Entry, Flagged, Measured, Record
from preceptor.library.law import Approval, Asked, Law
from preceptor.library.paging import Terms
from preceptor.library.publishing_rows import Act, ReleaseRow
from preceptor.library.state import touched
from preceptor.review.filters import Filter
from preceptor.review.people import Role
from preceptor.review.usage import Evaluated, Served

Text = Annotated[str, Field(max_length=2000)]
Reason = Annotated[str, Field(max_length=2000, description="why; kept with the change")]
Seen = Annotated[int, Field(ge=0, le=2**53, description="changed_seq of the strategy as you saw it")]
Id = Annotated[str, Field(min_length=1, max_length=200)]


class Given(BaseModel):
    """What callers send: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Told(BaseModel):
    """What is answered."""

    model_config = ConfigDict(frozen=True)


class Listing(Given):
    """Which part of a list."""

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str = Field(default="", max_length=20, pattern=r"^[0-9]*$", description="``next`` of the part before")

    @property
    def start(self) -> int:
        """Where the part begins."""
        return int(self.cursor or 0)


class StrategyQuery(Listing):
    """Restrictions; empty ones do not restrict."""

    q: str = Field(default="", max_length=200, description="words that must all be in it")
    status: Literal["", "proposed", "approved", "rejected", "retired", "all"] = ""
    severity: Literal["", "blocking", "warning", "info", "clean"] = Field(
        default="",
        description="of the worst finding on record, of the last screening; a strategy tells what is found now",
    )
    scope: Literal["", "scenario", "domain"] = ""
    evidence: Literal["", "helpful", "unproven", "harmful"] = ""
    mark: Literal["", "half", "expired", "tainted", "flagged"] = ""
    order: Literal["", "newest", "oldest", "ends"] = Field(default="", description="empty: worst findings first")
    check: str = Field(default="", max_length=80)
    run: str = Field(default="", max_length=80)

    def filter(self) -> Filter:
        """As the pages have it."""
        return Filter.read(self.model_dump(exclude={"limit", "cursor"}))


class WordsGiven(Given):
    """A strategy's words."""

    when: Annotated[Text, Field(min_length=1)]
    do: Annotated[Text, Field(min_length=1)]
    avoid: Text = ""
    why: Text = ""


class Proposal(WordsGiven):
    """A new strategy."""

    reason: Reason = ""


class Screening(WordsGiven):
    """Words to screen; with ``id``: as those of this strategy, against the conversations it was learned from."""

    id: Annotated[str, Field(max_length=200)] = ""


class Decision(Given):
    """A decision on the strategy as you saw it."""

    expect: Seen
    reason: Reason = ""


class Approving(Decision):
    """``despite``: although screening found what blocks; needs a reason."""

    despite: bool = False
    until: str = Field(
        default="", max_length=40, description="when the approval ends: 2026-12-31 is that day's end (UTC)"
    )


class Editing(WordsGiven):
    """New words; ``approve``: and approved at once."""

    expect: Seen
    reason: Reason = ""
    approve: bool = False


class Merging(WordsGiven):
    """``other`` goes into the strategy of the URL, which gets these words."""

    other: Id
    expect: Seen
    expect_other: Seen


class Account(Told):
    """Who asks."""

    name: str
    role: Role
    csrf: str | None = Field(description="token for x-csrf-token, where you came with a cookie")


class StrategyTold(Told):
    """A strategy as the library holds it."""

    id: str
    when: str
    do: str
    avoid: str
    why: str
    scope: Scope
    scenarios: tuple[str, ...]
    version: int
    status: Status
    approvals: tuple[Approval, ...]
    """Who has approved this version."""
    half_approved: bool
    """One person has approved it, and the law asks for another."""
    ends_at: str
    """When the approval ends, ISO 8601, UTC; empty: never, or it is not approved."""
    expired: bool
    verdict: EvidenceVerdict
    evidence: Measured | None
    findings: tuple[Finding, ...]
    flags: tuple[Flagged, ...]
    blocked: bool
    usable: bool
    tainted: bool
    lesson_id: str | None
    merged_into: str | None
    provenance: tuple[Provenance, ...]
    first_seq: int
    changed_seq: int
    changed_at: str
    changed_by: str

    @classmethod
    def of(cls, entry: Entry, terms: Terms) -> Self:
        """From the library's entry, as it stands under the law of the day."""
        s = entry.strategy
        ended: dict[str, Any] = {"ends_at": entry.ends_at(terms.law), "expired": terms.expired(entry)}
        names = ("version", "status", "verdict", "evidence", "findings", "flags", "blocked", "usable", "tainted")
        more = (
            "approvals",
            "half_approved",
            "lesson_id",
            "merged_into",
            "provenance",
            "first_seq",
            "changed_seq",
            "changed_at",
            "changed_by",
        )
        words = {"when": s.when, "do": s.do, "avoid": s.avoid, "why": s.why, "scope": s.scope}
        values: dict[str, Any] = {name: getattr(entry, name) for name in (*names, *more)}
        return cls.model_construct(id=s.id, scenarios=s.scenarios, **words, **ended, **values)


class Similar(Told):
    """A strategy that says about the same."""

    id: str
    score: float = Field(ge=0, le=1)
    status: Status
    text: str


class InRelease(Told):
    """A release that holds the strategy."""

    release: str
    version: int
    current: bool


class Screened(Told):
    """What screening found."""

    findings: tuple[Finding, ...]
    worst: Severity | None


class StrategyStory(Told):
    """A strategy with what stands behind it."""

    strategy: StrategyTold
    lessons: tuple[str, ...]
    lesson: Lesson | None
    """The first of them, with its whole trail."""
    similar: tuple[Similar, ...]
    screened: Screened
    """What screening finds now, where it waits; ``strategy`` has what is on record."""
    releases: tuple[InRelease, ...]


class UsageTold(Told):
    """How often a strategy was given, and how it went."""

    served: Served | None = Field(description="in the proxy's log; null: no log is known, or it is not in it")
    evaluated: tuple[Evaluated, ...] = Field(description="in evaluations, newest first")


class Undone(Told):
    """What was taken back."""

    what: str
    strategy: StrategyTold


class ChangeTold(Told):
    """One change of the log."""

    seq: int
    id: str
    kind: str
    author: str
    at: str
    reason: str
    strategies: tuple[str, ...]
    previous: str
    hash: str
    change: Any
    """The change itself, as it is stored."""

    @classmethod
    def of(cls, record: Record, change: Any) -> Self:
        """From the library's record."""
        names = ("seq", "id", "kind", "author", "at", "reason", "previous", "hash")
        values = {name: getattr(record, name) for name in names}
        return cls.model_construct(**values, strategies=touched(record.change), change=change)


class ChangeQuery(Given):
    """Which changes; the newest first."""

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str = Field(default="", max_length=15, pattern=r"^[0-9]*$", description="``next`` of the part before")
    author: str = Field(default="", max_length=200)
    kind: str = Field(default="", max_length=40)
    q: str = Field(default="", max_length=200, description="words in reason, author or content")


class LawGiven(Given):
    """A law to hold from now on."""

    people: Literal[1, 2] = Field(description="how many different people have to approve a version")
    valid_days: int = Field(ge=0, le=36500, description="days for which an approval holds; 0: for ever")
    reason: Reason = ""


class PaceTold(Told):
    """From the strategy shown to the request that decided."""

    seconds: float | None
    """Median; None before the first decision."""
    decisions: int


class LawTold(Told):
    """What holds."""

    law: Law
    asked: Asked | None
    """A looser one that one person has asked for, where two have to."""


class Verified(Told):
    """Whether chain and state hold."""

    ok: bool
    changes: int
    head: str
    problem: str


class MoveTold(Told):
    """A strategy that is added, changed or removed."""

    kind: Literal["added", "changed", "removed"]
    strategy: Strategy
    before: Strategy | None
    version: int
    decided_by: str | None
    decided_at: str | None
    reason: str | None


class MovesTold(Told):
    """From one release to another; at most 60 moves are listed, all are counted."""

    against: str | None
    added: int
    changed: int
    removed: int
    same: int
    settings: tuple[str, ...]
    moves: tuple[MoveTold, ...]
    left_out: tuple[str, ...] = ()
    """Approved strategies that screening or measurement speaks against."""
    expired: tuple[str, ...] = ()
    """Approved strategies whose approval has ended: left out too."""


class ReleaseTold(Told):
    """A release."""

    release: ReleaseRow
    moves: MovesTold
    acts: tuple[Act, ...]


class ReleaseQuery(Given):
    """What to compare with; empty: what is current, or was before."""

    against: str = Field(default="", max_length=80)


class Releasing(Given):
    """A new release."""

    reason: Reason = ""


class Publishing(Given):
    """Publishing, or rolling back, what you saw."""

    expect: str | None = Field(
        default=None,
        max_length=64,
        description="digest of the release that you saw as current (empty: none); null: whatever it is",
    )
    reason: Reason = ""


class PublishedTold(Told):
    """What is current now."""

    current: ReleaseRow | None
    previous: ReleaseRow | None
    withdrawn: tuple[str, ...]
