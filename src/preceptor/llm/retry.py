"""Trying again, with patience and an end: the limiter, the retry and the timeout around one model."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from preceptor.core.errors import ModelBusyError, ModelDownError, ModelError, ModelTimeoutError
from preceptor.core.settings import SeatConfig
from preceptor.llm.faults import SlowDownError, passing
from preceptor.llm.limiter import Limiter, Sleep
from preceptor.llm.model import ChatModel, ChatReply, ChatRequest

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
_LONGEST_PAUSE = 300.0
"""A ``Retry-After`` beyond this is not waited for: better to stop and resume."""

Failed = Callable[[ModelError, bool], Awaitable[None]]
"""Told of each failed try and whether it was the last; may raise to end the call."""


class Retrying:
    """One seat's patience with one model: waits ``retries`` times, half a second at first, then twice as long."""

    def __init__(
        self,
        model: ChatModel,
        config: SeatConfig,
        limiter: Limiter,
        *,
        seat: str,
        sleep: Sleep,
        rng: random.Random,
    ) -> None:
        self._model = model
        self._config = config
        self._limiter = limiter
        self._seat = seat
        self._sleep = sleep
        self._rng = rng

    async def complete(self, request: ChatRequest, failed: Failed) -> ChatReply:
        """The model's answer, after as many tries as it takes or may take.

        Raises:
            ModelError: what the last try ended in; ``failed`` has been told of every try.
        """
        tries = self._config.retries + 1
        async with self._limiter.slots:
            for number in range(1, tries + 1):
                await self._limiter.turn()
                try:
                    return await self._one_try(request)
                except ModelError as error:
                    last = not passing(error) or number == tries or _pause(error) > _LONGEST_PAUSE
                    await failed(error, last)
                    if not passing(error):
                        raise
                    if last:
                        raise self._ended(error, number) from error
                    await self._wait(error, number)
        raise AssertionError("the loop returns or raises")

    async def _one_try(self, request: ChatRequest) -> ChatReply:
        try:
            async with asyncio.timeout(self._config.timeout):
                return await self._model.complete(request)
        except TimeoutError as error:
            raise ModelTimeoutError(
                f"{self._model.spec} gave no answer within {self._config.timeout:g} s",
                hint=f"raise seats.{self._seat}.timeout, or lower its concurrency",
                kind="timeout",
            ) from error

    async def _wait(self, error: ModelError, number: int) -> None:
        pause = _pause(error)
        if pause:
            self._limiter.pause(pause)
        backoff = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (number - 1))
        await self._sleep(max(pause, backoff * self._rng.uniform(0.5, 1.0)))

    def _ended(self, error: ModelError, tries: int) -> ModelError:
        """The last error, with the tries told; same class, kind and hint."""
        after = f"{error.message} (after {tries} {'try' if tries == 1 else 'tries'})"
        if isinstance(error, ModelTimeoutError):
            return ModelTimeoutError(after, hint=error.hint, kind=error.kind)
        if isinstance(error, ModelDownError):
            return ModelDownError(after, hint=error.hint, kind=error.kind)
        if isinstance(error, SlowDownError):
            after = f"{after}; the server asks to wait {error.retry_after:g} s"
        hint = f"lower seats.{self._seat}.concurrency or set per_minute, then resume"
        return ModelBusyError(after, hint=error.hint or hint, kind=error.kind)


def _pause(error: ModelError) -> float:
    return error.retry_after if isinstance(error, SlowDownError) else 0.0
