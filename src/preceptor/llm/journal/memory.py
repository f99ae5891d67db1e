"""A journal for as long as the process lives."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from preceptor.llm.amounts import LedgerRow, Reservation
from preceptor.llm.calls import Paid, Tag


class NullJournal:
    """Keeps answers in memory."""

    def __init__(self) -> None:
        self._answers: dict[str, Paid] = {}

    async def get(self, key: str) -> Paid | None:
        """The answer under ``key``, if there is one."""
        return self._answers.get(key)

    def leave(self, key: str) -> None:
        """Nothing: no other process shares the journal."""
        del key

    def begin(self, key: str, tag: Tag, held: Reservation, usd: float | None) -> str:
        """Nothing: there is no resume."""
        del key, tag, held, usd
        return ""

    async def begun(self, mark: str) -> None:
        """Nothing: there is no resume."""
        del mark

    def end(self, mark: str) -> None:
        """Nothing."""
        del mark

    def put(self, key: str, paid: Paid, *, spec: str, tag: Tag, mark: str = "") -> asyncio.Future[None]:
        """Keep an answer."""
        del spec, tag, mark
        self._answers.setdefault(key, paid)
        return _done()

    def lose(self, mark: str, row: LedgerRow) -> asyncio.Future[None]:
        """Nothing."""
        del mark, row
        return _done()

    def spent(self) -> Sequence[LedgerRow]:
        """Nothing: there was no run before."""
        return ()

    def close(self) -> None:
        """Forget all."""
        self._answers.clear()


def _done() -> asyncio.Future[None]:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    done.set_result(None)
    return done
