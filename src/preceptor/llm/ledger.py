"""What was spent, by seat and phase, and the caps: over all seats together and on each.

Before a call its worst case is reserved; after it what it really took is settled. A call that would pass a cap
only because of other calls in flight waits until they are settled; one that would pass it anyway is refused.
A server that takes more than was reserved (it ignores ``max_tokens``) is settled as it is, and from then on its
seat's calls are reserved in that proportion.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from preceptor.core.errors import BudgetError, ConfigError, StoppedError
from preceptor.core.settings import BudgetConfig, SeatConfig
from preceptor.llm.amounts import Amount, LedgerRow, Reservation, over, passed
from preceptor.llm.calls import Tag
from preceptor.llm.leases import Lender, Lent, Refused
from preceptor.llm.model import ChatRequest, Usage
from preceptor.llm.prices import Price, find_price
from preceptor.llm.tokens import most_input

__all__ = ["Amount", "Ledger", "LedgerRow", "Lender", "Reservation"]


@dataclass(slots=True)
class _Purse:
    """One cap and what counts against it."""

    cap: BudgetConfig
    spent: Amount = field(default_factory=Amount)
    reserved: Amount = field(default_factory=Amount)


@dataclass(slots=True)
class _Excess:
    """How far beyond its reservations a seat's server went, at worst."""

    input: float = 1.0
    output: float = 1.0
    calls: int = 0


