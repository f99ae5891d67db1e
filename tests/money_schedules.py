"""Random schedules of calls, faults, retries and crashes, and what must hold after each.

Shared by the property test and by ``python -m bench money``. A server keeps its own count of the work it did,
whether or not its answer arrived. A crash is the disk as it stood at
a moment in the middle of things (what ``kill -9`` leaves), on which the next process begins.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from preceptor.core.errors import BudgetError, ModelBusyError, ModelError, ModelTimeoutError
from preceptor.core.events import ignore
from preceptor.core.settings import BudgetConfig, SeatConfig, SeatsConfig
from preceptor.llm import ChatMessage, ChatReply, ChatRequest, Journal, Ledger, Timing, Usage, open_seats
from preceptor.llm.tokens import estimate_tokens, estimated_usage, most_input

FAULTS = ("ok", "ok", "ok", "no usage", "busy", "timeout", "cut", "bad envelope", "refused")
MOST_OUT = 16


class CrashError(BaseException):
    """The process is gone."""


@dataclass
class Schedule:
    """One experiment."""

    seed: int
    calls: int
    concurrency: int
    retries: int
    cap_tokens: int | None
    cap_calls: int | None
    cap_usd: float | None
    crashes: tuple[int, ...]
    """After how many calls that arrive at the server each process dies."""
    hedge: bool = False


@dataclass
class Server:
    """The provider: what it did, by its own count."""

    rng: random.Random
    answered: int = 0
    tokens: int = 0
    """All work done, answered or lost on the way."""
    told: int = 0
    """Tokens of answers that arrived with their usage."""
    untold: int = 0
    """Tokens of answers that arrived without, by the server's own count."""
    arrived: dict[int, int] = field(default_factory=dict)
    """Calls by seed, as they arrive."""
    until_crash: int = 10**9
    frozen: bool = False
    crash: asyncio.Event = field(default_factory=asyncio.Event)


class Flaky:
    """A model on that server."""

    spec = "scripted:flaky"

    def __init__(self, server: Server) -> None:
        self._server = server

    async def complete(self, request: ChatRequest) -> ChatReply:
        server = self._server
        server.arrived[request.seed] = server.arrived.get(request.seed, 0) + 1
        fault = server.rng.choice(FAULTS)
        for _ in range(server.rng.randrange(3)):
            await asyncio.sleep(0)
        server.until_crash -= 1
        if server.until_crash == 0:
            server.crash.set()
        if server.frozen or server.crash.is_set():
            await asyncio.Event().wait()
        if fault in ("busy", "refused"):
            raise ModelBusyError(fault, kind="busy") if fault == "busy" else ModelError(fault, kind="rejected")
        sent = sum(estimate_tokens(m.content) for m in request.messages)
        text = "word " * server.rng.randrange(1, 12)
        got = min(estimate_tokens(text), request.max_tokens)
        server.tokens += sent + got
        if fault == "timeout":
            raise ModelTimeoutError(fault, kind="timeout")
        if fault in ("cut", "bad envelope"):
            raise ModelBusyError(fault, kind="cut" if fault == "cut" else "bad-envelope")
        server.answered += 1
        if fault == "no usage":
            server.untold += sent + got
            usage = estimated_usage(request, text)
        else:
            server.told += sent + got
            usage = Usage(input=sent, output=got)
        return ChatReply(text=text, finish="stop", usage=usage, model="flaky")

    async def aclose(self) -> None:
        return None


@dataclass
class Outcome:
    """What must hold, found out."""

    ledger_tokens: int
    journal_told: int
    server_tokens: int
    server_told: int
    estimated: int
    over_budget: bool
    asked_again: int
    """Calls that had been answered into the journal when they were asked once more."""


def run(schedule: Schedule, folder: Path) -> Outcome:
    """Carries the schedule out, process after process."""
    server = Server(random.Random(schedule.seed))
    known: set[int] = set()
    asked_again = 0
    over = False
    path = folder / "0" / "journal.db"
    path.parent.mkdir()
    for number, crash in enumerate((*schedule.crashes, 10**9), 1):
        server.until_crash, server.crash = crash, asyncio.Event()
        server.arrived = {}
        over = asyncio.run(_process(schedule, server, path, folder / str(number)))
        asked_again += len(known & server.arrived.keys())
        if server.crash.is_set():
            path = folder / str(number) / "journal.db"
        known = _answered(path)
    with Journal.open(path) as journal:
        rows = journal.spent()
    return Outcome(
        ledger_tokens=sum(r.input + r.output for r in rows),
        journal_told=_told(path),
        server_tokens=server.tokens,
        server_told=server.told,
        estimated=sum(r.lost for r in rows) + sum(1 for r in rows if r.estimated),
        over_budget=over,
        asked_again=asked_again,
    )


