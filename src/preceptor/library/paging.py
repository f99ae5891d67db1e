"""Lists of strategies, a page at a time: which, in which order, and how many there are.

Everything that a list asks for stands in columns of its own (and in ``labels``, where a strategy has several), so
that a page decodes only the strategies that it shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple, get_args

from sqlalchemy import Connection, and_, bindparam, case, exists, func, not_, or_, select

from preceptor.core.errors import LibraryError
from preceptor.core.records import Scope, Severity, Status
from preceptor.core.untrusted import one_line
from preceptor.library import rows
from preceptor.library.changes import EvidenceVerdict
from preceptor.library.entry import Entry
from preceptor.library.law import Law, ends_at, oldest_valid
from preceptor.library.schema import LABELS, STRATEGIES

Order = Literal["review", "oldest", "newest", "ends"]
"""``review``: worst findings, then strongest evidence, then the order in which they came; ``ends``: the approvals
that end soonest, then those that do not, then what is not approved."""
ORDERS: tuple[Order, ...] = get_args(Order)

_CHUNK = 500
_NAMED = select(STRATEGIES.c.id, STRATEGIES.c.doc).where(STRATEGIES.c.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class Terms:
    """What decides whether an approval has ended."""

    law: Law
    now: str
    """ISO 8601, UTC."""

    def expired(self, entry: Entry) -> bool:
        """Whether the entry was approved and that has ended."""
        return entry.expired(self.law, self.now)


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
    expired: bool | None = None
    """Whether it was approved and that has ended."""
    half_approved: bool | None = None
    """Whether one person has approved it and the law asks for another."""
    not_approved_by: str = ""
    """Leaves out what this person has approved and another has yet to: what remains is for them to look at."""
    without: tuple[str, ...] = ()
    """Ids to leave out, for instance what a reviewer skipped; a few hundred at most."""

    def fits(self, entry: Entry, terms: Terms) -> bool:
        """Whether it lets this entry through: for a state of the past, which stands in no table."""
        origins = entry.provenance
        words = rows.folded(" ".join((*rows.words_of(entry.strategy), entry.strategy.id)))
        asked = rows.folded(self.text).split()
        marks = (
            (self.tainted, entry.tainted),
            (self.flagged, bool(entry.flags)),
            (self.usable, entry.usable),
            (self.expired, terms.expired(entry)),
            (self.half_approved, entry.half_approved),
        )
        return (
            (not self.status or entry.status in self.status)
            and self.severity in ("", entry.severity or "clean")
            and self.scope in ("", entry.strategy.scope)
            and self.verdict in ("", entry.verdict)
            and all(word in words for word in asked)
            and (not self.run or any(p.run == self.run for p in origins))
            and (self.stage is None or any(p.run and p.stage == self.stage for p in origins))
            and (not self.check or any(f.check == self.check for f in entry.findings))
            and all(wanted is None or wanted == told for wanted, told in marks)
            and not (entry.half_approved and self.not_approved_by in [a.by for a in entry.approvals])
            and entry.strategy.id not in self.without
        )


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
    terms: Terms
    """Under which it was looked: tell :meth:`Entry.expired` of them."""

    @property
    def more(self) -> bool:
        """Whether a page follows."""
        return self.offset + len(self.entries) < self.total


def waiting_of(connection: Connection, by: str) -> int:
    """How many are proposed, but for those that this person has approved already: what a page tells everywhere, so
    each part is counted by an index."""
    proposed = select(func.count()).where(STRATEGIES.c.status == "proposed").scalar_subquery()
    theirs = select(func.count()).where(LABELS.c.kind == "half", LABELS.c.value == one_line(by)).scalar_subquery()
    return connection.execute(select(proposed - theirs)).scalar_one()


def page_of(connection: Connection, which: Filter, terms: Terms, *, order: Order, offset: int, limit: int) -> Page:
    """The page that begins after ``offset`` strategies."""
    conditions = conditions_of(which, terms)
    total = total_of(connection, conditions)
    return _page(connection, conditions, terms, order=order, offset=offset, limit=limit, total=total)


def _page(
    connection: Connection,
    conditions: Sequence[Any],
    terms: Terms,
    *,
    order: Order,
    offset: int,
    limit: int,
    total: int,
) -> Page:
    offset, limit = max(offset, 0), max(limit, 0)
    if not limit:
        entries: tuple[Entry, ...] = ()
    elif order == "ends" and terms.law.valid_days:
        ids = _by_end(connection, conditions, terms)[offset : offset + limit]
        entries = tuple(entries_of(connection, ids).values())
    else:
        entries = _entries(connection, conditions, order, offset=offset, limit=limit)
    return Page(entries=entries, total=total, offset=offset, terms=terms)


def _entries(
    connection: Connection, conditions: Sequence[Any], order: Order, *, offset: int, limit: int
) -> tuple[Entry, ...]:
    """The places first, by an index that holds them; documents are read for the page alone."""
    keys = select(*(STRATEGIES.c[name] for name in ("id", "rank", "first_seq", "status", "until"))).where(
        *conditions
    )
    places = keys.order_by(*_order(order, STRATEGIES.c)).offset(offset).limit(limit).subquery()
    documents = select(STRATEGIES.c.id, STRATEGIES.c.doc).join(places, places.c.id == STRATEGIES.c.id)
    found = connection.execute(documents.order_by(*_order(order, places.c))).mappings().all()
    return tuple(map(rows.entry_of, found))


def entries_of(connection: Connection, ids: Sequence[str]) -> dict[str, Entry]:
    """The entries with these ids, in this order; unknown ones are left out."""
    found = dict[str, Entry]()
    for start in range(0, len(ids), _CHUNK):
        documents = connection.execute(_NAMED, {"ids": ids[start : start + _CHUNK]}).mappings().all()
        found |= {row["id"]: rows.entry_of(row) for row in documents}
    return {i: found[i] for i in ids if i in found}


class Approved(NamedTuple):
    """What is approved, as far as a release asks."""

    versions: Mapping[str, int]
    """Of what it may hold now, in the library's order."""
    left_out: tuple[str, ...]
    """Ids of those that must not be used."""
    expired: tuple[str, ...]
    """Ids of those that might be used, but for their approval, which has ended."""


