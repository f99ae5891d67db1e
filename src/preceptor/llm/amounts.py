"""Calls, tokens and dollars as values: what ledgers add up and journals keep."""

from __future__ import annotations

from dataclasses import dataclass

from preceptor.core.settings import BudgetConfig


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
    lost: int = 0
    """Tries without an answer that the server may have charged for: counted at their worst case."""
    input: int = 0
    output: int = 0
    cached: int = 0
    """Input tokens that the provider read from its cache; part of ``input``."""
    reasoning: int = 0
    """Output tokens that the model thought with; part of ``output``."""
    usd: float | None = 0.0
    """None where a price is unknown."""
    estimated: bool = False
    """True when some of the tokens are our estimate, not the server's count."""
    over: int = 0
    """Answers that took more than was reserved: unusual text, or a server that ignores ``max_tokens``."""

    def plus(self, other: LedgerRow) -> LedgerRow:
        """The sum, under this row's seat and phase."""
        return LedgerRow(
            seat=self.seat,
            phase=self.phase,
            calls=self.calls + other.calls,
            replayed=self.replayed + other.replayed,
            failed=self.failed + other.failed,
            lost=self.lost + other.lost,
            input=self.input + other.input,
            output=self.output + other.output,
            cached=self.cached + other.cached,
            reasoning=self.reasoning + other.reasoning,
            usd=None if self.usd is None or other.usd is None else self.usd + other.usd,
            estimated=self.estimated or other.estimated,
            over=self.over + other.over,
        )


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
    """The worst case of one call of a seat."""

    seat: str
    most: Amount
    input: int
    output: int


_SLACK = 1e-9
"""US dollars: sums of floats may differ by less than that from what they stand for."""


def passed(cap: BudgetConfig, amount: Amount) -> str | None:
    """The first cap that ``amount`` passes: ``calls``, ``tokens`` or ``usd``; None where it passes none."""
    if cap.calls is not None and amount.calls > cap.calls:
        return "calls"
    if cap.tokens is not None and amount.tokens > cap.tokens:
        return "tokens"
    if cap.usd is not None and amount.usd > cap.usd + _SLACK:
        return "usd"
    return None


def over(cap: BudgetConfig, amount: Amount) -> bool:
    """Whether ``amount`` passes any cap."""
    return passed(cap, amount) is not None
