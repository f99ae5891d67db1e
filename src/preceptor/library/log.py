"""Questions to the log of changes, as queries: the newest part, one author, one kind, words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, Select, or_, select

from preceptor.core.records import Status
from preceptor.core.untrusted import one_line
from preceptor.library.schema import CHANGES, FORMS, TOUCHED


def changes_query(
    *, before: int = 0, author: str = "", kind: str = "", text: str = "", limit: int = 100
) -> Select[Any]:
    """Changes, newest first; ``before`` a number (0: from the end), whose author, kind or words fit."""
    author, kind, text = one_line(author), one_line(kind), one_line(text)
    query = select(CHANGES).order_by(CHANGES.c.seq.desc()).limit(limit)
    if before:
        query = query.where(CHANGES.c.seq < before)
    if author:
        query = query.where(CHANGES.c.author == author)
    if kind:
        query = query.where(CHANGES.c.kind == kind)
    for word in text.split():
        columns = (CHANGES.c.reason, CHANGES.c.author, CHANGES.c.payload)
        query = query.where(or_(*(column.icontains(word, autoescape=True) for column in columns)))
    return query


def last_of(connection: Connection, ids: Sequence[str], kinds: Collection[str]) -> dict[str, RowMapping]:
    """Strategy to the last change of one of these kinds that touched it."""
    # Kinds are looked at here: asked for with the ids, they lead to an index of all changes of a kind.
    touching = select(TOUCHED.c.strategy, CHANGES.c.seq, CHANGES.c.kind).join(
        CHANGES, CHANGES.c.seq == TOUCHED.c.seq
    )
    found = connection.execute(touching.where(TOUCHED.c.strategy.in_(ids)).order_by(CHANGES.c.seq))
    last: dict[str, int] = {strategy: seq for strategy, seq, kind in found if kind in kinds}
    told = connection.execute(select(CHANGES).where(CHANGES.c.seq.in_(set(last.values())))).mappings()
    by_seq = {row["seq"]: row for row in told}
    return {strategy: by_seq[seq] for strategy, seq in last.items()}


def touched_query(since: int) -> Select[Any]:
    """Ids of strategies that changes after number ``since`` touched, in no order, one perhaps several times: to ask
    for each once would lead SQLite to read all that was ever touched."""
    return select(TOUCHED.c.strategy).where(TOUCHED.c.seq > since)


class FormRow(NamedTuple):
    """What one strategy is compared by."""

    id: str
    first_seq: int
    status: Status
    forms: str
    """See :class:`~preceptor.library.screening_alike.Forms`."""


def forms_of(connection: Connection, since: int, status: Status | None) -> tuple[FormRow, ...]:
    """The rows of what changes after ``since`` touched."""
    table = FORMS.c
    query = select(table.strategy, table.first_seq, table.status, table.forms)
    if since:
        query = query.where(table.strategy.in_(touched_query(since)))
    if status is not None:
        query = query.where(table.status == status)
    return tuple(FormRow(*row) for row in connection.execute(query).all())
