"""A request's body, within limits of size and time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.types import Receive


class RefusedError(Exception):
    """The request is answered here. ``status`` and ``kind`` go to the client."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


class GoneError(Exception):
    """The client went away."""


class Intake:
    """Reads the body of one request."""

    def __init__(self, receive: Receive, *, limit: int, seconds: float) -> None:
        self._receive = receive
        self._limit = limit
        self._seconds = seconds
        self._late = False
        self.size = 0
        """Bytes taken so far."""
        self.done = False
        """True once the body is whole: what the client says after it is only that it goes."""
        self.failure: RefusedError | GoneError | None = None
        """Why it ended early; whoever was reading may have wrapped it."""

    def check_length(self, told: str) -> None:
        """Refuses by ``Content-Length`` before a byte is read. RefusedError."""
        if told and (not (told.isascii() and told.isdecimal()) or int(told) > self._limit):
            raise self._too_large()

    async def whole(self) -> bytes:
        """All of it. RefusedError: too large or too slow; GoneError: the client left."""
        first = await self._next()
        if self.done:
            return first
        return b"".join([first, *[part async for part in self.parts()]])

    async def parts(self) -> AsyncIterator[bytes]:
        """As it comes. Raises as :meth:`whole`."""
        while not self.done:
            part = await self._next()
            if part:
                yield part

    async def forget(self, seconds: float) -> None:
        """Takes the rest and forgets it, for so many seconds at most. A connection that is closed on bytes which
        nobody read is reset, and its client may never see the answer (RFC 9112, 9.6)."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.done:
                    message = await self._receive()
                    self.done = message["type"] == "http.disconnect" or not message.get("more_body", False)

    async def _next(self) -> bytes:
        # By hand: for a body that came with its head, asyncio.timeout takes as long as all else here.
        reading = asyncio.current_task()
        assert reading is not None
        timer = asyncio.get_running_loop().call_later(self._seconds, self._end, reading)
        try:
            message = await self._receive()
        except asyncio.CancelledError:
            if not self._late:
                raise
            reading.uncancel()
            raise self._failed(RefusedError(408, "slow-body", "the request's body came too slowly")) from None
        finally:
            timer.cancel()
        if message["type"] == "http.disconnect":
            raise self._failed(GoneError())
        self.done = not message.get("more_body", False)
        part: bytes = message.get("body", b"")
        self.size += len(part)
        if self.size > self._limit:
            raise self._failed(self._too_large())
        return part

    def _end(self, reading: asyncio.Task[object]) -> None:
        self._late = True
        reading.cancel()

    def _failed(self, error: RefusedError | GoneError) -> RefusedError | GoneError:
        self.failure = error
        return error

    def _too_large(self) -> RefusedError:
        return RefusedError(413, "too-large", f"the request's body is larger than {self._limit} bytes")