async def _process(schedule: Schedule, server: Server, path: Path, after: Path) -> bool:
    """One process from its start to its end or its death; True where the cap ended it."""
    one = SeatConfig(
        model="scripted:x",
        max_tokens=MOST_OUT,
        retries=schedule.retries,
        concurrency=schedule.concurrency,
        hedge=1e-9 if schedule.hedge else None,
    )
    config = SeatsConfig(student=one, teacher=one, customer=one, judge=one)
    budget = BudgetConfig(tokens=schedule.cap_tokens, calls=schedule.cap_calls, usd=schedule.cap_usd)
    priced = one.model_copy(update={"price_input": 10.0, "price_output": 40.0})
    if schedule.cap_usd is not None:
        config = SeatsConfig(student=priced, teacher=priced, customer=priced, judge=priced)
    ledger = Ledger(budget)
    journal = Journal.open(path)
    over = False
    clock = [0.0]

    async def sleep(seconds: float) -> None:
        clock[0] += seconds
        await asyncio.sleep(0)

    async def one_call(seats: object, number: int) -> None:
        nonlocal over
        seat = getattr(seats, ("student", "teacher", "judge")[number % 3])
        messages = (ChatMessage("user", "please " * (1 + number // 2 % 7)),)
        try:
            await seat.say(messages, seed=number // 2, phase=f"p{number % 2}", item=str(number))
        except BudgetError:
            over = True
        except ModelError:
            pass
        held = ledger.spent.plus(ledger.reserved)
        assert budget.tokens is None or held.tokens <= budget.tokens, held
        assert budget.calls is None or held.calls <= budget.calls, held
        assert budget.usd is None or held.usd <= budget.usd + 1e-8, held

    async with open_seats(
        config,
        environ={},
        factories={"scripted": lambda _: Flaky(server)},
        journal=journal,
        ledger=ledger,
        emit=ignore,
        timing=Timing(sleep=sleep, now=lambda: clock[0], rng=random.Random(schedule.seed)),
    ) as seats:
        work = asyncio.gather(*(one_call(seats, n) for n in range(schedule.calls)))
        death = asyncio.ensure_future(server.crash.wait())
        await asyncio.wait((work, death), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            server.frozen = True
            _copy(path, after / path.name)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            server.frozen = False
        else:
            work.result()
        death.cancel()
    journal.close()
    return over


def _copy(path: Path, target: Path) -> None:
    """The files as a kill at this moment would leave them. What is written first is copied last."""
    target.parent.mkdir(exist_ok=True)
    for suffix in ("-begun", "", "-wal"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            shutil.copyfile(source, target.with_name(target.name + suffix))


def _rows(path: Path) -> list[tuple[int, int, int, str]]:
    import sqlite3  # noqa: PLC0415

    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT input, output, estimated, item FROM answers").fetchall()
    finally:
        connection.close()


def _told(path: Path) -> int:
    return sum(i + o for i, o, estimated, _ in _rows(path) if not estimated)


def _answered(path: Path) -> set[int]:
    """Seeds of the calls whose answers the journal holds (both phases share a call)."""
    return {int(item) // 2 for _, _, _, item in _rows(path) if item.isdigit()} if path.exists() else set()


def random_schedule(rng: random.Random) -> Schedule:
    """A schedule of any kind."""
    worst = most_input(ChatRequest(messages=(ChatMessage("user", "please " * 7),), seed=1, max_tokens=1)) + MOST_OUT
    kind = rng.randrange(4)
    calls = rng.randrange(4, 40)
    return Schedule(
        seed=rng.randrange(2**31),
        calls=calls,
        concurrency=rng.choice((1, 2, 4, 16)),
        retries=rng.randrange(3),
        cap_tokens=rng.randrange(0, 20 * worst) if kind == 1 else None,
        cap_calls=rng.randrange(0, 30) if kind == 2 else None,
        cap_usd=rng.random() * 0.01 if kind == 3 else None,
        crashes=tuple(rng.randrange(1, 20) for _ in range(rng.randrange(3))),
        hedge=rng.random() < 0.15,
    )


def check(schedule: Schedule, found: Outcome) -> None:
    """The promises."""
    if schedule.cap_tokens is not None:
        assert found.ledger_tokens <= schedule.cap_tokens, "the cap was passed by our count"
        assert found.server_tokens <= schedule.cap_tokens, "the cap was passed by the server's count"
    assert found.ledger_tokens >= found.server_tokens, "the server did work that nobody accounts for"
    if not schedule.crashes and not schedule.hedge:
        assert found.journal_told == found.server_told, "an answer with its usage counts to the token"
    assert found.journal_told <= found.server_told
    if not found.estimated:
        assert found.ledger_tokens == found.server_tokens, "nothing estimated: the counts are the same"
    if not schedule.hedge:
        assert found.asked_again == 0, "an answered call was made again"
