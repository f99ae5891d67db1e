"""Ctrl-C: at first no new calls and the end of those under way; a second one at once."""

from __future__ import annotations

import asyncio
import signal

import pytest

from preceptor.core.errors import StoppedError
from preceptor.core.settings import BudgetConfig
from preceptor.llm import Ledger
from preceptor.llm.calls import Tag
from preceptor.llm.model import ChatMessage, ChatRequest, Usage
from preceptor.project.stopping import Stop, run

REQUEST = ChatRequest(messages=(ChatMessage("user", "hello"),), seed=1, max_tokens=10)
TAG = Tag(seat="student", phase="probe", item="x")


async def call(ledger: Ledger, answer: asyncio.Future[None] | None = None) -> None:
    reservation = await ledger.reserve("student", REQUEST, None)
    if answer is not None:
        await answer
    ledger.settle(TAG, reservation, Usage(input=1, output=1), None)


async def test_calls_under_way_end_and_no_new_one_begins():
    ledger, stop = Ledger(), Stop()
    stop.when(ledger.stop)
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        await call(ledger, answer)
        await call(ledger)

    task = asyncio.ensure_future(work())
    await asyncio.sleep(0)
    stop.request()
    await asyncio.sleep(0)
    assert not task.done()
    answer.set_result(None)
    with pytest.raises(StoppedError):
        await task
    assert ledger.spent.calls == 1


async def test_a_call_that_waits_for_room_under_the_cap_is_stopped_too():
    ledger = Ledger(BudgetConfig(calls=1))
    reservation = await ledger.reserve("student", REQUEST, None)
    waiting = asyncio.ensure_future(ledger.reserve("student", REQUEST, None))
    await asyncio.sleep(0)
    ledger.stop()
    with pytest.raises(StoppedError):
        await waiting
    ledger.release(reservation)


async def test_a_request_made_before_anyone_registered_still_counts():
    ledger, stop = Ledger(), Stop()
    stop.request()
    stop.when(ledger.stop)
    with pytest.raises(StoppedError):
        await call(ledger)


def test_the_first_interrupt_asks_and_tells():
    told: list[str] = []

    async def work(stop: Stop) -> bool:
        signal.raise_signal(signal.SIGINT)
        asked: asyncio.Event = asyncio.Event()
        stop.when(asked.set)
        await asked.wait()
        return stop.requested

    assert run(work, lambda: told.append("stopping")) is True
    assert told == ["stopping"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_interrupt_ends_at_once():
    told: list[str] = []

    async def work(stop: Stop) -> None:
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(0)
        await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        run(work, lambda: told.append("stopping"))
    assert told == ["stopping"]
