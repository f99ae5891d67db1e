"""Stopping a run without losing what is paid for: no new calls, those under way are waited for, then the end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from preceptor.core.errors import StoppedError
from preceptor.llm.ledger import Ledger, Reservation
from preceptor.llm.model import ChatRequest
from preceptor.llm.prices import Price

Result = TypeVar("Result")


class Stop:
    """A request to stop, that anyone may make once; those who are asked register with :meth:`when`."""

    def __init__(self) -> None:
        self.requested = False
        self._asked: list[Callable[[], None]] = []

    def request(self) -> None:
        """Asks all who registered."""
        if not self.requested:
            self.requested = True
            for ask in self._asked:
                ask()

    def when(self, ask: Callable[[], None]) -> None:
        """Calls ``ask`` at the request; at once when it was made already."""
        self._asked.append(ask)
        if self.requested:
            ask()


class StoppableLedger(Ledger):
    """A ledger that, once closed, lets no further call begin and tells when the last one under way has ended."""

    _closed = False
    _open_calls = 0
    _drained: Callable[[], None] | None = None

    def close(self, drained: Callable[[], None]) -> None:
        """From now on new calls wait for ever; ``drained`` is called once no call is under way."""
        self._closed = True
        self._drained = drained
        self._tell()

    async def reserve(self, seat: str, request: ChatRequest, price: Price | None) -> Reservation:
        """As :meth:`Ledger.reserve`; waits until cancelled once closed."""
        if self._closed:
            await asyncio.get_running_loop().create_future()
        reservation = await super().reserve(seat, request, price)
        self._open_calls += 1
        return reservation

    def release(self, reserved: Reservation) -> None:
        """As :meth:`Ledger.release`; every reservation ends here, settled, lost or unused."""
        super().release(reserved)
        self._open_calls -= 1
        self._tell()

    def _tell(self) -> None:
        if self._closed and self._open_calls == 0 and self._drained is not None:
            drained, self._drained = self._drained, None
            # Soon, not now: the answer that was just settled has yet to reach the journal.
            asyncio.get_running_loop().call_soon(drained)


async def until_stopped(work: Awaitable[Result], ledger: StoppableLedger, stop: Stop) -> Result:
    """``work``; when ``stop`` is requested, the calls under way end first, then ``work`` is cancelled.

    Raises:
        StoppedError: it was stopped by the request.
    """
    task = asyncio.ensure_future(work)

    def drained() -> None:
        task.cancel()

    stop.when(lambda: ledger.close(drained))
    try:
        return await task
    except asyncio.CancelledError:
        task.cancel()
        if not stop.requested or _cancelled_from_outside():
            raise
        raise StoppedError("the run was stopped; all answers so far are kept") from None


def _cancelled_from_outside() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def run(work: Callable[[Stop], Coroutine[Any, Any, Result]], told: Callable[[], None]) -> Result:
    """Runs ``work`` to its end. Ctrl-C (or SIGTERM) requests a stop and calls ``told``; a second one ends at once.

    Raises:
        StoppedError: stopped by the request.
        KeyboardInterrupt: ended at once.
    """
    stop = Stop()

    async def main() -> Result:
        task = asyncio.current_task()

        def interrupted() -> None:
            if not stop.requested:
                told()
                stop.request()
            elif task is not None:
                task.cancel()

        loop = asyncio.get_running_loop()
        handled = [s for s in (signal.SIGINT, signal.SIGTERM) if _handle(loop, s, interrupted)]
        try:
            return await work(stop)
        finally:
            for number in handled:
                loop.remove_signal_handler(number)

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _handle(loop: asyncio.AbstractEventLoop, number: signal.Signals, act: Callable[[], None]) -> bool:
    """False where signals cannot be handled: in a thread, or on a platform without them."""
    try:
        loop.add_signal_handler(number, act)
    except (NotImplementedError, RuntimeError, ValueError):
        return False
    return True
