"""What one process tells the journal on PostgreSQL, batch by batch: each batch is one transaction.

The order of statements in it is fixed (session, claims by key, begun, answers by key, what goes), so that batches
of two processes never wait for each other in a ring.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from preceptor.core.errors import RunError
from preceptor.llm.amounts import Amount
from preceptor.llm.journal.pg_lend import Who, count
from preceptor.llm.journal.pg_schema import ANSWERS, BEGUN, CLAIMS, COLUMNS, LOST, SESSIONS

Kind = Literal["get", "begin", "end", "put", "lose", "leave", "alone"]


@dataclass(slots=True)
class Order:
    """One thing to be done, and who waits for it."""

    kind: Kind
    key: str = ""
    mark: str = ""
    row: Mapping[str, Any] = field(default_factory=dict[str, Any])
    alone: Callable[[Connection], object] | None = None
    """For the kind ``alone``: what is done in a transaction of its own."""
    done: asyncio.Future[Any] | None = None
    loop: asyncio.AbstractEventLoop | None = None


@dataclass(slots=True)
class Done:
    """What came of a batch."""

    results: dict[int, object] = field(default_factory=dict[int, object])
    """What orders are told, by their place in the batch; the others are told that it is done."""
    waiting: list[Order] = field(default_factory=list[Order])
    """Calls that another process is making."""


def carry_out(connection: Connection, who: Who, batch: Sequence[Order]) -> Done:
    """The whole batch, in the transaction of ``connection``."""
    found = Done()
    if not any(o.kind in ("put", "lose") for o in batch):
        # Claims and calls under way need to outlive this process, not a loss of power.
        connection.execute(text("SET LOCAL synchronous_commit = off"))
    ended = connection.execute(
        select(SESSIONS.c.ended)
        .where(SESSIONS.c.run == who.run, SESSIONS.c.session == who.session)
        .with_for_update(read=True)
    ).scalar()
    if ended == 0:
        _get(connection, who, batch, found)
        begun = [o.row for o in batch if o.kind == "begin"]
        if begun:
            connection.execute(insert(BEGUN).on_conflict_do_nothing(), begun)
    else:
        for place, order in enumerate(batch):
            if order.kind in ("get", "begin"):
                found.results[place] = given_up()
    lost = _put(connection, who, [o for o in batch if o.kind == "put"], late=ended != 0)
    _lose(connection, who, [*(o.row for o in batch if o.kind == "lose"), *lost])
    over = [o.mark for o in batch if o.mark and o.kind in ("end", "put", "lose")]
    if over:
        connection.execute(delete(BEGUN).where(BEGUN.c.run == who.run, BEGUN.c.mark.in_(over)))
    _unclaim(connection, who, [o.key for o in batch if o.kind in ("put", "leave")])
    return found


def given_up() -> RunError:
    """The error for a process whose session another one has ended."""
    return RunError(
        "this worker's lease has ended: the run went on without it",
        hint="nothing is to be done: see the run itself",
    )


def stale_claims(connection: Connection, who: Who, keys: Sequence[str]) -> list[str]:
    """Sessions that claim one of ``keys`` and are late: they died, or cannot be reached."""
    joined = CLAIMS.join(SESSIONS, (SESSIONS.c.run == CLAIMS.c.run) & (SESSIONS.c.session == CLAIMS.c.session))
    late = (
        select(CLAIMS.c.session)
        .select_from(joined)
        .where(CLAIMS.c.run == who.run, CLAIMS.c.key.in_(keys), SESSIONS.c.until < func.now())
    )
    return sorted(set(connection.execute(late).scalars()))


def _get(connection: Connection, who: Who, batch: Sequence[Order], found: Done) -> None:
    """Answers that are there; the others are claimed, or waited for where another session has the claim."""
    asked = {o.key: place for place, o in enumerate(batch) if o.kind == "get"}
    if not asked:
        return
    known = _answers(connection, who, list(asked))
    missing = sorted(asked.keys() - known.keys())
    mine: set[str] = set()
    if missing:
        rows = [{"run": who.run, "session": who.session, "key": key} for key in missing]
        claimed = insert(CLAIMS).on_conflict_do_nothing().returning(CLAIMS.c.key)
        mine = set(connection.execute(claimed, rows).scalars())
        # Who had the claim before may have answered and left it since we looked.
        late = _answers(connection, who, sorted(mine)) if mine else {}
        _unclaim(connection, who, sorted(late))
        known |= late
    for key, place in asked.items():
        if key in known:
            found.results[place] = known[key]
        elif key in mine:
            found.results[place] = None
        else:
            found.waiting.append(batch[place])


def _answers(connection: Connection, who: Who, keys: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    query = select(*COLUMNS, ANSWERS.c.reply, ANSWERS.c.sum).where(
        ANSWERS.c.run == who.run, ANSWERS.c.key.in_(keys)
    )
    return {row[0]: tuple(row) for row in connection.execute(query)}


def _put(connection: Connection, who: Who, puts: Sequence[Order], *, late: bool) -> list[Mapping[str, Any]]:
    """Keeps answers; returns, as lost, those whose call had been answered to another process meanwhile."""
    if not puts:
        return []
    rows = sorted((o.row for o in puts), key=lambda r: r["key"])
    kept = insert(ANSWERS).on_conflict_do_nothing().returning(ANSWERS.c.mark)
    new = set(connection.execute(kept, rows).scalars())
    if late:
        _no_longer_lost(connection, who, [r["mark"] for r in rows])
    others = [r for r in rows if r["mark"] not in new]
    if others:  # a batch that was tried again after a broken connection, or an answer that somebody else has too
        same = select(ANSWERS.c.mark).where(
            ANSWERS.c.run == who.run, ANSWERS.c.mark.in_([r["mark"] for r in others])
        )
        written = set(connection.execute(same).scalars())
        others = [r for r in others if r["mark"] not in written]
    count(connection, who, ((r["seat"], _amount(r, 1)) for r in rows if r["mark"] in new))
    return [_lost_row(r) for r in others]


def _lose(connection: Connection, who: Who, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    told = insert(LOST).on_conflict_do_nothing().returning(LOST.c.mark)
    new = set(connection.execute(told, list(rows)).scalars())
    count(connection, who, ((r["seat"], _amount(r, r["calls"])) for r in rows if r["mark"] in new))


def _no_longer_lost(connection: Connection, who: Who, marks: Sequence[str]) -> None:
    names = ("seat", "calls", "input", "output", "usd")
    wanted = delete(LOST).where(LOST.c.run == who.run, LOST.c.mark.in_(marks))
    gone = wanted.returning(*(LOST.c[name] for name in names))
    rows: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in connection.execute(gone)]
    count(connection, who, ((r["seat"], Amount().plus(_amount(r, r["calls"]), -1)) for r in rows))


def _lost_row(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("run", "mark", "session", "seat", "phase", "input", "output", "usd")
    return {**{name: row[name] for name in names}, "calls": 1}


def _amount(row: Mapping[str, Any], calls: int) -> Amount:
    return Amount(calls=calls, tokens=row["input"] + row["output"], usd=row["usd"] or 0.0)


def _unclaim(connection: Connection, who: Who, keys: Sequence[str]) -> None:
    if keys:
        mine = (CLAIMS.c.run == who.run) & (CLAIMS.c.session == who.session)
        connection.execute(delete(CLAIMS).where(mine, CLAIMS.c.key.in_(keys)))
