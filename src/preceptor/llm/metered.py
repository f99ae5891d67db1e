"""The ledger around a model: reserve, note, call, settle, tell."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from preceptor.core.errors import ModelError
from preceptor.core.events import Emit, Spent, TryFailed
from preceptor.core.untrusted import one_line
from preceptor.llm.amounts import LedgerRow, Reservation
from preceptor.llm.calls import Paid, Tag
from preceptor.llm.faults import billable
from preceptor.llm.journal import AnyJournal
from preceptor.llm.ledger import Ledger, taken
from preceptor.llm.model import ChatReply, ChatRequest
from preceptor.llm.prices import Price
from preceptor.llm.retry import Retrying


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A paid answer that is not safe yet: until it is, its mark stays in the journal and its worst case is held."""

    paid: Paid
    mark: str
    settle: Callable[[], None]
    """To be called once the answer is on disk, or cannot be put there."""


class Metered:
    """Counts every call to one seat's model. A cap holds over lost tries too: each is reserved anew."""

    def __init__(
        self,
        model: Retrying,
        ledger: Ledger,
        *,
        price: Price | None,
        emit: Emit,
        journal: AnyJournal,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model = model
        self.ledger = ledger
        self.price = price
        self.emit = emit
        self.journal = journal
        self.now = now

    async def complete(self, request: ChatRequest, key: str, tag: Tag) -> Answered:
        """The model's answer with its cost.

        Raises:
            BudgetError: the call could pass a cap.
            ModelError: no answer came.
        """
        account = _Account(self, request, key, tag)
        try:
            reply = await self.model.complete(request, key, account)
            held, mark, seconds = account.answers.pop(id(reply))[1:]
        finally:
            # Hedged, and both answered; or cancelled in the moment of an answer: paid, and of no use.
            for unused, reserved, its, _ in account.answers.values():
                self._drop(tag, unused, reserved, its)

        def settle() -> None:
            self.tell(self.ledger.settle(tag, held, reply.usage, self.price), seconds)

        usd = None if self.price is None else self.price(reply.usage)
        return Answered(paid=Paid(reply=reply, usd=usd), mark=mark, settle=settle)

    def _drop(self, tag: Tag, reply: ChatReply, held: Reservation, mark: str) -> None:
        row = taken(tag, held, reply.usage, self.price)
        done = self.journal.lose(mark, row)
        done.add_done_callback(lambda _: self.tell(self.ledger.settle(tag, held, reply.usage, self.price)))

    def tell(self, row: LedgerRow, seconds: float | None = None) -> None:
        """Tells listeners what a try took; ``seconds`` where it brought the answer."""
        self.emit(
            Spent(
                seat=row.seat,
                phase=row.phase,
                input_tokens=row.input,
                output_tokens=row.output,
                usd=row.usd,
                replayed=False,
                estimated=row.estimated,
                seconds=None if seconds is None else round(seconds, 6),
            )
        )


class _Account:
    """One call's tries: each reserved and noted in the journal before it is made."""

    def __init__(self, meter: Metered, request: ChatRequest, key: str, tag: Tag) -> None:
        self.meter = meter
        self.key = key
        self.tag = tag
        self.answers: dict[int, tuple[ChatReply, Reservation, str, float]] = {}
        """What came, with its reservation, mark and seconds, by the reply's identity."""
        self._request = request

    async def begin(self) -> _Try:
        meter = self.meter
        held = await meter.ledger.reserve(self.tag.seat, self._request, meter.price)
        with ExitStack() as undo:
            undo.callback(meter.ledger.release, held)
            mark = meter.journal.begin(self.key, self.tag, held, None if meter.price is None else held.most.usd)
            undo.callback(meter.journal.end, mark)
            await meter.journal.begun(mark)
            undo.pop_all()
        return _Try(self, held, mark)


class _Try:
    """One try under way."""

    def __init__(self, account: _Account, held: Reservation, mark: str) -> None:
        self._account = account
        self._held = held
        self._mark = mark
        self._began = account.meter.now()

    def answered(self, reply: ChatReply) -> None:
        took = self._account.meter.now() - self._began
        self._account.answers[id(reply)] = (reply, self._held, self._mark, took)

    async def failed(self, error: ModelError) -> None:
        account, meter = self._account, self._account.meter
        tag = account.tag
        reason = one_line(error.message, 400)
        meter.emit(TryFailed(seat=tag.seat, phase=tag.phase, item=tag.item, failure=error.kind, reason=reason))
        if billable(error):
            await meter.journal.lose(self._mark, self._lost())
        else:
            meter.ledger.release(self._held)
            meter.ledger.note(tag, failed=1)
            meter.journal.end(self._mark)

    def abandoned(self) -> None:
        # Not awaited: whoever abandons a try is being cancelled. The write is queued and is made before closing.
        self._account.meter.journal.lose(self._mark, self._lost())

    def _lost(self) -> LedgerRow:
        meter = self._account.meter
        row = meter.ledger.lose(self._account.tag, self._held, meter.price)
        meter.tell(row)
        return row
