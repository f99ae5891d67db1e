"""How fast a seat may call: calls in flight, calls a minute, and pauses that the server asks for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

Sleep = Callable[[float], Awaitable[None]]
Monotonic = Callable[[], float]


class Limiter:
    """One seat's limits.

    Calls in flight are bounded by ``concurrency`` and, below it, by what the server bears: halved when it says
    that it is busy, one more after each round of good answers (AIMD, as TCP does; Chiu and Jain 1989).
    """

    def __init__(self, concurrency: int, per_minute: int | None, *, now: Monotonic, sleep: Sleep) -> None:
        self._most = concurrency
        self._room = float(concurrency)
        self._in_flight = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._interval = 60.0 / per_minute if per_minute else 0.0
        self._now = now
        self._sleep = sleep
        self._next = float("-inf")
        self._paused = float("-inf")
        self._halved = float("-inf")

    @property
    def room(self) -> int:
        """Calls that may be in flight at once right now."""
        return max(1, int(self._room))

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[None]:
        """A place among the calls in flight, first come first served."""
        await self._enter()
        try:
            yield
        finally:
            self._in_flight -= 1
            self._admit()

    async def turn(self) -> None:
        """Wait for this try's place: evenly spaced, so that no minute holds more than its number."""
        now = self._now()
        at = max(now, self._next, self._paused)
        if self._interval:
            self._next = at + self._interval
        while at > now:
            await self._sleep(at - now)
            now = self._now()
            at = max(at, self._paused)

    def pause(self, seconds: float) -> None:
        """Hold every further try for ``seconds``: the server said so."""
        self._paused = max(self._paused, self._now() + seconds)

    def good(self) -> None:
        """A call was answered."""
        self._room = min(float(self._most), self._room + 1.0 / max(1.0, self._room))
        self._admit()

    def busy(self, began: float) -> None:
        """A try that began at ``began`` met a server that had too much to do. One halving answers for all the
        tries that were under way together."""
        if began >= self._halved:
            self._halved = self._now()
            self._room = max(1.0, min(self._room, float(max(1, self._in_flight))) / 2)

    def began(self) -> float:
        """The moment to tell :meth:`busy`."""
        return self._now()

    async def _enter(self) -> None:
        if self._in_flight < self.room and not self._queue:
            self._in_flight += 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._queue.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._in_flight -= 1  # admitted and cancelled in the same moment
                self._admit()
            raise

    def _admit(self) -> None:
        while self._queue and self._in_flight < self.room:
            waiter = self._queue.popleft()
            if not waiter.done():
                self._in_flight += 1
                waiter.set_result(None)
