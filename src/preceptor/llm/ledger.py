"""What was spent, by seat and phase, and the caps over all seats together.

Before a call its worst case is reserved; after it what it really took is settled. A call that would pass a cap
only because of other calls in flight waits until they are settled; one that would pass it anyway is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from preceptor.core.errors import BudgetError, ConfigError, StoppedError
from preceptor.core.settings import BudgetConfig
from preceptor.llm.calls import Tag
from preceptor.llm.model import ChatRequest, Usage
from preceptor.llm.prices import Price, find_price
from preceptor.llm.tokens import most_input


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """What one seat took in one phase, over the whole life of a run."""

    seat: str
    phase: str
    calls: int = 0
    """Answered calls that were paid for, before and since a resume."""
    replayed: int = 0
    """Calls answered from the journal since the run was opened: they cost nothing."""
    failed: int = 0
    """Tries without an answer since the run was opened."""
    input: int = 0
    output: int = 0
    usd: float | None = 0.0
    """None where a price is unknown."""
    estimated: bool = False
    """True when some of the tokens are our estimate, not the server's count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """Calls, tokens and US dollars; ``usd`` counts unknown prices as nothing."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def plus(self, other: Amount, sign: int = 1) -> Amount:
        """The sum, or with ``sign`` -1 the difference."""
        return Amount(
            calls=self.calls + sign * other.calls,
            tokens=self.tokens + sign * other.tokens,
            usd=self.usd + sign * other.usd,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The worst case of one call."""

    most: Amount
    input: int
    output: int


class Ledger:
    """Money, tokens and calls of one run. Not for use from several event loops at once.

    ``prices`` tells US dollars per million input and output tokens by seat string or model name, and goes before
    the public table.
    """

    def __init__(
        self, budget: BudgetConfig | None = None, *, prices: Mapping[str, tuple[float, float]] | None = None
    ) -> None:
        self._budget = budget or BudgetConfig()
        self._prices = dict(prices or {})
        self._rows: dict[tuple[str, str], LedgerRow] = {}
        self._spent = Amount()
        self._reserved = Amount()
        self._waiting: list[asyncio.Future[None]] = []
        self._stopped = False

    def stop(self) -> None:
        """From now on no call begins; those under way are settled as ever."""
        self._stopped = True
        self._wake()

    @property
    def spent(self) -> Amount:
        """All that was settled, before and since a resume."""
        return self._spent

    def table(self) -> tuple[LedgerRow, ...]:
        """One row a seat and phase, sorted."""
        return tuple(self._rows[key] for key in sorted(self._rows))

    def price_of(self, seat: str, spec: str, *, local: bool) -> Price | None:
        """The price that holds for a seat's model.

        Raises:
            ConfigError: there is a cap in US dollars and nobody knows the price.
        """
        price = find_price(spec, local=local, own=self._prices)
        if price is None and self._budget.usd is not None:
            raise ConfigError(
                f"budget.usd is set, but the price of {spec} ({seat}) is unknown",
                hint=f'give Ledger prices={{"{spec}": (USD per million input, output tokens)}}, '
                "or cap budget.tokens or budget.calls instead",
            )
        return price

    def restore(self, rows: Iterable[LedgerRow]) -> None:
        """Add what the journal says was paid before: the caps hold over a resume."""
        for row in rows:
            self._add(row)

    async def reserve(self, seat: str, request: ChatRequest, price: Price | None) -> Reservation:
        """Set the worst case of one call aside, waiting for calls in flight where they alone are in the way.

        Raises:
            BudgetError: the call could pass a cap whatever the others take.
            StoppedError: the run was asked to stop.
        """
        sent = most_input(request)
        usd = 0.0 if price is None else price(sent, 0, request.max_tokens)
        need = Amount(calls=1, tokens=sent + request.max_tokens, usd=usd)
        while True:
            if self._stopped:
                raise StoppedError("the run was stopped; all answers so far are kept")
            self._refuse(seat, need)
            if not self._passes(self._spent.plus(self._reserved).plus(need)):
                break
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter
        self._reserved = self._reserved.plus(need)
        return Reservation(most=need, input=sent, output=request.max_tokens)

    def settle(self, tag: Tag, reserved: Reservation, usage: Usage, price: Price | None) -> float | None:
        """Replace the worst case by what an answer really took; returns its US dollars."""
        usd = None if price is None else price(usage.input, usage.cached, usage.output)
        self._add(
            LedgerRow(
                seat=tag.seat,
                phase=tag.phase,
                calls=1,
                input=usage.input,
                output=usage.output,
                usd=usd,
                estimated=usage.estimated,
            )
        )
        self.release(reserved)
        return usd

    def lose(self, tag: Tag, reserved: Reservation, price: Price | None) -> LedgerRow:
        """A try without an answer that the server may have charged for: its worst case counts as spent."""
        usd = None if price is None else price(reserved.input, 0, reserved.output)
        row = LedgerRow(
            seat=tag.seat,
            phase=tag.phase,
            failed=1,
            input=reserved.input,
            output=reserved.output,
            usd=usd,
            estimated=True,
        )
        self._add(row)
        self.release(reserved)
        return row

    def release(self, reserved: Reservation) -> None:
        """Give a reservation back."""
        self._reserved = self._reserved.plus(reserved.most, -1)
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    def note(self, tag: Tag, *, replayed: int = 0, failed: int = 0) -> None:
        """Count calls that cost nothing: answered from the journal, or failed before any work."""
        self._add(LedgerRow(seat=tag.seat, phase=tag.phase, replayed=replayed, failed=failed))

    def _add(self, row: LedgerRow) -> None:
        key = (row.seat, row.phase)
        old = self._rows.get(key, LedgerRow(seat=row.seat, phase=row.phase))
        self._rows[key] = replace(
            old,
            calls=old.calls + row.calls,
            replayed=old.replayed + row.replayed,
            failed=old.failed + row.failed,
            input=old.input + row.input,
            output=old.output + row.output,
            usd=None if old.usd is None or row.usd is None else old.usd + row.usd,
            estimated=old.estimated or row.estimated,
        )
        self._spent = self._spent.plus(Amount(calls=row.calls, tokens=row.input + row.output, usd=row.usd or 0.0))

    def _passes(self, amount: Amount) -> bool:
        cap = self._budget
        return (
            (cap.calls is not None and amount.calls > cap.calls)
            or (cap.tokens is not None and amount.tokens > cap.tokens)
            or (cap.usd is not None and amount.usd > cap.usd)
        )

    def _refuse(self, seat: str, need: Amount) -> None:
        total = self._spent.plus(need)
        if not self._passes(total):
            return
        cap, spent = self._budget, self._spent
        if cap.calls is not None and total.calls > cap.calls:
            name, told = "calls", f"budget of {cap.calls} calls: {spent.calls} made"
        elif cap.tokens is not None and total.tokens > cap.tokens:
            name = "tokens"
            told = (
                f"budget of {cap.tokens} tokens: {spent.tokens} used, the next call ({seat}) may need {need.tokens}"
            )
        else:
            name = "usd"
            told = f"budget of {cap.usd} USD: {spent.usd:.4f} spent, the next call ({seat}) may need {need.usd:.4f}"
        raise BudgetError(told, hint=f"raise budget.{name} and resume the run; nothing paid for is lost")
