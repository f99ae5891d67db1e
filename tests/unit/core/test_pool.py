import asyncio

import pytest

from preceptor.core.errors import BudgetError
from preceptor.core.pool import Pool, run_all


class Busy:
    """Work that counts how much of it goes on at once."""

    def __init__(self) -> None:
        self.now = self.peak = 0

    async def work(self, _: int) -> None:
        self.now += 1
        self.peak = max(self.peak, self.now)
        await asyncio.sleep(0)
        self.now -= 1


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
    busy = Busy()
    await run_all(list(range(20)), busy.work, concurrency=3)
    assert busy.peak == 3


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


async def test_of_several_errors_the_first_items_is_raised_whatever_the_clock_says():
    late = asyncio.Event()

    async def work(n: int) -> None:
        if n == 0:
            await late.wait()
        late.set()
        raise BudgetError(f"cap {n}")

    with pytest.raises(BudgetError, match="cap 0") as caught:
        await run_all(list(range(9)), work, concurrency=3)
    assert caught.value.__cause__ is None
    assert await run_all([], work, concurrency=3) == []


async def noted(to: list[str], name: str) -> None:
    to.append(name)
    await asyncio.sleep(0)


async def test_a_pool_does_what_comes_up_while_it_works_and_what_is_urgent_first():
    order: list[str] = []
    async with Pool(1) as pool:
        for n in range(3):
            pool.add(lambda n=n: noted(order, f"other-{n}"))

        async def double(n: int) -> int:
            await noted(order, f"urgent-{n}")
            pool.add(lambda: noted(order, f"late-{n}"))
            return 2 * n

        assert await pool.each([1, 2], double) == [2, 4]
        assert await pool.each([], double) == []
    # The first was begun before anything urgent was there.
    assert order == ["other-0", "urgent-1", "urgent-2", "other-1", "other-2", "late-1", "late-2"]


async def test_a_pool_never_does_more_at_once_than_it_may():
    busy = Busy()
    async with Pool(3) as pool:
        for n in range(10):
            pool.add(lambda n=n: busy.work(n))
        await pool.each(list(range(10)), busy.work)
    assert (busy.peak, busy.now) == (3, 0)


@pytest.mark.parametrize("where", ["urgent", "other", "body"])
async def test_an_error_in_a_pool_begins_nothing_new_and_lets_the_rest_finish(where: str):
    begun: list[str] = []
    finished: list[str] = []
    release = asyncio.Event()

    async def slow() -> None:
        begun.append("slow")
        await release.wait()
        finished.append("slow")

    async def bad(_: int) -> None:
        begun.append("bad")
        pool.add(lambda: noted(begun, "never"))
        release.set()
        raise BudgetError("cap")

    pool = Pool(1 if where == "body" else 2)

    async def pooled() -> None:
        async with pool:
            pool.add(slow)
            if where == "body":
                await asyncio.sleep(0)
                await bad(0)
            if where == "other":
                pool.add(lambda: bad(0))
            await pool.each([1, 2, 3], bad)

    with pytest.raises(BudgetError, match="cap"):
        await pooled()
    assert begun == ["slow", "bad"]
    assert finished == ["slow"]


async def test_a_pool_that_has_met_an_error_takes_nothing_more():
    seen: list[int] = []

    async def never(n: int) -> None:
        seen.append(n)

    async def fails() -> None:
        raise BudgetError("cap")

    async def pooled() -> None:
        async with Pool(1) as pool:
            pool.add(fails)
            await asyncio.sleep(0)
            await pool.each([1], never)

    with pytest.raises(BudgetError):
        await pooled()
    assert seen == []
