"""The changes that can be made to a library: the one door for writes. Values only, no storage.

Each says what is wanted; who, when and why are told when it is applied
(:meth:`preceptor.library.store.Library.apply`). What a change does is in :mod:`preceptor.library.state`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from preceptor.core.decode import decode
from preceptor.core.errors import InputError
from preceptor.core.ids import plain
from preceptor.core.records import Finding, Lesson, Scenario, Scope, Strategy
from preceptor.library.law import Law

EvidenceVerdict = Literal["unproven", "helpful", "harmful"]


Measure = Literal["satisfaction", "preference"]
"""``satisfaction``: points of 1 to 5 over whole dialogues; ``preference``: share of replies preferred less share of
replies not preferred, -1 to 1, when the same scenario is answered with and without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a strategy came from."""

    run: str
    """Run id; empty for what a person wrote."""
    stage: int = 0
    scenarios: tuple[str, ...] = ()
    lessons: tuple[str, ...] = ()
    attempt: int = 0
    """Number of the attempt in its lesson; 0 where no attempt stands behind it."""
    prompts: tuple[tuple[str, str], ...] = ()
    """Pairs of prompt name and hash."""
    models: tuple[tuple[str, str], ...] = ()
    """Pairs of seat and model spec, without secrets."""
    tainted: bool = False
    """True: derived from text that real customers wrote."""

    @property
    def from_domain(self) -> bool:
        """True: models wrote it from the domain alone, no scenario stands behind it."""
        return bool(self.models) and not self.scenarios


@dataclass(frozen=True, slots=True, kw_only=True)
class Propose:
    """A new strategy. Proposing the same words again only adds provenance; a decision taken stays."""

    strategy: Strategy
    provenance: Provenance
    findings: tuple[Finding, ...] = ()
    lesson_id: str | None = None
    """The lesson that produced it; must be in the library, or earlier in the same batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLesson:
    """A lesson with its scenario and whole trail."""

    lesson: Lesson
    run: str
    stage: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordScenario:
    """A scenario that came with strategies from elsewhere: no lesson stands behind it."""

    scenario: Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Strategies that say the same become one: those in ``of`` retire and point to ``into``.

    ``into`` may be new, or one that is there already (also one of ``of``); other words than it had make a
    new version. All provenance is kept.
    """

    into: Strategy
    of: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """These strategies contradict each other; ``note`` says in which situation."""

    strategy_ids: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """What screening found in the current words; replaces earlier findings."""

    strategy_id: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """New words: a new version, proposed again. None leaves a field as it was."""

    strategy_id: str
    when: str | None = None
    do: str | None = None
    avoid: str | None = None
    why: str | None = None
    scope: Scope | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve:
    """A person's word that the current version may be released; how many are needed is the library's law.

    Approving again what has expired, or with another ``until``, begins anew.
    """

    strategy_id: str
    until: str = ""
    """The approval ends then, whatever the law says: ISO 8601, UTC, microseconds; empty: no such end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """Shall not be used; proposing the same words again does not bring it back."""

    strategy_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retire:
    """No longer used."""

    strategy_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen:
    """Takes a decision back: proposed again, same words."""

    strategy_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a strategy was measured to do, on dialogues that it was not learned from."""

    strategy_id: str
    verdict: EvidenceVerdict
    lift: float
    """Mean paired difference with and without the strategy, in the units of ``measure``."""
    interval: tuple[float, float]
    """95% interval of ``lift``."""
    n: int
    """Pairs."""
    run: str
    measure: Measure = "satisfaction"
    student: str = ""
    """Seat string of the student that it was measured with; empty: not told."""
    elsewhere: bool = False
    """True: measured with another student than the project's own; its verdict holds for that student alone."""
    held: bool = False
    """True: it may do harm. It is held back like what is harmful, until it is measured again or overridden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """May be used and released although measurement speaks against it. The reason is told with the change; new
    evidence or new words end it."""

    strategy_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLaw:
    """Other rules for approvals. Where two people have to approve, a looser law needs two to ask for it too."""

    law: Law


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Changes nothing: stands for a batch that had nothing to change, so that its token is known."""


Change = (
    Propose
    | RecordLesson
    | RecordScenario
    | Merge
    | Flag
    | Screen
    | Edit
    | Approve
    | Reject
    | Retire
    | Reopen
    | Evidence
    | SetLaw
    | Override
    | Checkpoint
)

_BY_KIND: Mapping[str, type[Any]] = {kind.__name__.lower(): kind for kind in get_args(Change)}


def kind_of(change: Change) -> str:
    """``propose``, ``recordlesson``, ``merge``, ...: the stable word under which a change is stored."""
    return type(change).__name__.lower()


def to_json(change: Change) -> dict[str, Any]:
    """The change as JSON-ready values, without its kind."""
    return cast("dict[str, Any]", plain(change))


def from_json(kind: str, payload: object) -> Change:
    """The change of that kind, strictly.

    Raises:
        InputError: unknown kind, or a field that is missing, unknown or of the wrong type (named).
    """
    if kind not in _BY_KIND:
        raise InputError(f"unknown kind of change '{kind}'", hint="a newer preceptor may have written it: upgrade")
    return cast("Change", decode(_BY_KIND[kind], payload))
