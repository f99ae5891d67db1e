"""A ledger that spends what it was lent: several processes share one cap, and none asks another before a call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from preceptor.core.settings import BudgetConfig
from preceptor.llm.amounts import Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """No more is lent: what all processes spent and the call asked for pass a cap."""

    name: str
    """``calls``, ``tokens`` or ``usd``."""
    whose: str
    """``budget``, or ``seats.SEAT.budget``."""
    spent: Amount
    cap: BudgetConfig


class Lender(Protocol):
    """Grants the right to spend from the cap of a run."""

    async def lend(self, seat: str, keep: Amount, need: Amount) -> Amount | Refused | None:
        """All that this process may spend on the seat from now on: at least ``keep`` and ``need`` together; None:
        not now, ask again (others were told that it is wanted).

        Args:
            keep: what it spent on the seat and has reserved for calls under way; all else is given back.
            need: the worst case of one call more.

        Raises:
            RunError: this process was given up, or the lender cannot be reached.
        """
        ...

    def give_back(self, kept: Mapping[str, Amount]) -> None:
        """From now on this process has, by seat, what it spent and has reserved, and no more."""
        ...

    def when_wanted(self, told: Callable[[], None]) -> None:
        """``told`` is called, on the event loop that is running now, when others wait for what lies unused here."""
        ...

    async def pause(self) -> None:
        """A moment, before asking again."""
        ...


class Lent:
    """What was lent to this process, by seat."""

    def __init__(self, lender: Lender) -> None:
        self.lender = lender
        self._lent: dict[str, Amount] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    def fits(self, seat: str, total: Amount) -> bool:
        """Whether ``total`` may be spent on the seat."""
        lent = self._lent.get(seat, Amount())
        # Uncapped kinds are lent as well, in proportion: a seat whose price is unknown has none.
        return total.calls <= lent.calls and total.tokens <= lent.tokens and total.usd <= lent.usd + 1e-9

    def asking(self, seat: str) -> asyncio.Lock:
        """One call of a seat asks at a time."""
        return self._asking.setdefault(seat, asyncio.Lock())

    async def ask(self, seat: str, keep: Amount, need: Amount) -> Refused | None:
        """Ask for ``need`` beside ``keep``. None: granted, or not now: see :meth:`fits`."""
        # What lies unused is given back first, so that two who wait do not wait for each other.
        self._lent[seat] = keep
        answer = await self.lender.lend(seat, keep, need)
        if isinstance(answer, Refused):
            return answer
        if answer is None:
            await self.lender.pause()
        else:
            self._lent[seat] = answer
        return None

    def give_back(self, kept: Mapping[str, Amount]) -> None:
        """Keep that and no more; seats that are asking have given back already."""
        free = {s: a for s, a in kept.items() if not self.asking(s).locked()}
        self._lent.update(free)
        self.lender.give_back(free)
