"""Lists of strategies, a page at a time: which, in which order, and how many there are.

Everything that a list asks for stands in columns of its own (and in ``labels``, where a strategy has several), so
that a page decodes only the strategies that it shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Select, and_, exists, func, or_, select

from preceptor.core.errors import LibraryError
from preceptor.core.records import Scope, Severity, Status
from preceptor.library import rows
from preceptor.library.changes import EvidenceVerdict
from preceptor.library.entry import Entry
from preceptor.library.schema import LABELS, STRATEGIES

Order = Literal["review", "oldest", "newest"]
"""``review``: worst findings, then strongest evidence, then the order in which they came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which strategies; a field that is empty does not restrict."""

    status: tuple[Status, ...] = ()
    severity: Severity | Literal["clean", ""] = ""
    """Of the worst finding; ``clean``: no finding."""
    scope: Scope | Literal[""] = ""
    verdict: EvidenceVerdict | Literal[""] = ""
    text: str = ""
    """Every word of it stands in the strategy or its id, without regard to case."""
    run: str = ""
    stage: int | None = None
    """Counted from 0, as in provenance."""
    check: str = ""
    """Name of a check that found something."""
    tainted: bool | None = None
    flagged: bool | None = None
    """Whether it contradicts another one."""
    usable: bool | None = None
    without: tuple[str, ...] = ()
    """Ids to leave out, for instance what a reviewer skipped; a few hundred at most."""


EVERY = Filter()
"""Lets every strategy through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of a list."""

    entries: tuple[Entry, ...]
    total: int
    """How many the filter lets through, on all pages together."""
    offset: int
    """How many of them stand before this page."""

    @property
    def more(self) -> bool:
        """Whether a page follows."""
        return self.offset + len(self.entries) < self.total


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many strategies of each kind a filter lets through: what stands beside the choices of a list."""

    total: int
    status: Mapping[str, int]
    severity: Mapping[str, int]
    """By the worst finding; ``clean`` for none."""
    scope: Mapping[str, int]
    verdict: Mapping[str, int]
    tainted: int
    flagged: int
    check: Mapping[str, int]
    """By name of a check that found something; a strategy counts for each of its checks."""
    run: Mapping[str, int]


def page_of(connection: Connection, which: Filter, *, order: Order, offset: int, limit: int) -> Page:
    """The page that begins after ``offset`` strategies."""
    conditions = _conditions(which)
    # The place first, by an index that holds it; documents are read for the page alone.
    places = select(STRATEGIES.c.id).where(*conditions).order_by(*_order(order)).offset(max(offset, 0)).limit(limit)
    ids = list(connection.execute(places).scalars())
    documents = select(STRATEGIES.c.id, STRATEGIES.c.doc).where(STRATEGIES.c.id.in_(ids))
    found = {row["id"]: rows.entry_of(row) for row in connection.execute(documents).mappings()}
    entries = tuple(found[i] for i in ids)
    return Page(entries=entries, total=_total(connection, conditions), offset=max(offset, 0))


def position_of(connection: Connection, which: Filter, strategy_id: str, *, order: Order) -> int | None:
    """How many of the list stand before the strategy; None where it is not in the list."""
    conditions = _conditions(which)
    key = select(STRATEGIES.c.rank, STRATEGIES.c.first_seq).where(STRATEGIES.c.id == strategy_id, *conditions)
    at = connection.execute(key).one_or_none()
    if at is None:
        return None
    rank, seq = STRATEGIES.c.rank, STRATEGIES.c.first_seq
    before = {
        "review": or_(rank < at[0], and_(rank == at[0], seq < at[1])),
        "oldest": seq < at[1],
        "newest": seq > at[1],
    }[order]
    return _total(connection, [*conditions, before])


def counts_of(connection: Connection, which: Filter) -> Counts:
    """The numbers beside a list."""
    conditions = _conditions(which)
    names = ("status", "severity", "scope", "verdict", "tainted", "flagged")
    columns = [STRATEGIES.c[name] for name in names]
    query: Select[Any] = select(*columns, func.count().label("n")).where(*conditions).group_by(*columns)
    by = {name: dict[Any, int]() for name in names}
    for row in connection.execute(query).mappings():
        for name, counted in by.items():
            counted[row[name]] = counted.get(row[name], 0) + row["n"]
    status, severity, scope, verdict, tainted, flagged = by.values()
    return Counts(
        total=sum(status.values()),
        status=status,
        severity={name or "clean": count for name, count in severity.items()},
        scope=scope,
        verdict=verdict,
        tainted=tainted.get(1, 0),
        flagged=flagged.get(1, 0),
        check=_labelled(connection, "check", conditions),
        run=_labelled(connection, "run", conditions),
    )


def check_order(order: str) -> None:
    """LibraryError where there is no such order."""
    if order not in ("review", "oldest", "newest"):
        raise LibraryError(f"there is no order '{order}'", hint="review, oldest or newest")


def _order(order: Order) -> tuple[Any, ...]:
    if order == "review":
        return STRATEGIES.c.rank, STRATEGIES.c.first_seq
    return (STRATEGIES.c.first_seq if order == "oldest" else STRATEGIES.c.first_seq.desc(),)


def _conditions(which: Filter) -> list[Any]:
    table = STRATEGIES.c
    found: list[Any] = []
    if which.status:
        found.append(table.status == which.status[0] if len(which.status) == 1 else table.status.in_(which.status))
    if which.severity:
        found.append(table.severity == ("" if which.severity == "clean" else which.severity))
    for column, value in ((table.scope, which.scope), (table.verdict, which.verdict)):
        if value:
            found.append(column == value)
    marks = ((table.tainted, which.tainted), (table.flagged, which.flagged), (table.usable, which.usable))
    found += [column == int(value) for column, value in marks if value is not None]
    stage = "" if which.stage is None else str(which.stage)
    for kind, value in (("run", which.run), ("stage", stage), ("check", which.check)):
        if value:
            labelled = (LABELS.c.strategy == table.id, LABELS.c.kind == kind, LABELS.c.value == value)
            found.append(exists().where(*labelled))
    for word in rows.folded(which.text).split():
        within = (table.words, table.id)
        found.append(or_(*(column.contains(word, autoescape=True) for column in within)))
    if which.without:
        found.append(table.id.not_in(which.without))
    return found


def _total(connection: Connection, conditions: list[Any]) -> int:
    return connection.execute(select(func.count()).select_from(STRATEGIES).where(*conditions)).scalar_one()


def _labelled(connection: Connection, kind: str, which: list[Any]) -> dict[str, int]:
    conditions = list[Any]([LABELS.c.kind == kind])
    if which:
        conditions.append(LABELS.c.strategy.in_(select(STRATEGIES.c.id).where(*which)))
    query = select(LABELS.c.value, func.count().label("n")).where(*conditions).group_by(LABELS.c.value)
    return {row["value"]: row["n"] for row in connection.execute(query.order_by(LABELS.c.value)).mappings()}
