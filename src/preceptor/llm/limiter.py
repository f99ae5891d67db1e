"""How fast a seat may call: calls in flight, calls a minute, and pauses that the server asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

Sleep = Callable[[float], Awaitable[None]]
Monotonic = Callable[[], float]


class Limiter:
    """One seat's limits. ``slots`` bounds calls in flight; :meth:`turn` is awaited before each try."""

    def __init__(self, concurrency: int, per_minute: int | None, *, now: Monotonic, sleep: Sleep) -> None:
        self.slots = asyncio.Semaphore(concurrency)
        self._interval = 60.0 / per_minute if per_minute else 0.0
        self._now = now
        self._sleep = sleep
        self._next = float("-inf")
        self._paused = float("-inf")

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
        """Hold every further try for ``seconds``: the server said ``Retry-After``."""
        self._paused = max(self._paused, self._now() + seconds)
