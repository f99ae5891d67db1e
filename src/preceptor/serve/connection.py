"""One HTTP/1.1 connection to the upstream, one exchange at a time.

A general client library takes four times as long for an exchange as the server in front of it does. What a proxy
needs of one is little: heads are parsed by llhttp, and bodies are handed on as they come.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import cast

import httptools

from preceptor.serve.headers import Header

_LONGEST_HEAD = 256 * 1024
"""Bytes of an answer's head at most."""
_AHEAD = 256 * 1024
"""Bytes that are read ahead of a client that takes them slowly."""
_BODILESS = frozenset((204, 304))

BROKE_OFF, TIMEOUT = "upstream-broke-off", "upstream-timeout"


class CutError(Exception):
    """The upstream broke off or fell silent. ``kind`` is a short stable word."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Connection(asyncio.Protocol):
    """Made by :class:`preceptor.serve.upstream.Upstream`, which lends it for one exchange after the other.

    Args:
        given_back: called after an exchange that leaves the connection fit for another.
        gone: called once, when the connection is no more.
    """

    def __init__(self, given_back: Callable[[Connection], None], gone: Callable[[Connection], None]) -> None:
        self._given_back = given_back
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._transport = cast("asyncio.Transport", None)
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._upload: asyncio.Task[None] | None = None
        self._upload_error: BaseException | None = None
        self.closed = False
        self.heard = 0.0
        """Loop time of the last sign of life."""
        self._reset(head_only=True)
        self._done = True

    def _reset(self, *, head_only: bool) -> None:
        self._head_only = head_only
        self._parts: list[bytes] = []
        self._ahead = 0
        self._paused = False
        self._done = False
        self._failure = ""
        self._keep = False
        self._to_end = False
        """The body has no length: it ends with the connection."""
        self._head_size = 0
        self.status = 0
        self.headers: list[Header] = []

    # one exchange

    def send(self, head: bytes, body: bytes | AsyncIterator[bytes], *, chunked: bool, head_only: bool) -> None:
        """Begins an exchange. ``head_only``: the answer will have no body (HEAD)."""
        self._reset(head_only=head_only)
        self.heard = self._loop.time()
        if isinstance(body, bytes):
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._upload_error = None
            self._upload = self._loop.create_task(self._uploaded(body, chunked=chunked))
            self._upload.add_done_callback(self._upload_ended)

    async def answered(self) -> None:
        """Waits for the head of the answer: then ``status`` and ``headers`` (names in lower case) are there.

        Raises:
            CutError: there is none.
        """
        while not self.status:
            if self._upload_error is not None:
                raise self._upload_error
            if self._failure:
                raise CutError(self._failure)
            await self._wait()

    @property
    def usable(self) -> bool:
        """False once it is closed, or about to be: the other side may have gone a moment ago."""
        return not self.closed and not self._transport.is_closing()

    @property
    def over(self) -> bool:
        """True once all of the answer has come and was taken."""
        return self._done and not self._parts

    async def chunk(self) -> bytes:
        """What has come of the body since; empty only where nothing more will.

        Raises:
            CutError: it ended before its end.
        """
        while not self._parts:
            if self._done:
                return b""
            if self._failure:
                raise CutError(self._failure)
            await self._wait()
        parts = self._parts
        self._parts = []
        self._ahead = 0
        if self._paused:
            self._paused = False
            self.heard = self._loop.time()
            if self.usable:
                self._transport.resume_reading()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def finish(self) -> None:
        """Ends the exchange: the connection is given back, or closed where the answer or the upload is not over."""
        if self._upload is not None:
            self._upload.cancel()
            self._keep = False
        if self._done and self._keep and self.usable:
            self._given_back(self)
        else:
            self.close()

    def silent(self, since: float) -> bool:
        """Whether it has been waited for in vain since that loop time."""
        return not self._done and not self._paused and self.heard < since

    def fail(self, kind: str) -> None:
        """Ends the exchange with an error; ``kind`` goes to whoever waits."""
        if not self._done and not self._failure:
            self._failure = kind
        self.close()
        self._wake()

    def close(self) -> None:
        """Closes at once."""
        self._keep = False
        self._transport.abort()

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _uploaded(self, body: AsyncIterator[bytes], *, chunked: bool) -> None:
        async for part in body:
            if self.closed:
                return
            self.heard = self._loop.time()
            self._transport.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
            if self._writable is not None:
                await self._writable
        if chunked:
            self._transport.write(b"0\r\n\r\n")

    def _upload_ended(self, task: asyncio.Task[None]) -> None:
        self._upload = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._upload_error = error
            self.fail(BROKE_OFF)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer; of none where none is waited for."""
        if self._done:
            self.close()
            return
        self.heard = self._loop.time()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.fail(BROKE_OFF)
            return
        if not self.status:  # all of it was head
            self._head_size += len(data)
            if self._head_size > _LONGEST_HEAD:
                self.fail(BROKE_OFF)
                return
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is no more: where an answer was to end so, it is whole."""
        self.closed = True
        if not self._done:
            if self.status and self._to_end and exc is None and not self._failure:
                self._done = True
            else:
                self._failure = self._failure or BROKE_OFF
        self.resume_writing()
        self._wake()
        self._gone(self)

    def pause_writing(self) -> None:
        """The upstream takes no more for now."""
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """It does again."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # llhttp

    def on_message_begin(self) -> None:
        """An answer begins; one more than was asked for makes the connection unfit."""
        if self._done:
            self._keep = False
        else:
            self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; what comes after the head are trailers, which are none."""
        if not self.status and not self._done:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is whole. Interim answers (1xx) are passed over."""
        status = self._parser.get_status_code()
        if self._done or 100 <= status < 200:
            return
        if not 200 <= status < 600:
            raise ValueError("no status that HTTP knows")  # the parser ends: the upstream broke off
        self._keep = self._parser.should_keep_alive()
        names = {name for name, _ in self.headers}
        self._to_end = b"content-length" not in names and b"transfer-encoding" not in names
        self.status = status
        if self._head_only or status in _BODILESS:
            # llhttp is not told of HEAD: it waits for a body, so its state is of no more use.
            self._keep = self._keep and not self._head_only
            self._done = True

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if self._done:
            return
        self._parts.append(body)
        self._ahead += len(body)
        if self._ahead > _AHEAD and not self._paused and self.usable:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self.status:
            self._done = True
