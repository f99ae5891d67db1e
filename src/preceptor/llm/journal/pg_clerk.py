"""The one thread of a process that writes into a journal on PostgreSQL: it commits together what has queued up."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from sqlalchemy import Connection, Engine, func, update
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from preceptor.core.errors import RunError
from preceptor.core.untrusted import one_line
from preceptor.llm.journal.pg_batch import Order, carry_out, given_up, stale_claims
from preceptor.llm.journal.pg_lend import Who, fence, is_wanted
from preceptor.llm.journal.pg_schema import SESSIONS, broken

LOOK = 0.02
"""Seconds between two looks for what another process is getting or holds."""
_MOST = 500
"""Orders in one transaction at most."""
_AGAIN = (0.2, 1.0, 3.0)
"""Seconds to wait before a transaction is tried again on a new connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a session tells that it lives."""

    beat: float = 2.0
    """Seconds between two signs of life."""
    lease: float = 90.0
    """Seconds without one after which others may end the session."""


class Clerk:
    """Takes orders on the event loop, carries them out in a thread of its own."""

    def __init__(self, engine: Engine, place: str, who: Who, pace: Pace) -> None:
        self.who = who
        self._engine = engine
        self._place = place
        self._pace = pace
        self._wanted: list[tuple[asyncio.AbstractEventLoop, Callable[[], None]]] = []
        self._queue: SimpleQueue[Order | None] = SimpleQueue()
        self._in_hand: list[Order] = []
        """Taken from the queue and not done yet."""
        self._held_back: list[Order] = []
        self._open = True
        self._thread = threading.Thread(target=self._main, name="journal", daemon=True)
        self._thread.start()

    def take(self, order: Order) -> asyncio.Future[Any]:
        """Queue an order; the future is done when it is carried out. RunError where the journal is closed."""
        if not self._open:
            raise RunError(f"{self.who.run}: the journal is closed", hint="open the run again")
        order.loop = asyncio.get_running_loop()
        order.done = order.loop.create_future()
        order.done.add_done_callback(_heard)
        self._queue.put(order)
        return order.done

    def note(self, order: Order) -> None:
        """Queue an order that nobody waits for."""
        if self._open:
            self._queue.put(order)

    def when_wanted(self, tell: Callable[[], None]) -> None:
        """``tell`` is called on the running event loop when others want what this session holds."""
        self._wanted.append((asyncio.get_running_loop(), tell))

    def close(self) -> None:
        """Carry out what is queued and end the session. May be called twice."""
        if self._open:
            self._open = False
            self._queue.put(None)
            self._thread.join()

    # From here on in the thread.

    def _main(self) -> None:
        try:
            self._work()
            self._leave()
        finally:
            self._open = False
            left = [*self._in_hand, *self._held_back]
            while not self._queue.empty():
                order = self._queue.get_nowait()
                left += [order] if order is not None else []
            _tell([(o, RunError(f"{self.who.run}: the journal is closed", hint="resume the run")) for o in left])

    def _work(self) -> None:
        waiting: list[Order] = []
        beat = time.monotonic() + self._pace.beat
        last = False
        while not last or self._held_back:
            batch, last = self._next(waiting, beat, last)
            if time.monotonic() >= beat:
                self._beat()
                beat = time.monotonic() + self._pace.beat
            if last:
                _tell([(o, given_up()) for o in waiting])
                waiting = self._in_hand = []
            if batch or waiting:
                self._in_hand = [*waiting, *batch]
                waiting = self._commit(self._in_hand)
                self._in_hand = list(waiting)

    def _next(self, waiting: Sequence[Order], beat: float, last: bool) -> tuple[list[Order], bool]:
        """What is to be done together: all that is queued, up to what must not stand in the same transaction."""
        batch, self._held_back = self._held_back, []
        timeout = LOOK if waiting else max(0.0, beat - time.monotonic())
        left = {o.key for o in batch if o.kind == "leave"}
        while len(batch) < _MOST and not last:
            try:
                order = self._queue.get_nowait() if batch else self._queue.get(timeout=timeout)
            except Empty:
                break
            if order is None:
                last = True
            elif order.kind == "alone" or (order.kind == "get" and order.key in left):
                self._held_back.append(order)
                if batch or order.kind == "get":
                    break
                batch, self._held_back = [order], []
                break
            else:
                batch.append(order)
                if order.kind == "leave":
                    left.add(order.key)
        return batch, last

    def _commit(self, batch: list[Order]) -> list[Order]:
        """Does the batch and tells; returns what is to be looked at again."""
        alone = [o for o in batch if o.kind == "alone"]
        together = [o for o in batch if o.kind != "alone"]
        waiting: list[Order] = []
        try:
            if together:
                found = self._tried(lambda c: carry_out(c, self.who, together))
                waiting = found.waiting
                slow = {id(o) for o in waiting}
                _tell([(o, found.results.get(n)) for n, o in enumerate(together) if id(o) not in slow])
                self._end_stale(waiting)
        except RunError as error:
            waiting = []
            _tell([(o, error) for o in together])
        for order in alone:
            work = order.alone
            assert work is not None
            try:
                _tell([(order, self._tried(work))])
            except RunError as error:
                _tell([(order, error)])
        return waiting

    def _tried(self, work: Callable[[Connection], Any]) -> Any:
        """``work`` in a transaction; tried again where the connection broke: a server that starts anew is no reason
        to lose an answer. What was committed although nobody heard it is recognised by its marks."""
        for pause in (*_AGAIN, None):
            try:
                with self._engine.begin() as connection:
                    return work(connection)
            except OperationalError as error:
                if pause is None:
                    raise broken(self._place, one_line(str(error.orig), 300)) from error
                time.sleep(pause)
            except SQLAlchemyError as error:
                raise broken(self._place, one_line(str(error), 300)) from error
        raise AssertionError("the loop returns or raises")

    def _end_stale(self, waiting: Sequence[Order]) -> None:
        if not waiting:
            return

        def work(connection: Connection) -> None:
            for session in stale_claims(connection, self.who, [o.key for o in waiting]):
                fence(connection, Who(run=self.who.run, session=session))

        self._tried(work)

    def _beat(self) -> None:
        def work(connection: Connection) -> bool:
            mine = (SESSIONS.c.run == self.who.run) & (SESSIONS.c.session == self.who.session)
            connection.execute(update(SESSIONS).where(mine, SESSIONS.c.ended == 0).values(until=until(self._pace)))
            return is_wanted(connection, self.who)

        try:
            wanted = self._tried(work)
        except RunError:
            return  # the next order meets it, and whoever gave it is told
        if wanted:
            for loop, tell in self._wanted:
                if not loop.is_closed():
                    loop.call_soon_threadsafe(tell)

    def _leave(self) -> None:
        try:
            self._tried(lambda c: fence(c, self.who))
        except RunError:
            return  # the next who leads the run ends it


def until(pace: Pace) -> Any:
    """When a session that is heard of now may be ended."""
    return func.now() + func.make_interval(0, 0, 0, 0, 0, 0, pace.lease)


def _tell(told: Sequence[tuple[Order, object]]) -> None:
    """Wakes who waits, with one wake-up for each event loop (in practice: one)."""
    for loop in {o.loop for o, _ in told if o.loop is not None}:
        mine = [(o.done, result) for o, result in told if o.loop is loop and o.done is not None]
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, mine)


def _resolve(told: Sequence[tuple[asyncio.Future[Any], object]]) -> None:
    for done, result in told:
        if done.done():
            continue
        if isinstance(result, RunError):
            done.set_exception(result)
        else:
            done.set_result(result)


def _heard(done: asyncio.Future[Any]) -> None:
    """An order that nobody awaits may fail without a complaint of asyncio's: the next one is heard."""
    if not done.cancelled():
        done.exception()
