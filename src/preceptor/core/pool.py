"""Many items at once, results in the items' order, and a clean end when one error ends the run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, cast

from preceptor.core.errors import PreceptorError

Item = TypeVar("Item")
Result = TypeVar("Result")


async def run_all(
    items: Sequence[Item], work: Callable[[Item], Awaitable[Result]], *, concurrency: int
) -> list[Result]:
    """``work`` on every item, at most ``concurrency`` at once.

    ``work`` records the failure of its own item and raises only what ends the run. After the first such error
    no item is begun; those under way come to their own end (their answers are paid for and worth keeping),
    then the error of the first item in order is raised.
    """
    errors: dict[int, PreceptorError] = {}
    results: list[Result | None] = [None] * len(items)
    following = iter(range(len(items)))

    async def hand() -> None:
        # As many hands as may work at once, and not a task an item: thousands of items wait for nothing.
        for index in following:
            if errors:
                return
            try:
                results[index] = await work(items[index])
            except PreceptorError as error:
                errors[index] = error

    async with asyncio.TaskGroup() as group:
        for _ in range(min(concurrency, len(items))):
            group.create_task(hand())
    if errors:
        raise errors[min(errors)]
    return cast("list[Result]", results)
