"""Leases: the right to spend, granted to the sessions of a run from its one cap; and the end of a session.

The invariant, kept by every transaction here: what live sessions were lent and what ended ones spent stays within
the cap. A session that spends only what it was lent therefore needs to ask nobody before a call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from preceptor.core.settings import BudgetConfig
from preceptor.llm.amounts import Amount, passed
from preceptor.llm.journal.pg_schema import BEGUN, CLAIMS, LEASES, LOST, RUNS, SESSIONS
from preceptor.llm.leases import Refused

_AHEAD = 31
"""Calls of the size asked for that are lent at once beside it, where there is plenty."""
_WANTED = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What the sessions of a run may spend together: over all seats, and by seat."""

    total: BudgetConfig = field(default_factory=BudgetConfig)
    seats: Mapping[str, BudgetConfig] = field(default_factory=dict[str, BudgetConfig])


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """One process's part in a run."""

    run: str
    session: str


@dataclass(slots=True)
class _Held:
    """What counts against one cap."""

    cap: BudgetConfig
    whose: str
    held: Amount = field(default_factory=Amount)
    """Lent to live sessions, or spent where that is more; spent by ended ones."""
    spent: Amount = field(default_factory=Amount)


def lend(
    connection: Connection, who: Who, seat: str, *, keep: Amount, need: Amount, caps: Caps
) -> Amount | Refused | None:
    """All that the session may spend on the seat from now on, at least ``keep`` and ``need`` together.

    None: not now, since others hold what is left; they are told that it is wanted, and ask again is all there is to
    do. A :class:`~preceptor.llm.leases.Refused`: what was spent and ``need`` pass a cap.

    Args:
        keep: what the session spent and has reserved for calls under way.
        need: the worst case of one call more.
    """
    connection.execute(select(RUNS.c.run).where(RUNS.c.run == who.run).with_for_update())
    _fence_expired(connection, who)
    purses = [_Held(caps.total, "budget")]
    if seat in caps.seats:
        purses.append(_Held(caps.seats[seat], f"seats.{seat}.budget"))
    live = _add_up(connection, who, seat, purses)
    wanted = keep.plus(need)
    lent: Amount | Refused | None
    if all(passed(p.cap, p.held.plus(wanted)) is None for p in purses):
        times = min((_room(p, wanted, need) for p in purses), default=_AHEAD)
        ahead = max(0, min(_AHEAD, int(times / (2 * max(1, live)))))
        lent = wanted.plus(_times(need, ahead))
        _note(connection, who, seat, lent)
        return lent
    lent = None
    for purse in purses:
        name = passed(purse.cap, purse.spent.plus(need))
        if name is not None:
            lent = Refused(name=name, whose=purse.whose, spent=purse.spent, cap=purse.cap)
            break
    else:
        connection.execute(update(RUNS).where(RUNS.c.run == who.run).values(wanted=func.now()))
    _note(connection, who, seat, keep)
    return lent


def give_back(connection: Connection, who: Who, kept: Mapping[str, Amount]) -> None:
    """Leaves the session with what it spent and has reserved, by seat."""
    for seat, keep in sorted(kept.items()):
        _note(connection, who, seat, keep)


def is_wanted(connection: Connection, who: Who) -> bool:
    """Whether another session waits for what this one holds and does not use."""
    recent = RUNS.c.wanted > func.now() - _WANTED
    return bool(connection.execute(select(recent).where(RUNS.c.run == who.run)).scalar())


def fence(connection: Connection, who: Who) -> None:
    """Ends a session for good: none of its calls begins from now on, those begun count at their worst case.

    What it is still told by models it may keep in the journal: an answer then takes the place of its worst case.
    """
    ended = (
        insert(SESSIONS)
        .values(run=who.run, session=who.session, ended=1, until=func.now())
        .on_conflict_do_update(index_elements=["run", "session"], set_={"ended": 1}, where=SESSIONS.c.ended == 0)
        .returning(SESSIONS.c.session)
    )
    if connection.execute(ended).first() is None:
        return
    columns = (BEGUN.c.mark, BEGUN.c.seat, BEGUN.c.phase, BEGUN.c.input, BEGUN.c.output, BEGUN.c.usd)
    mine = (BEGUN.c.run == who.run) & (BEGUN.c.session == who.session)
    left = connection.execute(delete(BEGUN).where(mine).returning(*columns)).mappings().all()
    if left:
        rows = [{**row, "run": who.run, "session": who.session, "calls": 0} for row in left]
        connection.execute(insert(LOST).on_conflict_do_nothing(), rows)
        count(
            connection,
            who,
            ((r["seat"], Amount(tokens=r["input"] + r["output"], usd=r["usd"] or 0.0)) for r in left),
        )
    connection.execute(delete(CLAIMS).where(CLAIMS.c.run == who.run, CLAIMS.c.session == who.session))


