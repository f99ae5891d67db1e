"""Stopping a run without losing what is paid for: the ledger lets no further call begin, those under way end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

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