def approved_of(connection: Connection, terms: Terms) -> Approved:
    """All that is approved, without documents."""
    table = STRATEGIES.c
    ended = case((expired_by(terms), 1), else_=0)
    query = select(table.id, table.version, table.usable, ended).where(table.status == "approved")
    found = connection.execute(query.order_by(table.first_seq)).all()
    return Approved(
        versions={id: version for id, version, usable, expired in found if usable and not expired},
        left_out=tuple(id for id, _, usable, _ in found if not usable),
        expired=tuple(id for id, _, usable, expired in found if usable and expired),
    )


def position_of(
    connection: Connection, which: Filter, terms: Terms, strategy_id: str, *, order: Order
) -> int | None:
    """How many of the list stand before the strategy; None where it is not in the list."""
    return _place(connection, conditions_of(which, terms), terms, strategy_id, order)[0]


def _place(
    connection: Connection, conditions: Sequence[Any], terms: Terms, strategy_id: str, order: Order
) -> tuple[int | None, int]:
    """The position, and how many there are in all."""
    if order == "ends":
        every = _by_end(connection, conditions, terms)
        return every.index(strategy_id) if strategy_id in every else None, len(every)
    at = _key(connection, strategy_id, conditions)
    if at is None:
        return None, total_of(connection, conditions)
    rank, seq = STRATEGIES.c.rank, STRATEGIES.c.first_seq
    before = {
        "review": and_(rank <= at[0], or_(rank < at[0], seq < at[1])),
        "oldest": seq < at[1],
        "newest": seq > at[1],
    }[order]
    # Apart: the index leads straight to what stands before, which for who works from the front is next to nothing.
    counted = select(func.count()).select_from(STRATEGIES).where(*conditions)
    place, total = connection.execute(
        select(counted.where(before).scalar_subquery(), counted.scalar_subquery())
    ).one()
    return place, total


def next_of(connection: Connection, which: Filter, terms: Terms, strategy_id: str, *, order: Order) -> str | None:
    """Id of the strategy that follows in the list; empty at its end, None where it is not in the list."""
    conditions = conditions_of(which, terms)
    if order == "ends":
        every = _by_end(connection, conditions, terms)
        place = every.index(strategy_id) if strategy_id in every else None
        return None if place is None else "".join(every[place + 1 : place + 2])
    at = _key(connection, strategy_id, conditions)
    if at is None:
        return None
    rank, seq = STRATEGIES.c.rank, STRATEGIES.c.first_seq
    after = {
        "review": and_(rank >= at[0], or_(rank > at[0], seq > at[1])),
        "oldest": seq > at[1],
        "newest": seq < at[1],
    }[order]
    query = select(STRATEGIES.c.id).where(*conditions, after).order_by(*_order(order, STRATEGIES.c)).limit(1)
    return connection.execute(query).scalar_one_or_none() or ""


