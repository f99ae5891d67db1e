"""The whole stack over scripted models: replay, one payment for twins, caps over a resume, limits."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import BaseModel

from preceptor.core.errors import BadAnswerError, BudgetError, ModelBusyError, ModelTimeoutError
from preceptor.core.events import Event, Spent
from preceptor.core.settings import BudgetConfig, SeatConfig, SeatsConfig
from preceptor.llm import (
    ChatMessage,
    ChatReply,
    ChatRequest,
    Journal,
    Ledger,
    NullJournal,
    ScriptedModel,
    Seat,
    Seats,
    Timing,
    open_seats,
)
from preceptor.llm.limiter import Limiter
from preceptor.llm.model import ChatModel

HELLO = (ChatMessage("user", "Hello"),)


class Mood(BaseModel):
    mood: str


class Gate:
    """A model that answers when the test says so."""

    spec = "scripted:gate"

    def __init__(self) -> None:
        self.calls = 0
        self.in_flight = 0
        self.most = 0
        self.open = asyncio.Event()

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.calls += 1
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            await self.open.wait()
        finally:
            self.in_flight -= 1
        return await ScriptedModel([f"Answer {self.calls}"]).complete(request)

    async def aclose(self) -> None:
        pass


class Waits:
    def __init__(self) -> None:
        self.clock = 0.0

    async def sleep(self, seconds: float) -> None:
        self.clock += seconds

    def now(self) -> float:
        return self.clock


@asynccontextmanager
async def opened(
    model: ChatModel,
    *,
    journal: Journal | NullJournal | None = None,
    ledger: Ledger | None = None,
    events: list[Event] | None = None,
    waits: Waits | None = None,
    **settings: object,
) -> AsyncGenerator[Seats]:
    one = SeatConfig.model_validate({"model": "scripted:x", **settings})
    waits = waits or Waits()
    async with open_seats(
        SeatsConfig(student=one, teacher=one, customer=one, judge=one),
        environ={},
        factories={"scripted": lambda _: model},
        journal=journal or NullJournal(),
        ledger=ledger or Ledger(),
        emit=([] if events is None else events).append,
        timing=Timing(sleep=waits.sleep, now=waits.now, rng=random.Random(1)),
    ) as seats:
        yield seats


async def say(seat: Seat, seed: int = 1) -> str:
    return await seat.say(HELLO, seed=seed, phase="talk", item="one")


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_resumed_run_replays_everything_and_pays_nothing(tmp_path: Path) -> None:
    answers = {1: "One.", 2: '{"mood": "calm"}'}
    model = ScriptedModel(lambda request: answers[request.seed])
    for resumed in (False, True):
        events: list[Event] = []
        ledger = Ledger(BudgetConfig(calls=2))
        with Journal.open(tmp_path / "j.db") as journal:
            async with opened(model, journal=journal, ledger=ledger, events=events) as seats:
                assert await say(seats.student) == "One."
                filled = await seats.judge.fill(HELLO, Mood, seed=2, phase="rate", item="one")
        assert filled == Mood(mood="calm")
        assert len(model.requests) == 2
        assert [e.replayed for e in events if isinstance(e, Spent)] == [resumed, resumed]
        assert ledger.spent.calls == 2, "the cap holds over the resume"
        assert [(r.seat, r.calls, r.replayed) for r in ledger.table()] == [
            ("judge", 1, int(resumed)),
            ("student", 1, int(resumed)),
        ]
    with Journal.open(tmp_path / "j.db") as journal:
        async with opened(model, journal=journal, ledger=Ledger(BudgetConfig(calls=2))) as seats:
            with pytest.raises(BudgetError):
                await say(seats.student, seed=3)


async def test_bad_answers_replay_to_the_same_failure(tmp_path: Path) -> None:
    model = ScriptedModel(lambda _: "no json here")
    told: list[str] = []
    for _ in range(2):
        with Journal.open(tmp_path / "j.db") as journal:
            async with opened(model, journal=journal) as seats:
                with pytest.raises(BadAnswerError) as caught:
                    await seats.judge.fill(HELLO, Mood, seed=1, phase="rate", item="one")
                told.append(str(caught.value))
    assert told[0] == told[1]
    assert len(model.requests) == 3


async def test_twins_in_flight_are_paid_once() -> None:
    gate, ledger = Gate(), Ledger()
    async with opened(gate, ledger=ledger) as seats:
        twins = [asyncio.create_task(say(seat)) for seat in (seats.student, seats.judge, seats.student)]
        await settle()
        gate.open.set()
        assert await asyncio.gather(*twins) == ["Answer 1"] * 3
    assert gate.calls == 1
    assert ledger.spent.calls == 1


async def test_when_the_first_twin_is_cancelled_the_second_calls() -> None:
    gate = Gate()
    async with opened(gate) as seats:
        first, second = (asyncio.create_task(say(seats.student)) for _ in range(2))
        await settle()
        first.cancel()
        await settle()
        gate.open.set()
        assert await second == "Answer 2"
    assert first.cancelled()


async def test_twins_share_a_failure() -> None:
    class Busy(Gate):
        async def complete(self, request: ChatRequest) -> ChatReply:
            await super().complete(request)
            raise ModelBusyError("busy", kind="busy")

    busy = Busy()
    async with opened(busy, retries=1) as seats:
        calls = [asyncio.create_task(say(seats.student)) for _ in range(3)]
        await settle()
        busy.open.set()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(o) for o in outcomes] == [ModelBusyError] * 3
    assert busy.calls == 2


async def test_concurrency_is_bounded_by_seat() -> None:
    gate = Gate()
    async with opened(gate, concurrency=3) as seats:
        calls = [asyncio.create_task(say(seats.student, seed)) for seed in range(10)]
        await settle()
        assert gate.most == 3
        gate.open.set()
        await asyncio.gather(*calls)
    assert gate.most == 3


async def test_calls_a_minute_are_spaced_evenly() -> None:
    waits = Waits()
    limiter = Limiter(8, 30, now=waits.now, sleep=waits.sleep)
    times = []
    for _ in range(4):
        await limiter.turn()
        times.append(waits.now())
    assert times == [0.0, 2.0, 4.0, 6.0]
    limiter.pause(100)
    await limiter.turn()
    assert waits.now() == 106.0


async def test_a_lost_try_counts_at_its_worst_and_its_retry_is_reserved_anew(tmp_path: Path) -> None:
    events: list[Event] = []
    script = [ModelTimeoutError("late", kind="timeout"), "Done."]
    ledger = Ledger()
    with Journal.open(tmp_path / "j.db") as journal:
        async with opened(
            ScriptedModel(script), journal=journal, ledger=ledger, events=events, max_tokens=50
        ) as seats:
            assert await say(seats.student) == "Done."
        again = Ledger()
        again.restore(journal.spent())
    (row,) = ledger.table()
    assert (row.calls, row.failed) == (1, 1)
    assert row.output > 50
    assert (
        ledger.spent.tokens
        == again.spent.tokens
        == sum(e.input_tokens + e.output_tokens for e in events if isinstance(e, Spent))
    )
    tight = Ledger(BudgetConfig(tokens=120))
    always_late = ScriptedModel(lambda _: ModelTimeoutError("late", kind="timeout"))
    async with opened(always_late, ledger=tight, max_tokens=50) as seats:
        with pytest.raises(BudgetError):
            await say(seats.student)
    assert tight.spent.tokens <= 120


async def test_other_failures_release_what_they_reserved() -> None:
    ledger = Ledger(BudgetConfig(calls=1))
    model = ScriptedModel([ValueError("a bug"), ModelBusyError("x", kind="other"), "Fine."])
    async with opened(model, ledger=ledger) as seats:
        with pytest.raises(ValueError, match="a bug"):
            await say(seats.student)
        with pytest.raises(ModelBusyError):
            await say(seats.student)
        assert await say(seats.student) == "Fine."


async def test_seats_close_what_they_opened() -> None:
    model = ScriptedModel(["Hi."])
    async with opened(model) as seats:
        await say(seats.student)
        assert "Seat(name='student'" in repr(seats)
    assert model.closed


def test_importing_the_room_loads_nothing_heavy() -> None:
    script = (
        "import sys, preceptor.llm\n"
        "heavy = {'aiohttp', 'pydantic_ai', 'genai_prices', 'sqlite3', 'openai', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "missing = [n for n in preceptor.llm.__all__ if not hasattr(preceptor.llm, n)]\n"
        "assert not missing, missing\n"
        "assert not {'aiohttp', 'pydantic_ai', 'genai_prices', 'openai'} & set(sys.modules)\n"
        "assert preceptor.llm.__all__ == sorted(preceptor.llm.__all__)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
