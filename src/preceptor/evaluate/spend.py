"""What each arm cost, told by the events of its calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from preceptor.core.events import Event, Spent

_NANO = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What one seat cost in one arm, as if the arm had been run by itself."""

    calls: int
    input_tokens: int
    output_tokens: int
    usd: float | None
    """None where the price of the model is not known."""


SpendOf = Callable[[str], Mapping[str, Spend]]
"""Phase to seat name to what was spent."""


def nothing_spent(phase: str) -> Mapping[str, Spend]:
    """The :data:`SpendOf` of those who do not keep account."""
    del phase
    return {}


class SpendTally:
    """Adds up ``Spent`` events by phase and seat: hand :meth:`listen` to whoever opens the seats.

    Replayed calls count like paid ones. Arms share calls (all of them hear the same opening of a customer), and
    which arm pays for a shared one hangs on timing; what an arm takes by itself does not. For the bill see the
    run's ledger.
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], tuple[Spend, int]] = {}

    def listen(self, event: Event) -> None:
        """Take note of an event; those that are not ``Spent`` change nothing."""
        if not isinstance(event, Spent):
            return
        key = (event.phase, event.seat)
        old, nano = self._rows.get(key, (Spend(calls=0, input_tokens=0, output_tokens=0, usd=0.0), 0))
        nano += round((event.usd or 0.0) * _NANO)  # whole numbers: their sum does not hang on the order
        known = old.usd is not None and event.usd is not None
        new = replace(
            old,
            calls=old.calls + 1,
            input_tokens=old.input_tokens + event.input_tokens,
            output_tokens=old.output_tokens + event.output_tokens,
            usd=nano / _NANO if known else None,
        )
        self._rows[key] = (new, nano)

    def of(self, phase: str) -> Mapping[str, Spend]:
        """What the seats took in ``phase``: a :data:`SpendOf`."""
        return {seat: row for (where, seat), (row, _) in sorted(self._rows.items()) if where == phase}
