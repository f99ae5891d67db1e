import asyncio

import pytest

from preceptor.core.errors import BudgetError
from preceptor.core.pool import run_all


async def test_results_come_in_the_items_order_whatever_finishes_first():
    first_may_end = asyncio.Event()

    async def work(n: int) -> int:
        if n == 0:
            await first_may_end.wait()
        if n == 2:
            first_may_end.set()
        return n * 10

    assert await run_all([0, 1, 2], work, concurrency=3) == [0, 10, 20]


async def test_never_more_than_concurrency_at_once():
    now = peak = 0

    async def work(n: int) -> None:
        nonlocal now, peak
        now += 1
        peak = max(peak, now)
        await asyncio.sleep(0)
        now -= 1

    await run_all(list(range(20)), work, concurrency=3)
    assert peak == 3


async def test_an_error_that_ends_the_run_begins_nothing_new_and_lets_the_rest_finish():
    begun: list[int] = []
    finished: list[int] = []
    release = asyncio.Event()

    async def work(n: int) -> None:
        begun.append(n)
        if n == 1:
            release.set()
            raise BudgetError("cap")
        await release.wait()
        await asyncio.sleep(0)
        finished.append(n)

    with pytest.raises(BudgetError):
        await run_all(list(range(10)), work, concurrency=2)
    assert begun == [0, 1]
    assert finished == [0]