class Ledger:
    """Money, tokens and calls of one run. Not for use from several event loops at once."""

    def __init__(
        self,
        budget: BudgetConfig | None = None,
        *,
        by_seat: Mapping[str, BudgetConfig] | None = None,
        lender: Lender | None = None,
    ) -> None:
        self._all = _Purse(budget or BudgetConfig())
        self._seats = {seat: _Purse(cap) for seat, cap in (by_seat or {}).items()}
        self._rows: dict[tuple[str, str], LedgerRow] = {}
        self._excess: dict[str, _Excess] = {}
        self._tiers: dict[str, str] = {}
        """At which tier a seat's provider answered last: it may be dearer than the usual one."""
        self._waiting: list[asyncio.Future[None]] = []
        self._stopped = False
        self._restored = False
        self._beside: list[Callable[[], LedgerRow]] = []
        self._elsewhere: dict[str, tuple[LedgerRow, ...]] = {}
        self._own: dict[str, _Purse] = {}
        """By seat, what this process itself took: counted where it spends what it was lent."""
        self._lent: Lent | None = None
        capped = [self._all.cap, *(p.cap for p in self._seats.values())]
        if lender is not None and any(cap != BudgetConfig() for cap in capped):
            self._lent = Lent(lender)
            lender.when_wanted(self.give_back)

    def stop(self) -> None:
        """From now on no call begins; those under way are settled as ever."""
        self._stopped = True
        self._wake()

    @property
    def spent(self) -> Amount:
        """All that was settled, before and since a resume, by this process and others."""
        total = self._all.spent
        for row in (row for rows in self._elsewhere.values() for row in rows):
            total = total.plus(_amount(row))
        return total

    @property
    def reserved(self) -> Amount:
        """The worst case of all calls in flight."""
        return self._all.reserved

    def table(self) -> tuple[LedgerRow, ...]:
        """One row a seat and phase, sorted; then what is beside the seats."""
        rows = dict(self._rows)
        for row in (row for rows in self._elsewhere.values() for row in rows):
            key = (row.seat, row.phase)
            rows[key] = rows[key].plus(row) if key in rows else row
        beside = (row() for row in self._beside)
        return (*(rows[key] for key in sorted(rows)), *(r for r in beside if r.calls or r.replayed))

    def beside(self, row: Callable[[], LedgerRow]) -> None:
        """Tell this row in the table too: calls to what is no seat, an embedder. No cap counts it."""
        self._beside.append(row)

    def elsewhere(self, who: str, rows: Iterable[LedgerRow]) -> None:
        """What another process of the run took, all of it: takes the place of what was told of it before."""
        self._elsewhere[who] = tuple(rows)

    def give_back(self) -> None:
        """Leave to others of what was lent here what is neither spent nor reserved."""
        if self._lent is not None:
            self._lent.give_back({seat: p.spent.plus(p.reserved) for seat, p in self._own.items()})

    def price_of(self, seat: str, spec: str, *, local: bool, own: SeatConfig | None = None) -> Price | None:
        """The price that holds for a seat's model; None where nobody knows it and another cap holds.

        Raises:
            ConfigError: nobody knows the price, and there is a cap in US dollars or no cap at all.
        """
        price = find_price(spec, local=local, own=own)
        if price is not None:
            return price
        caps = [p.cap for p in (self._all, self._seats.get(seat)) if p is not None]
        in_usd = any(cap.usd is not None for cap in caps)
        if in_usd or not any(cap.tokens is not None or cap.calls is not None for cap in caps):
            why = "there is a cap in US dollars" if in_usd else "there is no cap on tokens or calls"
            raise ConfigError(
                f"seats.{seat}: the price of {spec} is unknown, and {why}",
                hint=f"set seats.{seat}.price_input and price_output (US dollars per million tokens; 0 where it "
                "costs nothing)"
                + (", or cap budget.tokens instead of US dollars" if in_usd else ", or budget.tokens"),
            )
        return None

    def restore(self, rows: Iterable[LedgerRow]) -> None:
        """Add what the journal says was paid before: the caps hold over a resume. Once; later calls add nothing,
        so that several sets of seats can share a journal and a ledger."""
        if self._restored:
            return
        self._restored = True
        for row in rows:
            self._add(row, before=True)

    async def reserve(self, seat: str, request: ChatRequest, price: Price | None) -> Reservation:
        """Set the worst case of one call aside, waiting for calls in flight where they alone are in the way.

        Raises:
            BudgetError: the call could pass a cap whatever the others take.
            StoppedError: the run was asked to stop.
        """
        while True:
            if self._stopped:
                raise StoppedError("the run was stopped; all answers so far are kept")
            held = self._worst(seat, request, price)
            if self._lent is not None:
                if await self._leased(self._lent, seat, held.most):
                    break
                continue
            refused = self._refused(seat, held.most)
            if refused is not None:
                raise refused
            purses = self._purses(seat)
            if not any(over(p.cap, p.spent.plus(p.reserved).plus(held.most)) for p in purses):
                break
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter
        for purse in self._purses(seat):
            purse.reserved = purse.reserved.plus(held.most)
        return held

    def settle(self, tag: Tag, reserved: Reservation, usage: Usage, price: Price | None) -> LedgerRow:
        """Replace the worst case by what an answer really took; returns that as a row."""
        row = taken(tag, reserved, usage, price)
        if row.over:
            self._remember(tag.seat, reserved, usage)
        self._tiers[tag.seat] = usage.tier
        self._add(row)
        self.release(reserved)
        return row

    def lose(self, tag: Tag, reserved: Reservation, price: Price | None) -> LedgerRow:
        """A try without an answer that the server may have charged for: its worst case counts as spent."""
        usage = Usage(input=reserved.input, output=reserved.output, estimated=True)
        row = LedgerRow(
            seat=tag.seat,
            phase=tag.phase,
            failed=1,
            lost=1,
            input=usage.input,
            output=usage.output,
            usd=None if price is None else price(usage),
            estimated=True,
        )
        self._add(row)
        self.release(reserved)
        return row

    def release(self, reserved: Reservation) -> None:
        """Give a reservation back."""
        for purse in self._purses(reserved.seat):
            purse.reserved = purse.reserved.plus(reserved.most, -1)
        self._wake()

    def note(self, tag: Tag, *, replayed: int = 0, failed: int = 0) -> None:
        """Count calls that cost nothing: answered from the journal, or failed before any work."""
        self._add(LedgerRow(seat=tag.seat, phase=tag.phase, replayed=replayed, failed=failed))

    def _purses(self, seat: str) -> list[_Purse]:
        found = (self._all, self._seats.get(seat), self._own.get(seat))
        return [purse for purse in found if purse is not None]

    def _worst(self, seat: str, request: ChatRequest, price: Price | None) -> Reservation:
        excess = self._excess.get(seat, _Excess())
        sent = round(most_input(request) * excess.input)
        got = round(request.max_tokens * excess.output)
        tiers = ("", self._tiers.get(seat, ""))
        usd = 0.0 if price is None else max(price(Usage(input=sent, output=got, tier=tier)) for tier in tiers)
        return Reservation(seat=seat, most=Amount(calls=1, tokens=sent + got, usd=usd), input=sent, output=got)

    def _remember(self, seat: str, reserved: Reservation, usage: Usage) -> None:
        excess = self._excess.setdefault(seat, _Excess())
        excess.input *= max(1.0, usage.input / max(1, reserved.input))
        excess.output *= max(1.0, usage.output / max(1, reserved.output))
        excess.calls += 1

    def _refused(self, seat: str, need: Amount) -> BudgetError | None:
        for purse, whose in zip(self._purses(seat), ("budget", f"seats.{seat}.budget"), strict=False):
            name = passed(purse.cap, purse.spent.plus(need))
            if name is not None:
                return self._error(Refused(name=name, whose=whose, spent=purse.spent, cap=purse.cap), seat, need)
        return None

    async def _leased(self, lent: Lent, seat: str, need: Amount) -> bool:
        """Whether what was lent holds ``need`` too; where it does not, more is asked for, one call at a time."""
        own = self._own.setdefault(seat, _Purse(BudgetConfig()))
        if lent.fits(seat, own.spent.plus(own.reserved).plus(need)):
            return True
        async with lent.asking(seat):
            keep = own.spent.plus(own.reserved)
            if not self._stopped and not lent.fits(seat, keep.plus(need)):
                refused = await lent.ask(seat, keep, need)
                if refused is not None:
                    raise self._error(refused, seat, need)
        return False

    def _error(self, refused: Refused, seat: str, need: Amount) -> BudgetError:
        name, whose = refused.name, refused.whose
        cap, spent = getattr(refused.cap, name), getattr(refused.spent, name)
        label = "budget" if whose == "budget" else f"{seat}'s budget"
        setting = f"budget.{name}" if whose == "budget" else f"{whose}_{name}"
        if name == "calls":
            told = f"{label} of {cap} calls: {spent} made"
        elif name == "tokens":
            told = f"{label} of {cap} tokens: {spent} used, the next call ({seat}) may need {need.tokens}"
        else:
            told = f"{label} of {cap} USD: {spent:.4f} spent, the next call ({seat}) may need {need.usd:.4f}"
        excess = self._excess.get(seat)
        if excess is not None:
            told += f"; {excess.calls} of its answers took more tokens than were set aside"
            if excess.output > 1:
                told += ": the server ignores max_tokens"
        return BudgetError(
            told, hint=f"raise {setting} and resume the run; nothing paid for is lost", setting=setting
        )

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    def _add(self, row: LedgerRow, *, before: bool = False) -> None:
        """``before``: an earlier process took it, not on a lease of this one."""
        key = (row.seat, row.phase)
        old = self._rows.get(key, LedgerRow(seat=row.seat, phase=row.phase))
        self._rows[key] = replace(old.plus(row), seat=row.seat, phase=row.phase)
        for purse in self._purses(row.seat):
            if not (before and purse is self._own.get(row.seat)):
                purse.spent = purse.spent.plus(_amount(row))


def _amount(row: LedgerRow) -> Amount:
    return Amount(calls=row.calls, tokens=row.input + row.output, usd=row.usd or 0.0)


def taken(tag: Tag, reserved: Reservation, usage: Usage, price: Price | None) -> LedgerRow:
    """One answer as a row."""
    return LedgerRow(
        seat=tag.seat,
        phase=tag.phase,
        calls=1,
        input=usage.input,
        output=usage.output,
        cached=usage.cached,
        reasoning=usage.reasoning,
        usd=None if price is None else price(usage),
        estimated=usage.estimated,
        over=int(usage.input > reserved.input or usage.output > reserved.output),
    )


def seat_budgets(seats: Mapping[str, SeatConfig]) -> dict[str, BudgetConfig]:
    """The caps that seats have of their own, by seat name."""
    found = {
        name: BudgetConfig(usd=seat.budget_usd, tokens=seat.budget_tokens, calls=seat.budget_calls)
        for name, seat in seats.items()
    }
    return {name: cap for name, cap in found.items() if cap != BudgetConfig()}
