"""Ctrl-C: at first no new calls and the end of those under way; a second one at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from preceptor.core.errors import StoppedError
from preceptor.llm.calls import Tag
from preceptor.llm.model import ChatMessage, ChatRequest, Usage
from preceptor.project.stopping import Stop, StoppableLedger, run, until_stopped

REQUEST = ChatRequest(messages=(ChatMessage("user", "hello"),), seed=1, max_tokens=10)
TAG = Tag(seat="student", phase="probe", item="x")


async def at_once() -> None:
    return


async def call(ledger: StoppableLedger, answer: Callable[[], Awaitable[Any]]) -> None:
    reservation = await ledger.reserve("student", REQUEST, None)
    await answer()
    ledger.settle(TAG, reservation, Usage(input=1, output=1), None)


async def test_calls_under_way_end_and_no_new_one_begins():
    ledger, stop = StoppableLedger(), Stop()
    begun = asyncio.Event()
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def slow() -> None:
        begun.set()
        await answer

    made: list[str] = []

    async def work() -> None:
        await call(ledger, slow)
        made.append("first")
        await call(ledger, at_once)
        made.append("second")

    task = asyncio.ensure_future(until_stopped(work(), ledger, stop))
    await begun.wait()
    stop.request()
    await asyncio.sleep(0)
    assert not task.done()
    answer.set_result(None)
    with pytest.raises(StoppedError):
        await task
    assert made == ["first"]
    assert ledger.spent.calls == 1


async def test_with_no_call_under_way_it_ends_at_once():
    ledger, stop = StoppableLedger(), Stop()
    stop.request()
    with pytest.raises(StoppedError):
        await until_stopped(call(ledger, at_once), ledger, stop)
    assert ledger.spent.calls == 0


async def test_work_that_ends_anyway_gives_its_result():
    ledger = StoppableLedger()

    async def work() -> int:
        await call(ledger, at_once)
        return 7

    assert await until_stopped(work(), ledger, Stop()) == 7


async def test_a_cancelled_task_is_cancelled_not_stopped():
    ledger, stop = StoppableLedger(), Stop()
    task = asyncio.ensure_future(until_stopped(asyncio.Event().wait(), ledger, stop))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def interrupting(times: int) -> Callable[[Stop], Any]:
    async def work(stop: Stop) -> None:
        ledger = StoppableLedger()

        async def forever() -> None:
            await call(ledger, interrupted)

        async def interrupted() -> None:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
                await asyncio.sleep(0)
            await asyncio.Event().wait() if times > 1 else None

        await until_stopped(forever(), ledger, stop)
        await ledger.reserve("student", REQUEST, None)

    return work


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
    with pytest.raises(KeyboardInterrupt):
        run(interrupting(2), lambda: told.append("stopping"))
    assert told == ["stopping"]
