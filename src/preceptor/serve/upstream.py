"""The server behind: requests go on as bytes, answers come back as bytes.

This is forwarding, not a seat: what is sent is what the client sent, and nothing is retried.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack

from preceptor.serve.connection import BROKE_OFF, TIMEOUT, Connection, CutError
from preceptor.serve.headers import Header
from preceptor.serve.settings import ServeSettings, upstream_parts, upstream_socket

Body = bytes | AsyncIterator[bytes] | None

_KEEP_SECONDS = 4.0
"""Below the 5 s after which common servers close an idle connection, so that none is used as it goes away."""

_PIECE = 256 * 1024
"""Bytes of a large body handed to the socket at once, so that one upload does not hold up all others."""


class UpstreamError(Exception):
    """The upstream gave no answer. ``status`` is ours to the client, ``kind`` a short stable word."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


class Upstream:
    """Connections to the upstream: as many as requests are under way; the one used last is used next."""

    def __init__(self, settings: ServeSettings) -> None:
        origin, self._path = upstream_parts(settings.upstream)
        self._host, self._port, self._tls = upstream_socket(origin)
        self._named = origin.partition("://")[2].encode()
        self._settings = settings
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._context: ssl.SSLContext | None = None

    async def open(self) -> None:
        """Makes ready. Needs a running event loop."""
        if self._tls:
            self._context = await asyncio.to_thread(ssl.create_default_context)
            self._context.set_alpn_protocols(["http/1.1"])
        self._sweep()

    async def close(self) -> None:
        """Closes all connections."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for one in tuple(self._open):
            one.close()

    async def send(self, method: str, path: str, headers: Sequence[Header], body: Body) -> Connection:
        """Sends a request and waits for the head of the answer; ``path`` is what follows ``/v1``, with its query,
        as it came. Whoever gets the connection calls its ``finish``.

        Raises:
            UpstreamError: no answer.
        """
        lines = [f"{method} {self._path}{path} HTTP/1.1\r\nhost: ".encode("latin-1"), self._named, b"\r\n"]
        chunked = body is not None and not isinstance(body, bytes)
        for name, value in headers:
            lines += (name, b": ", value, b"\r\n")
            chunked = chunked and name != b"content-length"
        lines.append(b"transfer-encoding: chunked\r\n\r\n" if chunked else b"\r\n")
        if isinstance(body, bytes) and len(body) > _PIECE:
            body = _in_pieces(body)
        connection = self._known() or await self._connected()
        with ExitStack() as asked:
            asked.callback(connection.finish)
            try:
                connection.send(b"".join(lines), body or b"", chunked=chunked, head_only=method == "HEAD")
                await connection.answered()
            except CutError as error:
                if error.kind == TIMEOUT:
                    raise UpstreamError(504, TIMEOUT, "the upstream gave no answer in time") from error
                raise UpstreamError(502, BROKE_OFF, "the upstream broke off before it answered") from error
            asked.pop_all()
        return connection

    def _known(self) -> Connection | None:
        oldest = asyncio.get_running_loop().time() - _KEEP_SECONDS
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and connection.heard > oldest:
                return connection
            connection.close()
        return None

    async def _connected(self) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._settings.connect_seconds):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._idle.append, self._gone), self._host, self._port, ssl=self._context
                )
        except TimeoutError as error:
            raise UpstreamError(504, TIMEOUT, "the upstream took no connection in time") from error
        except ssl.SSLCertVerificationError as error:
            raise UpstreamError(502, "upstream-down", "the upstream's certificate cannot be verified") from error
        except OSError as error:
            raise UpstreamError(502, "upstream-down", "the upstream cannot be reached") from error
        self._open.add(connection)
        return connection

    def _gone(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def _sweep(self) -> None:
        """One timer for all connections: setting one for each request costs more than it is worth."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        silence = self._settings.idle_seconds
        for connection in tuple(self._open):
            if connection.silent(now - silence):
                connection.fail(TIMEOUT)
        for connection in tuple(self._idle):
            if connection.heard < now - _KEEP_SECONDS:
                connection.close()
        self._sweeper = loop.call_later(min(1.0, silence / 4), self._sweep)


async def _in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _PIECE):
        yield body[start : start + _PIECE]