def _key(connection: Connection, strategy_id: str, conditions: Sequence[Any]) -> Any:
    """Rank and number, by which lists are ordered; None where it is not in the list."""
    key = select(STRATEGIES.c.rank, STRATEGIES.c.first_seq).where(STRATEGIES.c.id == strategy_id, *conditions)
    return connection.execute(key).one_or_none()


def around_of(
    connection: Connection, which: Filter, terms: Terms, strategy_id: str, *, order: Order, before: int, limit: int
) -> tuple[int | None, Page]:
    """The strategy's place, and the page on which it stands after ``before`` others; the first page where it is not
    in the list."""
    if not strategy_id:
        return None, page_of(connection, which, terms, order=order, offset=0, limit=limit)
    conditions = conditions_of(which, terms)
    place, total = _place(connection, conditions, terms, strategy_id, order)
    offset = max(0, (place or 0) - before)
    return place, _page(connection, conditions, terms, order=order, offset=offset, limit=limit, total=total)


def check_order(order: str) -> None:
    """LibraryError where there is no such order."""
    if order not in ORDERS:
        raise LibraryError(f"there is no order '{order}'", hint=", ".join(ORDERS))


def _order(order: Order, columns: Any) -> tuple[Any, ...]:
    if order == "review":
        return columns.rank, columns.first_seq
    if order == "ends":  # by the ends that were given; where the law sets others, see _by_end
        approved = columns.status == "approved"
        group = case((and_(approved, columns.until != ""), 0), (approved, 1), else_=2)
        return group, columns.until, columns.first_seq
    return (columns.first_seq if order == "oldest" else columns.first_seq.desc(),)


def _by_end(connection: Connection, conditions: Sequence[Any], terms: Terms) -> list[str]:
    """All ids by the end of their approval. Here, where no column holds it: it follows from the law of the day."""
    table = STRATEGIES.c
    if not terms.law.valid_days:
        ordered = select(table.id).where(*conditions).order_by(*_order("ends", table))
        return list(connection.execute(ordered).scalars().all())
    query = select(table.id, table.status, table.approved_at, table.until).where(*conditions)
    keyed: list[tuple[bool, str, str]] = []
    for id, status, approved_at, until in connection.execute(query.order_by(table.first_seq)).all():
        end = ends_at(terms.law, approved_at=approved_at, until=until)
        keyed.append((status != "approved", end or "~", id))
    return [id for _, _, id in sorted(keyed, key=lambda k: k[:2])]


def conditions_of(which: Filter, terms: Terms) -> tuple[Any, ...]:
    """What a row of ``strategies`` must fulfil for the filter to let it through."""
    if which.expired is None:
        return _lasting(which)
    return (*_lasting(which), expired_by(terms) if which.expired else not_(expired_by(terms)))


@lru_cache(maxsize=256)
def _lasting(which: Filter) -> tuple[Any, ...]:
    """What does not depend on the time: a reviewer asks the same many times, and building it takes longer than to
    find a page by it."""
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
    marks += ((table.half_approved, which.half_approved),)
    found += [column == int(value) for column, value in marks if value is not None]
    stage = "" if which.stage is None else str(which.stage)
    for kind, value in (("run", one_line(which.run)), ("stage", stage), ("check", one_line(which.check))):
        if value:
            labelled = (LABELS.c.strategy == table.id, LABELS.c.kind == kind, LABELS.c.value == value)
            found.append(exists().where(*labelled))
    if which.not_approved_by:
        theirs = (LABELS.c.kind == "half", LABELS.c.value == one_line(which.not_approved_by))
        found.append(or_(table.half_approved == 0, table.id.not_in(select(LABELS.c.strategy).where(*theirs))))
    for word in rows.folded(which.text).split():
        within = (table.words, table.id)
        found.append(or_(*(column.contains(word, autoescape=True) for column in within)))
    if which.without:
        found.append(table.id.not_in([one_line(i) for i in which.without]))
    return tuple(found)


def expired_by(terms: Terms) -> Any:
    """As :meth:`Entry.expired` tells it."""
    table = STRATEGIES.c
    ended = and_(table.until != "", table.until <= terms.now)
    oldest = oldest_valid(terms.law, terms.now)
    return and_(table.status == "approved", or_(ended, table.approved_at <= oldest) if oldest else ended)


def total_of(connection: Connection, conditions: Sequence[Any]) -> int:
    """How many rows fulfil all of it."""
    return connection.execute(select(func.count()).select_from(STRATEGIES).where(*conditions)).scalar_one()
