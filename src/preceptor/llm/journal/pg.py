"""A run's journal in PostgreSQL: many processes on many machines share it.

Each process has a session. What it tells goes through one thread, which commits whatever has queued up as one
transaction. A call that one session is making is claimed: another one that asks the same waits for its answer. Who
finds a session late ends it, and its calls under way count at their worst case.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.dialects.postgresql import insert

from preceptor.core.clock import Clock, system_clock
from preceptor.core.errors import RunError
from preceptor.llm.amounts import Amount, LedgerRow, Reservation
from preceptor.llm.calls import Paid, Tag
from preceptor.llm.journal.pg_batch import Order, given_up
from preceptor.llm.journal.pg_clerk import LOOK, Clerk, Pace, until
from preceptor.llm.journal.pg_keep import spent_rows
from preceptor.llm.journal.pg_lend import Caps, Who, fence, give_back, lend
from preceptor.llm.journal.pg_schema import RUNS, SESSIONS, connect, shown, told
from preceptor.llm.journal.seal import SALT_BYTES, Encrypted, Plain, Seal, checksum, pack, unpack
from preceptor.llm.leases import Refused


class PostgresJournal:
    """One process's part in a run's journal. Close it with :meth:`close` or ``with``."""

    def __init__(
        self, engine: Engine, place: str, who: Who, seal: Seal, *, lead: bool, clock: Clock, pace: Pace
    ) -> None:
        self.who = who
        self._engine = engine
        self._place = place
        self._seal = seal
        self._lead = lead
        self._clock = clock
        self._number = 0
        self._begun: dict[str, asyncio.Future[None]] = {}
        self._clerk = Clerk(engine, place, who, pace)

    @classmethod
    def open(
        cls,
        place: str,
        run: str,
        *,
        session: str = "",
        lead: bool = True,
        passphrase: str = "",
        clock: Clock = system_clock,
        pace: Pace | None = None,
    ) -> PostgresJournal:
        """This process's session in the journal of ``run``, in the database at the URL ``place``.

        Args:
            run: name of the journal: no two runs that share a database may have the same.
            session: its name; empty: one of chance.
            lead: this process drives the run: sessions that an earlier one left are ended. Others join it.
            passphrase: answers are encrypted under it; empty: they are not.

        Raises:
            RunError: the database cannot be used; the session was ended before it began; another passphrase.
            ConfigError: no URL of PostgreSQL, or an extra is not installed.
        """
        pace = pace or Pace()
        who = Who(run=run, session=session or secrets.token_hex(6))
        engine = connect(place)
        with ExitStack() as opened:
            opened.callback(engine.dispose)
            with told(place), engine.begin() as connection:
                seal = _seal(connection, run, passphrase, lead=lead)
                if lead:
                    _end_all(connection, run)
                _join(connection, who, pace)
            journal = cls(engine, place, who, seal, lead=lead, clock=clock, pace=pace)
            opened.pop_all()
        return journal

    async def get(self, key: str) -> Paid | None:
        """The answer under ``key``; None where there is none, and then the call is this session's to make. Waits
        while another session makes it.

        Raises:
            RunError: the answer is damaged or its words were dropped; the session has ended; the database fails.
        """
        row = await self._clerk.take(Order("get", key=key))
        if row is None:
            return None
        *fields, kept, sum_ = row
        if checksum(tuple(fields), kept) != sum_:
            raise RunError(
                f"{shown(self._place)}: the answer {key[:12]} of {self.who.run} is not what was written",
                hint="restore the database from a backup, or start a new run",
            )
        if kept is None:
            raise RunError(
                f"{self.who.run}: the words of this run's answers were dropped",
                hint="start a new run; journal.keep_days tells how long answers are kept",
            )
        return Paid(reply=unpack(self._seal.open(key, kept)), usd=fields[7])

    def leave(self, key: str) -> None:
        """See :class:`~preceptor.llm.journal.seam.AnyJournal`."""
        self._clerk.note(Order("leave", key=key))

    def begin(self, key: str, tag: Tag, held: Reservation, usd: float | None) -> str:
        """See :class:`~preceptor.llm.journal.seam.AnyJournal`."""
        self._number += 1
        mark = f"{self.who.session}-{self._number}"
        row = {**self._row(mark, tag), "key": key, "input": held.input, "output": held.output, "usd": usd}
        self._begun[mark] = self._clerk.take(Order("begin", mark=mark, row=row))
        return mark

    async def begun(self, mark: str) -> None:
        """See :class:`~preceptor.llm.journal.seam.AnyJournal`."""
        noted = self._begun.pop(mark, None)
        if noted is not None:
            await noted

    def end(self, mark: str) -> None:
        """See :class:`~preceptor.llm.journal.seam.AnyJournal`."""
        self._begun.pop(mark, None)
        self._clerk.note(Order("end", mark=mark))

    def put(self, key: str, paid: Paid, *, spec: str, tag: Tag, mark: str = "") -> asyncio.Future[None]:
        """See :class:`~preceptor.llm.journal.seam.AnyJournal`."""
        usage = paid.reply.usage
        counts = {
            "input": usage.input,
            "output": usage.output,
            "usd": paid.usd,
            "estimated": int(usage.estimated),
            "cached": usage.cached,
            "reasoning": usage.reasoning,
            "at": self._clock().isoformat(timespec="seconds"),
        }
        mark = mark or self._mark()
        named = {"key": key, "spec": _plain(spec), "seat": tag.seat, "phase": tag.phase, "item": _plain(tag.item)}
        kept = self._seal.close(key, pack(paid.reply))
        row = {**named, **counts, "reply": kept, "sum": checksum((*named.values(), *counts.values()), kept)}
        row |= {"run": self.who.run, "session": self.who.session, "mark": mark}
        return self._clerk.take(Order("put", key=key, mark=mark, row=row))

    def lose(self, mark: str, row: LedgerRow) -> asyncio.Future[None]:
        """See :class:`~preceptor.llm.journal.seam.AnyJournal`."""
        mark = mark or self._mark()
        self._begun.pop(mark, None)
        lost = self._row(mark, Tag(seat=row.seat, phase=row.phase, item=""))
        lost |= {"calls": row.calls, "input": row.input, "output": row.output, "usd": row.usd}
        return self._clerk.take(Order("lose", mark=mark, row=lost))

    def spent(self) -> Sequence[LedgerRow]:
        """What all answers and lost tries took, by seat and phase: of the whole run for who leads it, of its own
        for others."""
        return self.spent_of("" if self._lead else self.who.session)

    def spent_of(self, session: str) -> Sequence[LedgerRow]:
        """The same of one session; empty: of all."""
        with told(self._place), self._engine.connect() as connection:
            return spent_rows(connection, self.who.run, session)

    def fence(self, session: str) -> None:
        """Ends another session: see :func:`~preceptor.llm.journal.pg_lend.fence`."""
        with told(self._place), self._engine.begin() as connection:
            fence(connection, Who(run=self.who.run, session=session))

    def lender(self, caps: Caps) -> PostgresLender:
        """Who lends to this session from the caps of the run."""
        return PostgresLender(self, caps)

    def alone(self, work: Callable[[Connection], object]) -> asyncio.Future[Any]:
        """``work`` in a transaction of its own, after all that was told before."""
        return self._clerk.take(Order("alone", alone=work))

    def give_back(self, kept: Mapping[str, Amount]) -> None:
        """See :class:`~preceptor.llm.leases.Lender`. Nothing once closed: then nothing is lent any more."""
        self._clerk.note(Order("alone", alone=lambda c: give_back(c, self.who, kept)))

    def when_wanted(self, tell: Callable[[], None]) -> None:
        """See :class:`~preceptor.llm.leases.Lender`."""
        self._clerk.when_wanted(tell)

    def close(self) -> None:
        """Commit what is queued, end the session, close the connections. May be called twice."""
        self._clerk.close()
        self._engine.dispose()

    def __enter__(self) -> PostgresJournal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _mark(self) -> str:
        self._number += 1
        return f"{self.who.session}-{self._number}"

    def _row(self, mark: str, tag: Tag) -> dict[str, Any]:
        return {
            "run": self.who.run,
            "mark": mark,
            "session": self.who.session,
            "seat": tag.seat,
            "phase": tag.phase,
        }


class PostgresLender:
    """Lends to one session: a :class:`~preceptor.llm.leases.Lender`."""

    def __init__(self, journal: PostgresJournal, caps: Caps) -> None:
        self._journal = journal
        self._caps = caps

    async def lend(self, seat: str, keep: Amount, need: Amount) -> Amount | Refused | None:
        """See :class:`~preceptor.llm.leases.Lender`."""
        who, caps = self._journal.who, self._caps
        return await self._journal.alone(lambda c: lend(c, who, seat, keep=keep, need=need, caps=caps))

    def give_back(self, kept: Mapping[str, Amount]) -> None:
        """See :class:`~preceptor.llm.leases.Lender`."""
        self._journal.give_back(kept)

    def when_wanted(self, told: Callable[[], None]) -> None:
        """See :class:`~preceptor.llm.leases.Lender`."""
        self._journal.when_wanted(told)

    async def pause(self) -> None:
        """See :class:`~preceptor.llm.leases.Lender`."""
        await asyncio.sleep(LOOK)


def _seal(connection: Connection, run: str, passphrase: str, *, lead: bool) -> Seal:
    if lead:
        connection.execute(insert(RUNS).values(run=run).on_conflict_do_nothing())
    row = connection.execute(
        select(RUNS.c.salt, RUNS.c.proof).where(RUNS.c.run == run).with_for_update()
    ).one_or_none()
    if row is None:
        raise RunError(f"there is no journal of {run} to join", hint="start the run itself, not a worker of it")
    if not passphrase:
        if row.salt is not None:
            raise RunError(
                "the journal's answers are encrypted",
                hint="set journal.key_env to the environment variable that holds the passphrase",
            )
        return Plain()
    salt = row.salt or secrets.token_bytes(SALT_BYTES)
    seal = Encrypted(passphrase, salt)
    if row.proof is not None:
        seal.require(row.proof)
    else:
        connection.execute(update(RUNS).where(RUNS.c.run == run).values(salt=salt, proof=seal.proof()))
    return seal


def _end_all(connection: Connection, run: str) -> None:
    left = select(SESSIONS.c.session).where(SESSIONS.c.run == run, SESSIONS.c.ended == 0)
    for session in connection.execute(left).scalars().all():
        fence(connection, Who(run=run, session=session))


def _join(connection: Connection, who: Who, pace: Pace) -> None:
    row = insert(SESSIONS).values(run=who.run, session=who.session, ended=0, until=until(pace))
    made = connection.execute(row.on_conflict_do_nothing().returning(SESSIONS.c.session)).first()
    if made is None:
        raise given_up()


def _plain(name: str) -> str:
    """A name as PostgreSQL takes it: without NUL and halves of surrogate pairs."""
    return name.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
