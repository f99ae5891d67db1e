"""Random schedules of workers that share a cap, call a server that fails, and die; and what must hold after each.

Shared by the property test and by ``python -m bench.money --workers``. A worker is a session of the journal with a
ledger and seats of its own; its death is the end of all its tasks with what it had not yet told the database.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from sqlalchemy import create_engine, text
from tests.money_schedules import MOST_OUT, Flaky, Server

from preceptor.core.errors import BudgetError, PreceptorError
from preceptor.core.events import ignore
from preceptor.core.settings import BudgetConfig, SeatConfig, SeatsConfig
from preceptor.llm import ChatMessage, ChatReply, ChatRequest, Ledger, Seats, Timing, open_seats
from preceptor.llm.journal.pg import PostgresJournal
from preceptor.llm.journal.pg_clerk import Pace
from preceptor.llm.journal.pg_lend import Caps
from preceptor.llm.tokens import most_input

PACE = Pace(beat=0.02, lease=30.0)


@dataclass
class Schedule:
    """One experiment."""

    seed: int
    workers: int
    calls: int
    retries: int
    budget: BudgetConfig
    deaths: tuple[int, ...]
    """After how many calls that arrive at the server a worker dies, which one is drawn."""


@dataclass
class Outcome:
    """What came of it."""

    server_tokens: int
    server_answered: int
    rows_tokens: int
    rows_calls: int
    lost: int
    estimated: bool
    counters_tokens: int
    """What leases say was spent."""
    usd: float
    over_budget: bool
    died: int


@dataclass
class _Worker:
    journal: PostgresJournal
    ledger: Ledger
    seats: Seats
    stack: AsyncExitStack
    tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])


class _Counting(Flaky):
    """Tells when a call arrives."""

    def __init__(self, server: Server, arrived: asyncio.Queue[int]) -> None:
        super().__init__(server)
        self._arrived = arrived

    async def complete(self, request: ChatRequest) -> ChatReply:
        self._arrived.put_nowait(request.seed)
        return await super().complete(request)


def die(journal: PostgresJournal) -> None:
    """What ``kill -9`` leaves of a session: what it had not told the database yet is gone."""
    clerk = journal._clerk
    clerk._leave = lambda: None
    clerk._open = False
    while not clerk._queue.empty():
        clerk._queue.get()
    clerk._queue.put(None)
    clerk._thread.join()
    journal._engine.dispose()


def random_schedule(rng: random.Random) -> Schedule:
    """A schedule of any kind."""
    worst = most_input(ChatRequest(messages=(ChatMessage("user", "please " * 7),), seed=1, max_tokens=1)) + MOST_OUT
    kind = rng.randrange(4)
    return Schedule(
        seed=rng.randrange(2**31),
        workers=rng.randrange(1, 5),
        calls=rng.randrange(4, 40),
        retries=rng.randrange(3),
        budget=BudgetConfig(
            tokens=rng.randrange(0, 20 * worst) if kind == 1 else None,
            calls=rng.randrange(0, 30) if kind == 2 else None,
            usd=rng.random() * 0.01 if kind == 3 else None,
        ),
        deaths=tuple(sorted(rng.randrange(1, 15) for _ in range(rng.randrange(4)))),
    )


async def run(schedule: Schedule, place: str, name: str) -> Outcome:
    """Carries the schedule out, on a journal of its own in the database."""
    rng = random.Random(schedule.seed)
    server = Server(rng)
    arrived: asyncio.Queue[int] = asyncio.Queue()
    over: list[bool] = []
    died = 0
    left = list(range(schedule.calls))
    with PostgresJournal.open(place, name, pace=PACE) as lead:
        workers = [await _started(schedule, place, name, f"w{n}", server, arrived) for n in range(schedule.workers)]
        hands = [asyncio.create_task(_hand(w, left, over)) for w in workers for _ in range(4)]
        for worker, hand in zip([w for w in workers for _ in range(4)], hands, strict=True):
            worker.tasks.add(hand)
        seen = 0
        for death in schedule.deaths:
            waiting = asyncio.create_task(_arrivals(arrived, death - seen))
            everyone = asyncio.gather(*hands, return_exceptions=True)
            await asyncio.wait((waiting, everyone), return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                waiting.cancel()
                break
            seen = death
            one = rng.choice(workers)
            workers.remove(one)
            died += 1
            die(one.journal)
            for task in one.tasks:
                task.cancel()
            await asyncio.gather(*one.tasks, return_exceptions=True)
            await one.stack.aclose()
            lead.fence(one.journal.who.session)
            new = await _started(schedule, place, name, f"x{died}", server, arrived)
            workers.append(new)
            new.tasks = {asyncio.create_task(_hand(new, left, over)) for _ in range(4)}
            hands += new.tasks
        await asyncio.gather(*hands, return_exceptions=True)
        for worker in workers:
            await worker.stack.aclose()
            worker.journal.close()
        rows = lead.spent()
    return Outcome(
        server_tokens=server.tokens,
        server_answered=server.answered,
        rows_tokens=sum(r.input + r.output for r in rows),
        rows_calls=sum(r.calls for r in rows),
        lost=sum(r.lost for r in rows),
        estimated=any(r.estimated for r in rows),
        counters_tokens=_counters(place, name),
        usd=sum(r.usd or 0.0 for r in rows),
        over_budget=any(over),
        died=died,
    )


def check(schedule: Schedule, found: Outcome) -> None:
    """The promises."""
    budget = schedule.budget
    if budget.tokens is not None:
        assert found.rows_tokens <= budget.tokens, "the cap was passed by our count"
        assert found.server_tokens <= budget.tokens, "the cap was passed by the server's count"
    if budget.calls is not None:
        assert found.rows_calls <= budget.calls, "the cap was passed"
    if budget.usd is not None:
        assert found.usd <= budget.usd + 1e-8, "the cap was passed"
    assert found.rows_tokens >= found.server_tokens, "the server did work that nobody accounts for"
    assert found.counters_tokens == found.rows_tokens, "leases and journal tell the same"
    if not found.estimated:
        assert found.rows_tokens == found.server_tokens, "nothing estimated: the counts are the same"
    if not found.died:
        assert found.rows_calls == found.server_answered, "every answer that was paid for is there"


async def _arrivals(arrived: asyncio.Queue[int], count: int) -> None:
    for _ in range(count):
        await arrived.get()


async def _started(
    schedule: Schedule, place: str, name: str, session: str, server: Server, arrived: asyncio.Queue[int]
) -> _Worker:
    journal = PostgresJournal.open(place, name, session=session, lead=False, pace=PACE)
    price = {"price_input": 10.0, "price_output": 40.0} if schedule.budget.usd is not None else {}
    one = SeatConfig(model="scripted:x", max_tokens=MOST_OUT, retries=schedule.retries, **price)
    ledger = Ledger(schedule.budget, lender=journal.lender(Caps(total=schedule.budget)))

    async def sleep(seconds: float) -> None:
        del seconds
        await asyncio.sleep(0)

    stack = AsyncExitStack()
    seats = await stack.enter_async_context(
        open_seats(
            SeatsConfig(student=one, teacher=one, customer=one, judge=one),
            environ={},
            factories={"scripted": lambda _: _Counting(server, arrived)},
            journal=journal,
            ledger=ledger,
            emit=ignore,
            timing=Timing(sleep=sleep, rng=random.Random(schedule.seed)),
        )
    )
    return _Worker(journal, ledger, seats, stack)


async def _hand(worker: _Worker, left: list[int], over: list[bool]) -> None:
    """Takes one call after the other; one that its worker did not end is put back when that dies."""
    while left:
        number = left.pop(0)
        seat = getattr(worker.seats, ("student", "teacher", "judge")[number % 3])
        messages = (ChatMessage("user", "please " * (1 + number // 2 % 7)),)
        try:
            await seat.say(messages, seed=number // 2, phase=f"p{number % 2}", item=str(number))
        except BudgetError:
            over.append(True)
        except PreceptorError:
            continue
        except asyncio.CancelledError:
            left.append(number)
            raise


def _counters(place: str, name: str) -> int:
    engine = create_engine(place)
    with engine.connect() as connection:
        query = text("SELECT coalesce(sum(spent_tokens), 0) FROM journal_leases WHERE run = :run")
        found = connection.execute(query, {"run": name}).scalar_one()
    engine.dispose()
    return int(found)
