"""The journal around a metered model: an answer that is known is never asked for again."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from preceptor.core.events import Emit, Spent
from preceptor.core.ids import digest
from preceptor.llm.calls import Paid, Tag
from preceptor.llm.journal import AnyJournal
from preceptor.llm.ledger import Ledger
from preceptor.llm.metered import Answered, Metered
from preceptor.llm.model import ChatReply, ChatRequest
from preceptor.llm.trace import NoTrace, Trace

InFlight = dict[str, "asyncio.Future[Paid]"]
"""Calls under way by journal key; shared by all seats of a run."""


class Replaying:
    """Answers from the journal where it can; else asks, and returns once the answer is safe.

    Two identical calls at once, from whatever seats, are one: the second waits for the first.
    """

    def __init__(
        self,
        metered: Metered,
        journal: AnyJournal,
        in_flight: InFlight,
        *,
        spec: str,
        ledger: Ledger,
        emit: Emit,
        trace: Trace | None = None,
    ) -> None:
        self._metered = metered
        self._journal = journal
        self._in_flight = in_flight
        self._spec = spec
        self._ledger = ledger
        self._emit = emit
        self._trace = trace or NoTrace()

    async def ask(self, request: ChatRequest, tag: Tag) -> ChatReply:
        """The answer to ``request``, replayed or new.

        Raises:
            BudgetError, ModelError: as the model and the ledger do.
            RunError: the journal cannot be read or written.
        """
        key = call_key(self._spec, request)
        while (first := self._in_flight.get(key)) is not None:
            # When the first caller is cancelled, its call is ours to make.
            await asyncio.wait((first,))
            if not first.cancelled():
                return self._replayed(first.result(), key, tag)
        mine: asyncio.Future[Paid] = asyncio.get_running_loop().create_future()
        self._in_flight[key] = mine
        return await self._first(key, mine, request, tag)

    async def _first(self, key: str, mine: asyncio.Future[Paid], request: ChatRequest, tag: Tag) -> ChatReply:
        keeping: asyncio.Future[None] | None = None
        try:
            known = await self._journal.get(key)
            if known is not None:
                self._in_flight.pop(key, None)
                mine.set_result(known)
                return self._replayed(known, key, tag)
            with self._trace.call(self._spec, request, key, tag) as span:
                answered = await self._metered.complete(request, key, tag)
                span.answered(answered.paid.reply, answered.paid.usd)
            keeping = self._journal.put(key, answered.paid, spec=self._spec, tag=tag, mark=answered.mark)
            # From here on the answer is paid for: twins are told when it is safe, whatever becomes of this caller.
            keeping.add_done_callback(lambda done: self._kept(key, mine, answered, done))
            await asyncio.shield(keeping)
        except Exception as error:  # the boundary between twins: who waits for the same answer is told what it met
            if keeping is None:
                self._give_up(key, mine, error)
            raise
        finally:
            if keeping is None:
                self._give_up(key, mine, None)
        return replace(answered.paid.reply, call=key)

    def _kept(self, key: str, mine: asyncio.Future[Paid], answered: Answered, done: asyncio.Future[None]) -> None:
        answered.settle()
        error = None if done.cancelled() else done.exception()
        if error is not None or done.cancelled():
            self._give_up(key, mine, error)
            return
        self._in_flight.pop(key, None)
        mine.set_result(answered.paid)

    def _give_up(self, key: str, mine: asyncio.Future[Paid], error: BaseException | None) -> None:
        if mine.done():
            return
        self._in_flight.pop(key, None)
        self._journal.leave(key)
        if error is None:
            mine.cancel()
            return
        mine.set_exception(error)
        mine.exception()  # so that asyncio does not complain when nobody waits

    def _replayed(self, paid: Paid, key: str, tag: Tag) -> ChatReply:
        self._ledger.note(tag, replayed=1)
        usage = paid.reply.usage
        self._emit(
            Spent(
                seat=tag.seat,
                phase=tag.phase,
                input_tokens=usage.input,
                output_tokens=usage.output,
                usd=paid.usd,
                replayed=True,
                estimated=usage.estimated,
            )
        )
        return replace(paid.reply, replayed=True, call=key)


def call_key(spec: str, request: ChatRequest) -> str:
    """All that may change the answer: the model, the messages, seed, limits and schema. Flat, since it is made for
    every call."""
    messages = [part for m in request.messages for part in (m.role, m.content)]
    return digest("call", [spec, request.seed, request.max_tokens, request.temperature, request.schema, messages])
