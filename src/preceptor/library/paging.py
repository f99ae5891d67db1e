"""Lists of strategies, a page at a time: which, in which order, and how many there are.

Everything that a list asks for stands in columns of its own (and in ``labels``, where a strategy has several), so
that a page decodes only the strategies that it shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, NamedTuple, get_args

from sqlalchemy import Connection, Integer, Select, and_, bindparam, case, exists, func, not_, or_, select, tuple_

from preceptor.core.errors import LibraryError
from preceptor.core.records import Scope, Severity, Status
from preceptor.core.untrusted import one_line
from preceptor.library import rows
from preceptor.library.changes import EvidenceVerdict
from preceptor.library.entry import Entry
from preceptor.library.law import Law, ends_at, oldest_valid
from preceptor.library.schema import LABELS, STRATEGIES
from preceptor.library.tally import Kind, Tally

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

    def fits_kind(self, kind: Kind) -> bool:
        """Whether it lets strategies of this kind through, as far as the kind tells."""
        marks = (
            (self.tainted, kind.tainted),
            (self.flagged, kind.flagged),
            (self.usable, kind.usable),
            (self.half_approved, kind.half_approved),
        )
        return (
            (not self.status or kind.status in self.status)
            and self.severity in ("", kind.severity or "clean")
            and self.scope in ("", kind.scope)
            and self.verdict in ("", kind.verdict)
            and all(wanted is None or wanted == told for wanted, told in marks)
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


class Ground(NamedTuple):
    """What is known of the library before any list of it is read."""

    terms: Terms
    tally: Tally


def page_of(
    connection: Connection, which: Filter, ground: Ground, *, order: Order, offset: int, limit: int
) -> Page:
    """The page that begins after ``offset`` strategies."""
    terms, offset, limit = ground.terms, max(offset, 0), max(limit, 0)
    if not limit:
        entries: tuple[Entry, ...] = ()
    elif order == "ends" and terms.law.valid_days:
        ids = _by_end(connection, which, terms)[offset : offset + limit]
        entries = tuple(entries_of(connection, ids).values())
    else:
        query = _page_query(which, _moment(which, terms), order)
        found = connection.execute(query, {"offset": offset, "limit": limit}).mappings()
        entries = tuple(map(rows.entry_of, found))
    return Page(entries=entries, total=total_of(connection, which, ground), offset=offset, terms=terms)


def _moment(which: Filter, terms: Terms) -> Terms | None:
    """The terms, where it depends on them what the filter lets through: other queries are built once."""
    return terms if which.expired is not None else None


@lru_cache(maxsize=256)
def _page_query(which: Filter, terms: Terms | None, order: Order) -> Select[Any, Any]:
    """The places first, by an index that holds them; documents are read for the page alone."""
    keys = select(*(STRATEGIES.c[name] for name in ("id", "rank", "first_seq", "status", "until")))
    keys = keys.where(*conditions_of(which, terms)).order_by(*_order(order, STRATEGIES.c))
    places = keys.offset(bindparam("offset", type_=Integer)).limit(bindparam("limit", type_=Integer)).subquery()
    documents = select(STRATEGIES.c.id, STRATEGIES.c.doc).join(places, places.c.id == STRATEGIES.c.id)
    return documents.order_by(*_order(order, places.c))


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
    if order == "ends":
        every = _by_end(connection, which, terms)
        return every.index(strategy_id) if strategy_id in every else None
    query = _beside_query(which, _moment(which, terms), order, following=False)
    return connection.execute(query, {"of": strategy_id}).scalar_one_or_none()


def next_of(connection: Connection, which: Filter, terms: Terms, strategy_id: str, *, order: Order) -> str | None:
    """Id of the strategy that follows in the list; empty at its end, None where it is not in the list."""
    if order == "ends":
        every = _by_end(connection, which, terms)
        place = every.index(strategy_id) if strategy_id in every else None
        return None if place is None else "".join(every[place + 1 : place + 2])
    query = _beside_query(which, _moment(which, terms), order, following=True)
    found = connection.execute(query, {"of": strategy_id}).one_or_none()
    return None if found is None else found[0] or ""


@lru_cache(maxsize=256)
def _beside_query(which: Filter, terms: Terms | None, order: Order, *, following: bool) -> Select[Any]:
    """Of the strategy ``of``: the id that follows it, or how many stand before it. No row where it is not in the
    list."""
    conditions = conditions_of(which, terms)
    rank, seq = STRATEGIES.c.rank, STRATEGIES.c.first_seq
    own = select(rank, seq).where(STRATEGIES.c.id == bindparam("of"), *conditions).subquery("own")
    up = following == (order != "newest")
    # As a pair: an index leads to what stands before it and to nothing else, from the front to next to nothing.
    here, there = (seq, own.c.first_seq) if order != "review" else (tuple_(rank, seq), tuple_(*own.c))
    beyond = here > there if up else here < there
    asked = select(STRATEGIES.c.id) if following else select(func.count()).select_from(STRATEGIES)
    asked = asked.where(*conditions, beyond).correlate(own)
    if following:
        asked = asked.order_by(*_order(order, STRATEGIES.c)).limit(1)
    return select(asked.scalar_subquery()).select_from(own)


def around_of(
    connection: Connection,
    which: Filter,
    ground: Ground,
    strategy_id: str,
    *,
    order: Order,
    before: int,
    limit: int,
) -> tuple[int | None, Page]:
    """The strategy's place, and the page on which it stands after ``before`` others; the first page where it is not
    in the list."""
    place = position_of(connection, which, ground.terms, strategy_id, order=order) if strategy_id else None
    offset = max(0, (place or 0) - before)
    return place, page_of(connection, which, ground, order=order, offset=offset, limit=limit)


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


def _by_end(connection: Connection, which: Filter, terms: Terms) -> list[str]:
    """All ids by the end of their approval. Here, where no column holds it: it follows from the law of the day."""
    table, conditions = STRATEGIES.c, conditions_of(which, terms)
    if not terms.law.valid_days:
        ordered = select(table.id).where(*conditions).order_by(*_order("ends", table))
        return list(connection.execute(ordered).scalars().all())
    query = select(table.id, table.status, table.approved_at, table.until).where(*conditions)
    keyed: list[tuple[bool, str, str]] = []
    for id, status, approved_at, until in connection.execute(query.order_by(table.first_seq)).all():
        end = ends_at(terms.law, approved_at=approved_at, until=until)
        keyed.append((status != "approved", end or "~", id))
    return [id for _, _, id in sorted(keyed, key=lambda k: k[:2])]


def conditions_of(which: Filter, terms: Terms | None) -> tuple[Any, ...]:
    """What a row of ``strategies`` must fulfil for the filter to let it through; without terms, where it does not
    depend on them."""
    if which.expired is None or terms is None:
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


def total_of(connection: Connection, which: Filter, ground: Ground) -> int:
    """How many the filter lets through: counted only where what is kept beside the law does not tell."""
    if which.text or which.run or which.check or which.stage is not None or which.expired is not None:
        return count_of(connection, conditions_of(which, ground.terms))
    found = {kind: count for kind, count in ground.tally.items() if which.fits_kind(kind)}
    total = sum(found.values())
    conditions = _lasting(replace(which, without=(), not_approved_by=""))
    left_out = STRATEGIES.c.id.in_([one_line(i) for i in which.without])
    if which.without:
        total -= count_of(connection, (*conditions, left_out))
    if which.not_approved_by and any(kind.half_approved for kind in found):
        theirs = (LABELS.c.kind == "half", LABELS.c.value == one_line(which.not_approved_by))
        held = STRATEGIES.c.id.in_(select(LABELS.c.strategy).where(*theirs))
        total -= count_of(connection, (*conditions, STRATEGIES.c.half_approved == 1, held, not_(left_out)))
    return total


def count_of(connection: Connection, conditions: Sequence[Any]) -> int:
    """How many rows fulfil all of it."""
    return connection.execute(select(func.count()).select_from(STRATEGIES).where(*conditions)).scalar_one()