def count(connection: Connection, who: Who, spent: Iterable[tuple[str, Amount]]) -> None:
    """Adds to what the session spent, by seat."""
    sums: dict[str, Amount] = {}
    for seat, amount in spent:
        sums[seat] = sums.get(seat, Amount()).plus(amount)
    for seat, amount in sorted(sums.items()):
        row = insert(LEASES).values(
            run=who.run,
            session=who.session,
            seat=seat,
            spent_calls=amount.calls,
            spent_tokens=amount.tokens,
            spent_usd=amount.usd,
        )
        added = {n: LEASES.c[n] + row.excluded[n] for n in ("spent_calls", "spent_tokens", "spent_usd")}
        connection.execute(row.on_conflict_do_update(index_elements=["run", "session", "seat"], set_=added))


def _fence_expired(connection: Connection, who: Who) -> None:
    late = select(SESSIONS.c.session).where(
        SESSIONS.c.run == who.run,
        SESSIONS.c.ended == 0,
        SESSIONS.c.until < func.now(),
        SESSIONS.c.session != who.session,
    )
    for session in connection.execute(late).scalars().all():
        fence(connection, Who(run=who.run, session=session))


def _add_up(connection: Connection, who: Who, seat: str, purses: Sequence[_Held]) -> int:
    """Fills ``purses`` with what all but this session and seat hold; returns how many sessions live."""
    joined = LEASES.join(
        SESSIONS, (SESSIONS.c.run == LEASES.c.run) & (SESSIONS.c.session == LEASES.c.session), isouter=True
    )
    rows = connection.execute(
        select(LEASES, SESSIONS.c.ended).select_from(joined).where(LEASES.c.run == who.run)
    ).all()
    live: set[str] = set()
    for row in rows:
        spent = Amount(calls=row.spent_calls, tokens=row.spent_tokens, usd=row.spent_usd)
        held = spent if row.ended else _larger(spent, _lent(row))
        if not row.ended:
            live.add(row.session)
        if (row.session, row.seat) == (who.session, seat):
            # Where a server took more than was set aside, ``keep`` tells it as well.
            held = Amount()
        for number, purse in enumerate(purses):
            if number == 0 or row.seat == seat:
                purse.held = purse.held.plus(held)
                purse.spent = purse.spent.plus(spent)
    return len(live)


def _lent(row: Row[Any]) -> Amount:
    return Amount(calls=row.lent_calls, tokens=row.lent_tokens, usd=row.lent_usd)


def _larger(one: Amount, other: Amount) -> Amount:
    return Amount(
        calls=max(one.calls, other.calls), tokens=max(one.tokens, other.tokens), usd=max(one.usd, other.usd)
    )


def _room(purse: _Held, wanted: Amount, need: Amount) -> float:
    """How many calls like ``need`` would fit beside ``wanted``."""
    found = float(_AHEAD) * 1e6
    for name in ("calls", "tokens", "usd"):
        cap, one = getattr(purse.cap, name), getattr(need, name)
        if cap is not None and one > 0:
            found = min(found, (cap - getattr(purse.held, name) - getattr(wanted, name)) / one)
    return found


def _times(amount: Amount, number: int) -> Amount:
    return Amount(calls=amount.calls * number, tokens=amount.tokens * number, usd=amount.usd * number)


def _note(connection: Connection, who: Who, seat: str, lent: Amount) -> None:
    values = {"lent_calls": lent.calls, "lent_tokens": lent.tokens, "lent_usd": lent.usd}
    row = insert(LEASES).values(run=who.run, session=who.session, seat=seat, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["run", "session", "seat"], set_=values))
