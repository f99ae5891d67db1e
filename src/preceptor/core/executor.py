"""Where the items of a phase are run: in this process, or by workers elsewhere.

Items are pure functions of the frozen snapshot, the settings and the seed, so that where they run changes no byte
of what comes out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from preceptor.core.pool import run_all

Around = TypeVar("Around")
Around_contra = TypeVar("Around_contra", contravariant=True)
Item = TypeVar("Item")
Item_contra = TypeVar("Item_contra", contravariant=True)
Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)


class Work(Protocol[Around_contra, Item_contra, Result_co]):
    """What a phase does to each of its items, as data: it, the items and the results can be sent to another process
    (pickle)."""

    def at(self, around: Around_contra, /) -> Callable[[Item_contra], Awaitable[Result_co]]:
        """The work, ready to be done in the surroundings (seats, settings, prompts) of one process.

        What comes back records the failure of its own item and raises only what ends the run.
        """
        ...


class Executor(Protocol):
    """Runs the items of a phase."""

    async def run(
        self, work: Work[Around, Item, Result], around: Around, items: Sequence[Item], *, concurrency: int
    ) -> list[Result]:
        """The results in the items' order, with at most ``concurrency`` items under way at once over all processes.

        After the first error that ends the run no item is begun; those under way come to their own end, then the
        error of the first item in order is raised.

        Args:
            around: the surroundings in this process; workers elsewhere have their own, made from the same settings.
        """
        ...


class InProcess:
    """All items in this process, on its event loop."""

    async def run(
        self, work: Work[Around, Item, Result], around: Around, items: Sequence[Item], *, concurrency: int
    ) -> list[Result]:
        """See :class:`Executor`."""
        return await run_all(items, work.at(around), concurrency=concurrency)
