"""The server behind: requests go on as bytes, answers come back as bytes.

This is forwarding, not a seat: what is sent is what the client sent, and nothing is retried.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from preceptor.serve.headers import Header
from preceptor.serve.settings import ServeSettings, upstream_parts

Body = bytes | AsyncIterator[bytes] | None

_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""What the client library would add where the request has none."""
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


class CutError(Exception):
    """The upstream broke off in the middle of its answer. ``kind`` as above."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Upstream:
    """Connections to the upstream; open it with ``async with``."""

    def __init__(self, settings: ServeSettings) -> None:
        self._origin, self._path = upstream_parts(settings.upstream)
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Makes the pool. Needs a running event loop."""
        settings = self._settings
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_SECONDS, ttl_dns_cache=30),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=settings.connect_seconds, sock_read=settings.idle_seconds
            ),
            auto_decompress=False,
            skip_auto_headers=_ADDED,
            cookie_jar=aiohttp.DummyCookieJar(),
            max_line_size=65536,
            max_field_size=65536,
        )

    async def close(self) -> None:
        """Closes all connections."""
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def send(
        self, method: str, path: str, headers: Sequence[Header], body: Body
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """Sends a request; ``path`` is what follows ``/v1``, with its query, as it came.

        The connection is closed at once where the body of the block ends before the answer does.

        Raises:
            UpstreamError: no answer.
        """
        assert self._session is not None, "open the upstream first"
        url = URL(f"{self._origin}{self._path}{path}", encoded=True)
        given = CIMultiDict((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
        if isinstance(body, bytes) and len(body) > _PIECE:
            body = _in_pieces(body)
        try:
            response = await self._session.request(
                method, url, headers=given, data=body, allow_redirects=False, compress=None
            )
        except aiohttp.ConnectionTimeoutError as error:
            raise UpstreamError(504, "upstream-timeout", "the upstream took no connection in time") from error
        except TimeoutError as error:
            raise UpstreamError(504, "upstream-timeout", "the upstream gave no answer in time") from error
        except aiohttp.ClientConnectorError as error:
            raise UpstreamError(502, "upstream-down", "the upstream cannot be reached") from error
        except aiohttp.ClientError as error:
            raise UpstreamError(502, "upstream-broke-off", "the upstream broke off before it answered") from error
        try:
            yield response
        finally:
            if response.content.at_eof():
                response.release()
            else:
                response.close()

    async def chunks(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        """The answer's bytes as they come. CutError where it breaks off."""
        try:
            async for chunk in response.content.iter_any():
                yield chunk
        except TimeoutError as error:
            raise CutError("upstream-timeout") from error
        except aiohttp.ClientError as error:
            raise CutError("upstream-broke-off") from error


async def _in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _PIECE):
        yield body[start : start + _PIECE]
