"""Many items at once, results in the items' order, and a clean end when one error ends the run."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar, cast

from preceptor.core.errors import PreceptorError

Item = TypeVar("Item")
Result = TypeVar("Result")


class Pool:
    """Work that comes up while other work goes on, at most ``concurrency`` pieces at once: for ``async with``,
    which ends when nothing is left to do.

    A piece of work records the failure of its own item and raises only what ends the run. After the first such
    error, in a piece or in the body, nothing is begun; what is under way comes to its own end, then that error is
    raised.
    """

    def __init__(self, concurrency: int) -> None:
        self._room = concurrency
        self._urgent: deque[Callable[[], Awaitable[None]]] = deque()
        self._other: deque[Callable[[], Awaitable[None]]] = deque()
        self._error: PreceptorError | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, PreceptorError):
            self._stop(error)
            kind = error = trace = None
        await self._group.__aexit__(kind, error, trace)
        if self._error is not None:
            raise self._error

    def add(self, work: Callable[[], Awaitable[None]], *, urgent: bool = False) -> None:
        """``work``, as soon as there is room; what is ``urgent`` first."""
        (self._urgent if urgent else self._other).append(work)
        self._fill()

    async def each(self, items: Sequence[Item], work: Callable[[Item], Awaitable[Result]]) -> list[Result]:
        """``work`` on every item, before all that is not urgent: the results, in the items' order.

        Raises:
            PreceptorError: what ended the run, here or in another piece of work.
        """
        if self._error is not None:
            raise self._error
        if not items:
            return []
        results: list[Result | None] = [None] * len(items)
        left = len(items)
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)

        async def one(index: int) -> None:
            nonlocal left
            results[index] = await work(items[index])
            left -= 1
            if not left and not done.done():
                done.set_result(None)

        for index in range(len(items)):
            self.add(lambda index=index: one(index), urgent=True)
        await done
        return cast("list[Result]", results)

    def _fill(self) -> None:
        while self._room > 0 and (queue := self._urgent or self._other) and self._error is None:
            self._room -= 1
            self._group.create_task(self._done(queue.popleft()))

    async def _done(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except PreceptorError as error:
            self._stop(error)
        self._room += 1
        self._fill()

    def _stop(self, error: PreceptorError) -> None:
        if self._error is not None:
            return
        self._error = error
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(error)


async def run_all(
    items: Sequence[Item], work: Callable[[Item], Awaitable[Result]], *, concurrency: int
) -> list[Result]:
    """``work`` on every item, at most ``concurrency`` at once.

    ``work`` records the failure of its own item and raises only what ends the run. After the first such error
    no item is begun; those under way come to their own end (their answers are paid for and worth keeping),
    then the error of the first item in order is raised.
    """
    errors: dict[int, PreceptorError] = {}

    async def one(index: int) -> Result:
        try:
            return await work(items[index])
        except PreceptorError as error:
            errors[index] = error
            raise

    try:
        async with Pool(concurrency) as pool:
            return await pool.each(range(len(items)), one)
    except PreceptorError:
        # Whatever came first by the clock: the same items end a run with the same words.
        raise errors[min(errors)] from None
