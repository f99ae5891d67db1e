"""The ledger around a model: reserve, call, settle, tell."""

from __future__ import annotations

from dataclasses import dataclass

from preceptor.core.errors import ModelError
from preceptor.core.events import Emit, Spent
from preceptor.llm.calls import Paid, Tag
from preceptor.llm.faults import billable
from preceptor.llm.journal import AnyJournal
from preceptor.llm.ledger import Ledger, LedgerRow, Reservation
from preceptor.llm.model import ChatRequest
from preceptor.llm.prices import Price
from preceptor.llm.retry import Retrying


@dataclass(slots=True)
class _Held:
    """The reservation that a call holds right now: exchanged for another when a try was lost."""

    now: Reservation | None


class Metered:
    """Counts every call to one seat's model. A cap holds over lost tries too: each is reserved anew."""

    def __init__(
        self, model: Retrying, ledger: Ledger, *, price: Price | None, emit: Emit, journal: AnyJournal
    ) -> None:
        self._model = model
        self._ledger = ledger
        self._price = price
        self._emit = emit
        self._journal = journal

    async def complete(self, request: ChatRequest, tag: Tag) -> Paid:
        """The model's answer with its cost.

        Raises:
            BudgetError: the call could pass a cap.
            ModelError: no answer came.
        """
        held = _Held(await self._ledger.reserve(tag.seat, request, self._price))

        async def failed(error: ModelError, last: bool) -> None:
            if not billable(error):
                self._ledger.note(tag, failed=1)
                return
            reservation, held.now = held.now, None
            if reservation is not None:
                lost = self._ledger.lose(tag, reservation, self._price)
                self._tell(lost)
                await self._journal.lose(lost)
            if not last:
                held.now = await self._ledger.reserve(tag.seat, request, self._price)

        try:
            reply = await self._model.complete(request, failed)
            reservation, held.now = held.now, None
            if reservation is None:
                raise AssertionError("an answered call holds a reservation")
            usd = self._ledger.settle(tag, reservation, reply.usage, self._price)
        finally:
            if held.now is not None:
                self._ledger.release(held.now)
        self._emit(
            Spent(
                seat=tag.seat,
                phase=tag.phase,
                input_tokens=reply.usage.input,
                output_tokens=reply.usage.output,
                usd=usd,
                replayed=False,
                estimated=reply.usage.estimated,
            )
        )
        return Paid(reply=reply, usd=usd)

    def _tell(self, row: LedgerRow) -> None:
        self._emit(
            Spent(
                seat=row.seat,
                phase=row.phase,
                input_tokens=row.input,
                output_tokens=row.output,
                usd=row.usd,
                replayed=False,
                estimated=True,
            )
        )
