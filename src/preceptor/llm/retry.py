"""Trying again, with patience and an end: limits, retries, timeouts, hedging and the breaker around one model."""

from __future__ import annotations

import asyncio
import random
from contextlib import ExitStack
from typing import Protocol

from preceptor.core.errors import BadAnswerError, ModelBusyError, ModelDownError, ModelError, ModelTimeoutError
from preceptor.core.settings import SeatConfig
from preceptor.llm.breaker import Breaker
from preceptor.llm.faults import SlowDownError, passing
from preceptor.llm.limiter import Limiter, Sleep
from preceptor.llm.model import ChatModel, ChatReply, ChatRequest

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
_LONGEST_PAUSE = 300.0
"""A ``Retry-After`` beyond this is not waited for: better to stop and resume."""


class Try(Protocol):
    """One try as the account sees it; exactly one of the ends is told."""

    def answered(self, reply: ChatReply) -> None:
        """It was answered."""
        ...

    async def failed(self, error: ModelError) -> None:
        """It failed."""
        ...

    def abandoned(self) -> None:
        """It was given up while under way: the server may charge for it."""
        ...


class Account(Protocol):
    """Who pays for tries."""

    async def begin(self) -> Try:
        """Told before each try. May wait; raises to end the call (BudgetError, StoppedError)."""
        ...


class Retrying:
    """One seat's patience with one model: waits ``retries`` times, half a second at first, then twice as long."""

    def __init__(
        self,
        model: ChatModel,
        config: SeatConfig,
        limiter: Limiter,
        breaker: Breaker,
        *,
        seat: str,
        sleep: Sleep,
        rng: random.Random,
    ) -> None:
        self._model = model
        self._config = config
        self._limiter = limiter
        self._breaker = breaker
        self._seat = seat
        self._sleep = sleep
        self._rng = rng

    async def complete(self, request: ChatRequest, key: str, account: Account) -> ChatReply:
        """The model's answer, after as many tries as it takes or may take.

        Raises:
            ModelError: what the last try ended in; ``account`` has been told of every try.
            ModelDownError: no call gets an answer, for longer than may be waited for.
        """
        number = 0
        while True:
            number += 1
            try:
                async with self._limiter.slot():
                    await self._limiter.turn()
                    return await self._hedged(request, account)
            except ModelError as error:
                if not passing(error):
                    # What is wrong with an answer is told with its seat by whoever asked.
                    if not isinstance(error, BadAnswerError):
                        error.of_seat(self._seat)
                    raise
                self._breaker.failed(key)
                if _pause(error) > _LONGEST_PAUSE:
                    raise self._ended(error, number) from error
                if number > self._config.retries and not self._waits_on():
                    raise self._over(error, number) from error
                await self._wait(error, number)

    def _waits_on(self) -> bool:
        return self._breaker.down and self._breaker.worth_waiting and self._config.retries > 0

    async def _hedged(self, request: ChatRequest, account: Account) -> ChatReply:
        """One try; where hedging is on and it takes long, a second beside it, and the first answer counts."""
        if self._config.hedge is None:
            return await self._one_try(request, account)
        first = asyncio.ensure_future(self._one_try(request, account))
        tries = {first}
        try:
            done, _ = await asyncio.wait(tries, timeout=self._config.hedge)
            if not done:
                tries.add(asyncio.ensure_future(self._one_try(request, account)))
            while True:
                done, left = await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
                good = next((t for t in done if t.exception() is None), None)
                if good is not None:
                    return good.result()
                if not left:
                    return await first  # raises what it met
                tries = set(left)
        finally:
            for one in tries:
                one.cancel()
            await asyncio.gather(*tries, return_exceptions=True)

    async def _one_try(self, request: ChatRequest, account: Account) -> ChatReply:
        trial = await account.begin()
        began = self._limiter.began()
        with ExitStack() as otherwise:
            otherwise.callback(trial.abandoned)  # cancelled, or an error that no model raises
            try:
                reply = await self._timed(request)
            except ModelError as error:
                otherwise.pop_all()
                if isinstance(error, (ModelBusyError, ModelTimeoutError)):
                    self._limiter.busy(began)
                await trial.failed(error)
                raise
            otherwise.pop_all()
        self._limiter.good()
        self._breaker.answered()
        if reply.pause:
            self._limiter.pause(min(reply.pause, _LONGEST_PAUSE))
        trial.answered(reply)
        return reply

    async def _timed(self, request: ChatRequest) -> ChatReply:
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
        backoff = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(number - 1, 10))
        await self._sleep(max(pause, backoff * self._rng.uniform(0.5, 1.0)))

    def _over(self, error: ModelError, tries: int) -> ModelError:
        """How a call ends that was tried often enough: alone, or with the run where nobody gets an answer."""
        if not self._breaker.down or isinstance(error, ModelDownError):
            return self._ended(error, tries)
        return ModelDownError(
            f"{self._seat}: {self._model.spec} has answered no call for {self._breaker.seconds:.0f} s: "
            f"{error.message}",
            hint="when it is up again, resume",
            kind="outage",
        )

    def _ended(self, error: ModelError, tries: int) -> ModelError:
        """The last error, with the tries told; same class, kind and hint."""
        after = f"{self._seat}: {error.message} (after {tries} {'try' if tries == 1 else 'tries'})"
        if isinstance(error, ModelTimeoutError):
            return ModelTimeoutError(after, hint=error.hint, kind=error.kind)
        if isinstance(error, ModelDownError):
            return ModelDownError(after, hint=error.hint, kind=error.kind)
        if isinstance(error, SlowDownError):
            after = f"{after}; the server asks to wait {error.retry_after:g} s"
        hint = f"lower seats.{self._seat}.concurrency or set per_minute, then resume"
        if not isinstance(error, SlowDownError):
            hint = f"see the server's log; if it has too much to do, {hint}"
        return ModelBusyError(after, hint=error.hint or hint, kind=error.kind)


def _pause(error: ModelError) -> float:
    return error.retry_after if isinstance(error, SlowDownError) else 0.0
