"""What seats need of a journal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from preceptor.llm.amounts import LedgerRow, Reservation
from preceptor.llm.calls import Paid, Tag


class AnyJournal(Protocol):
    """A run's answers and what they took.

    Writes are queued when the method is called and are made even when nobody awaits the future it returns; the
    future is done when the write is safe. RunError where the journal cannot be read or written.
    """

    async def get(self, key: str) -> Paid | None:
        """The answer under ``key``. None: the call is this process's to make, until :meth:`put` or :meth:`leave`;
        where other processes share the journal, a call that one of them is making is waited for. One asks for a key
        at a time."""
        ...

    def leave(self, key: str) -> None:
        """The call under ``key`` is not made by this process after all."""
        ...

    def begin(self, key: str, tag: Tag, held: Reservation, usd: float | None) -> str:
        """Note that a call is about to be made and what it may cost; returns its mark."""
        ...

    async def begun(self, mark: str) -> None:
        """Waits until the death of this process cannot undo that note: before the call is made."""
        ...

    def end(self, mark: str) -> None:
        """The call behind ``mark`` came to nothing and cost nothing."""
        ...

    def put(self, key: str, paid: Paid, *, spec: str, tag: Tag, mark: str = "") -> asyncio.Future[None]:
        """Keep an answer, and end its mark. An answer already under ``key`` stays."""
        ...

    def lose(self, mark: str, row: LedgerRow) -> asyncio.Future[None]:
        """Note what a try without a usable answer may have cost, and end its mark."""
        ...

    def spent(self) -> Sequence[LedgerRow]:
        """What all answers and lost tries took, by seat and phase; calls that a crash cut off included."""
        ...

    def close(self) -> None:
        """Finish all writes. May be called twice."""
        ...
